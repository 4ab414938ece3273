//! Limits that a definition names, compiled.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compile::Problems;
use super::names::{Names, Place};
use crate::definition::{Concurrency, ConcurrencyRate, ConcurrencyScope};
use crate::expression::{ItemNames, Template, json_as_text};
use crate::id::StepIndex;
use crate::limit::{RATE_COUNT_MAX, Rate, Size, Wish};

/// Longest key of a limit, in characters.
const KEY_CHARS_MAX: usize = 256;

/// A limit that is asked for a slot before something starts.
#[derive(Debug)]
pub(crate) struct SlotRule {
    key: Template,
    fairness_key: Template,
    priority: Template,
    size: Size,
    /// What stands before the key in the limit's name.
    prefix: String,
    /// The limit's name, if there is no key.
    own_name: String,
}

/// What is limited.
#[derive(Clone, Copy)]
pub(super) enum Limited<'d> {
    /// The runs of this workflow.
    Runs(&'d str),
    /// A step of this workflow.
    Step(&'d str, &'d str, StepIndex),
}

impl SlotRule {
    /// What has to be rendered to make a wish: key, fairness key, priority.
    pub(crate) fn templates(&self) -> [&Template; 3] {
        [&self.key, &self.fairness_key, &self.priority]
    }

    /// The wish that what was rendered makes.
    ///
    /// # Errors
    /// What is wrong with it, one line.
    pub(crate) fn wish(&self, [key, fairness_key, priority]: &[Value; 3]) -> Result<Wish, String> {
        let limit = match text(key, "key", "concurrency")? {
            // Names that begin so are those of limits of the store.
            Some(key) if self.prefix.is_empty() && key.starts_with('@') => {
                return Err("`key` of `concurrency` begins with `@`, which is kept for the store"
                    .to_owned());
            }
            Some(key) => format!("{}{key}", self.prefix),
            None => self.own_name.clone(),
        };
        Ok(Wish {
            limit,
            size: self.size,
            fairness_key: text(fairness_key, "fairness_key", "concurrency")?.unwrap_or_default(),
            priority: number(priority)?,
        })
    }
}

/// Text of at most [`KEY_CHARS_MAX`] characters; `None` if nothing is said.
pub(super) fn text(value: &Value, name: &str, of: &str) -> Result<Option<String>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let text = json_as_text(value);
    let chars = text.chars().count();
    if !(1..=KEY_CHARS_MAX).contains(&chars) || text.chars().any(char::is_control) {
        return Err(format!(
            "`{name}` of `{of}` has {chars} characters; it needs 1 to {KEY_CHARS_MAX}, and none that is invisible"
        ));
    }
    Ok(Some(text))
}

fn number(value: &Value) -> Result<i32, String> {
    let number = match value {
        Value::Null => return Ok(0),
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let number = number.and_then(|number: i64| i32::try_from(number).ok());
    number.ok_or_else(|| {
        format!("`priority` of `concurrency` is {value}; it must be an integer of 32 bits")
    })
}

/// Compiles a limit; `None` if that is not possible, with the reasons among `problems`. Adds the steps its expressions name.
/// What they call an item, if there are any, is `item`.
pub(super) fn compile_slot(
    concurrency: &Concurrency,
    (limited, item): (Limited<'_>, Option<&ItemNames>),
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<SlotRule> {
    check(concurrency, limited, problems);
    let mut compile = |field, value: Option<&Value>| {
        let Some(value) = value else { return Some(Template::default()) };
        let place = limited.place(field);
        let template = problems.take(place.path(), Template::compile_with(value, item))?;
        needs.extend(names.check(&template.references(), &place, problems));
        Some(template)
    };
    let key = compile("key", concurrency.key.clone().map(Value::from).as_ref());
    let fairness_key =
        compile("fairness_key", concurrency.fairness_key.clone().map(Value::from).as_ref());
    let priority = compile("priority", concurrency.priority.as_ref());
    if let Some(Err(message)) = priority.as_ref().and_then(Template::literal).map(number) {
        problems.error("NX1151", limited.place("priority").path(), message).hint =
            Some("higher numbers come first; 0 is the default".to_owned());
    }
    let rate = concurrency.rate.map(|rate| Rate { count: rate.limit, per_ms: rate.per_ms });
    let (prefix, own_name) = limited.name(concurrency.scope);
    Some(SlotRule {
        key: key?,
        fairness_key: fairness_key?,
        priority: priority?,
        size: Size { slots: concurrency.limit, rate },
        prefix,
        own_name,
    })
}

fn check(concurrency: &Concurrency, limited: Limited<'_>, problems: &mut Problems) {
    let mut error = |code, field, message: &str, hint: &str| {
        problems.error(code, limited.place(field).path(), message).hint = Some(hint.to_owned());
    };
    if concurrency.limit.is_none() && concurrency.rate.is_none() {
        let hint = "say how many at one time with `limit`, or how many in a time with `rate`";
        error("NX1150", "", "`concurrency` says neither `limit` nor `rate`", hint);
    }
    if concurrency.limit == Some(0) {
        error(
            "NX1151",
            "limit",
            "`limit` is 0, so nothing could ever start",
            "write a number from 1",
        );
    }
    let rate = concurrency.rate.unwrap_or(ConcurrencyRate { limit: 1, per_ms: 1 });
    if rate.limit == 0 || rate.per_ms == 0 {
        error(
            "NX1151",
            "rate",
            "a `rate` needs a `limit` and a time above 0",
            "such as `{ limit: 100, per: 1m }`",
        );
    }
    if rate.limit > RATE_COUNT_MAX {
        let message = format!("`limit` of a `rate` is at most {RATE_COUNT_MAX}");
        let hint = "write the same rate with a smaller number in a shorter time";
        error("NX1151", "rate", &message, hint);
    }
    if concurrency.scope == ConcurrencyScope::Global && concurrency.key.is_none() {
        let hint = "without a key, the limit is that of this workflow";
        error("NX1152", "scope", "`scope: global` needs a `key`", hint);
    }
}

impl<'d> Limited<'d> {
    fn place(self, field: &'d str) -> Place<'d> {
        match self {
            Self::Runs(_) => Place::run_slot(field),
            Self::Step(_, id, index) => Place::step_slot(id, index, field),
        }
    }

    /// What stands before a key, and the name without one.
    ///
    /// Runs and steps of a workflow never share a limit: a run that holds the last slot would wait for its own step.
    fn name(self, scope: ConcurrencyScope) -> (String, String) {
        let (prefix, own) = match self {
            Self::Runs(workflow) => (format!("{workflow}:"), workflow.to_owned()),
            Self::Step(workflow, step, _) => (format!("{workflow}/"), format!("{workflow}/{step}")),
        };
        match scope {
            ConcurrencyScope::Workflow => (prefix, own),
            ConcurrencyScope::Global => (String::new(), own),
        }
    }
}
