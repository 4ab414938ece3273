//! What is recorded beside what the function does.

use std::fmt::Write;

use nexus_model::code::{CallMade, step_id};
use nexus_model::payload::{ContentType, Payload};

use super::said::{Fresh, Likeness, likeness};

/// Longest input that is shown as it is; of a longer one its hash is.
const INPUT_CHARS_MAX: usize = 60;
/// Digits of a hash that are shown.
const DIGITS: usize = 8;

/// The turn in which a function does something else than what is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Differs {
    /// The turn.
    pub(super) turn: u32,
    /// The outcome it began with: the id of a step; empty for the first.
    pub(super) after: String,
    /// Recorded, and done.
    pub(super) same: Vec<Line>,
    /// Recorded, and not done.
    pub(super) removed: Vec<Line>,
    /// Done, and not recorded.
    pub(super) added: Vec<Line>,
}

/// A call in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its id, or its name if it has none.
    pub(super) id: String,
    /// What it is like; `None`: the end of the function.
    pub(super) like: Option<Likeness>,
    /// Its input, as far as that is known and short.
    input: Option<String>,
}

impl Line {
    pub(super) fn recorded(call: &CallMade) -> Self {
        let input = match &call.input {
            Payload::Null => Some("null".to_owned()),
            Payload::Inline(ContentType::Json, bytes) => short(bytes),
            Payload::Inline(..) | Payload::Stored(..) => None,
        };
        Self { id: call.id(), like: Some(likeness(call)), input }
    }

    pub(super) fn named(fresh: &Fresh, round: u32, count: u32) -> Self {
        let is_json = fresh.input.content_type == ContentType::Json;
        let input = if is_json { short(&fresh.input.bytes) } else { None };
        Self { id: step_id(&fresh.name, round, count), like: Some(fresh.likeness()), input }
    }

    pub(super) fn end() -> Self {
        Self { id: "the end".to_owned(), like: None, input: None }
    }

    fn is_like(&self, of: impl Fn(&Likeness) -> bool) -> bool {
        self.like.as_ref().is_some_and(of)
    }

    fn shown(&self) -> String {
        match &self.like {
            None => self.id.clone(),
            Some(Likeness { kind, input, .. }) => {
                if let Some(input) = &self.input {
                    return format!("{} ({kind}, input {input})", self.id);
                }
                let mut hash = String::new();
                for byte in input.0.iter().take(DIGITS / 2) {
                    let _ = write!(hash, "{byte:02x}");
                }
                format!("{} ({kind}, input {hash})", self.id)
            }
        }
    }
}

/// A value that is short enough to be shown as it is. Of one that is not, a part would not tell it from another.
pub(super) fn short(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_short = text.chars().count() <= INPUT_CHARS_MAX && !text.chars().any(char::is_control);
    is_short.then(|| text.to_owned())
}

impl Differs {
    /// What differs, naming the call.
    pub(super) fn sentence(&self) -> String {
        let place = match self.after.as_str() {
            "" => "at its beginning".to_owned(),
            after => format!("after `{after}`"),
        };
        format!("the function differs from what is recorded, {place}: {}", self.what())
    }

    fn what(&self) -> String {
        let (Some(removed), added) = (self.removed.first(), &self.added) else {
            return match self.added.first() {
                Some(added) if added.like.is_none() => "it returns too early".to_owned(),
                Some(added) => format!("it makes a call `{}` that is not recorded", added.id),
                None => "it says something else".to_owned(),
            };
        };
        let Some(like) = &removed.like else {
            return match added.first() {
                Some(added) => {
                    format!("it calls `{}`, where it is recorded to have returned", added.id)
                }
                None => "it goes on, where it is recorded to have returned".to_owned(),
            };
        };
        let same_name = added.iter().find(|line| line.is_like(|other| other.name == like.name));
        if let Some(Line { like: Some(other), .. }) = same_name {
            return if other.kind == like.kind {
                format!("`{}` is called with another input", removed.id)
            } else {
                format!("`{}` was a {} and is a {}", removed.id, like.kind, other.kind)
            };
        }
        let moved = |line: &&Line| {
            line.is_like(|other| other.kind == like.kind && other.input == like.input)
        };
        match (added.iter().find(moved), added.first()) {
            (Some(renamed), _) => {
                format!("it calls `{}`, where `{}` is recorded", renamed.id, removed.id)
            }
            (None, Some(line)) if line.like.is_none() => {
                format!("it returns, where a call `{}` is recorded", removed.id)
            }
            (None, Some(line)) => {
                format!("it calls `{}`, where `{}` is recorded", line.id, removed.id)
            }
            (None, None) => format!("it does not make the call `{}` that is recorded", removed.id),
        }
    }

    /// What is recorded, and what the function does.
    pub(crate) fn sides(&self) -> (Vec<String>, Vec<String>) {
        let lines = |one: &[Line]| self.same.iter().chain(one).map(Line::shown).collect();
        (lines(&self.removed), lines(&self.added))
    }

    /// Both sides, line by line: what is on one side only is marked.
    pub(super) fn table(&self) -> String {
        let rows = self.same.iter().map(|line| (" ", line.shown(), line.shown()));
        let removed = self.removed.iter().map(|line| ("-", line.shown(), String::new()));
        let added = self.added.iter().map(|line| ("+", String::new(), line.shown()));
        let rows: Vec<_> = rows.chain(removed).chain(added).collect();
        let width = rows.iter().map(|(_, left, _)| left.chars().count()).max().unwrap_or(0).max(8);
        let mut table = format!("  {:width$}  {}", "recorded", "this program");
        for (mark, left, right) in rows {
            table.push('\n');
            table.push_str(format!("{mark} {left:width$}  {right}").trim_end());
        }
        table
    }
}
