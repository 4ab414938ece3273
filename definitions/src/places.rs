//! From a path in a definition to a place in the file it was read from.

use std::ops::Range;

use nexus_model::plan::DefinitionError;

use crate::check::condition_of;
use crate::problem::{Problem, Severity};
use crate::source::{Fault, Source, offset_in_scalar, range_of};
use crate::yaml::{Node, Tree};

/// Where every value of a definition stands.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) source: Source,
    pub(crate) tree: Tree,
}

impl Places {
    /// The error with its line and column.
    pub(crate) fn problem(&self, error: &DefinitionError) -> Problem {
        let hint = error.hint.as_deref().or_else(|| usual_hint(error.code));
        self.source.problem(Fault {
            code: error.code,
            range: self.range(&input_key(error), error.range.clone()),
            message: error.message.clone(),
            hint: hint.map(str::to_owned),
            severity: if error.warning { Severity::Warning } else { Severity::Error },
        })
    }

    /// The byte range of what stands at `path`, or of the nearest thing above it.
    fn range(&self, path: &[String], inside: Option<Range<usize>>) -> Range<usize> {
        let text = self.source.text();
        let mut tree = &self.tree;
        let mut key_range = 0..0;
        let mut complete = true;
        for part in path {
            let Some((range, next)) = child(tree, part, text) else {
                complete = false;
                break;
            };
            key_range = range;
            tree = next;
        }
        let range = range_of(&tree.defined, text);
        match &tree.value {
            Node::Text(value) => match inside.filter(|_| complete) {
                Some(inside) => part_of(text, &range, value, inside, is_condition(path)),
                None => range,
            },
            Node::Bool(_) | Node::Number(_) => range,
            Node::Null | Node::List(_) | Node::Map(_) => key_range,
        }
    }
}

/// Whether the text at `path` is one expression in braces.
fn is_condition(path: &[String]) -> bool {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        keys.as_slice(),
        ["steps", _, "if"]
            | ["steps", _, "wait_for", "match" | "accepts"]
            | ["steps", _, "switch", "cases", _, "when"]
            | ["steps", _, "repeat", "until"]
    )
}

/// The path of an error, down to the key of an input's declaration that it is about.
fn input_key(error: &DefinitionError) -> Vec<String> {
    let mut path = error.path.clone();
    if let [inputs, _] = path.as_slice()
        && inputs == "inputs"
    {
        let key = match error.code {
            "NX1207" => Some("min"),
            "NX1208" => Some("pattern"),
            _ if error.message.starts_with("default: ") => Some("default"),
            _ if error.message.contains("`enum`") => Some("enum"),
            _ => None,
        };
        path.extend(key.map(str::to_owned));
    }
    path
}

/// What helps with most errors of a code, where the error itself does not know better.
fn usual_hint(code: &str) -> Option<&'static str> {
    match code {
        "NX1104" => Some("the ids of steps are the keys below `steps`"),
        "NX1105" => Some("take one of these needs or references away"),
        "NX1106" => Some("write a letter or `_`, then letters, digits, `_` and `-`"),
        "NX1201" => Some("write one such as 500ms, 30s, 15m, 1h30m or 2d"),
        "NX1204" => Some("write a value of the declared type, or change the type"),
        "NX1207" => Some("change one of the two numbers"),
        "NX1208" => {
            Some("check the brackets, and write a backslash for itself as two in double quotes")
        }
        "NX2001" => Some(
            "an expression is written as in ${{ inputs.total * 2 }}; the reference lists the operators",
        ),
        "NX2101" => {
            Some("known names: inputs, steps, run, step, env, and this in the outputs of a step")
        }
        "NX2301" => Some("compute a part of it in a `set` step"),
        _ => None,
    }
}

/// The value under `part`, and where to point if it is not a scalar.
fn child<'t>(tree: &'t Tree, part: &str, text: &str) -> Option<(Range<usize>, &'t Tree)> {
    if let Some((key, value)) = tree.value.entries().iter().find(|(key, _)| key.value == part) {
        return Some((range_of(&key.defined, text), value));
    }
    let item = tree.value.items().get(part.parse::<usize>().ok()?)?;
    Some((range_of(&item.defined, text), item))
}

/// The bytes in the file of the part `inside` of a text. The range of a condition counts from its expression.
fn part_of(
    text: &str,
    range: &Range<usize>,
    value: &str,
    inside: Range<usize>,
    condition: bool,
) -> Range<usize> {
    let raw = text.get(range.clone()).unwrap_or_default();
    let lead = if condition { condition_of(value).map_or(0, |(lead, _)| lead) } else { 0 };
    let clamp = |at: usize| (at + lead).min(value.len());
    let (from, to) = (clamp(inside.start), clamp(inside.end));
    let start = offset_in_scalar(raw, value, from);
    let last = value
        .get(from..to)
        .and_then(|part| part.char_indices().next_back())
        .map_or(from, |(at, _)| from + at);
    let end = offset_in_scalar(raw, value, last).max(start);
    let width = raw.get(end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    range.start + start..range.start + end + width
}
