//! What decides whether and when a run is started, compiled.

use serde_json::Value;

use super::Plan;
use super::compile::Problems;
use super::names::{Names, Place};
use super::slots::text;
use crate::definition::{Debounce, Dedupe, Definition};
use crate::expression::{EvalError, Template};
use crate::start_key::StartRule;

/// The key of a run that stands for all starts of its workflow.
const ONLY_KEY: &str = "all";

/// The key of starts, and what is done with those that have the same.
#[derive(Debug)]
pub(crate) struct CompiledStartRule {
    key: Template,
    does: Does,
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Dedupe { within_ms: u64 },
    Debounce { wait_ms: u64, at_most_ms: Option<u64> },
}

impl Does {
    fn word(self) -> &'static str {
        match self {
            Self::Dedupe { .. } => "dedupe",
            Self::Debounce { .. } => "debounce",
        }
    }
}

impl Plan {
    /// Whether something decides whether and when its runs are started.
    pub fn has_start_rule(&self) -> bool {
        self.start_rule.is_some()
    }

    /// What decides whether and when a run with this input is started; `None`: it is started at once.
    ///
    /// # Errors
    /// What is wrong with the key, given this input.
    pub fn start_rule(&self, input: &Value) -> Result<Option<StartRule>, EvalError> {
        let Some(CompiledStartRule { key, does }) = &self.start_rule else { return Ok(None) };
        let value = self.render_at_start(key, input)?;
        let failed = |message| EvalError::Failed { code: "NX4165", message };
        let key = match text(&value, "key", does.word()).map_err(failed)? {
            Some(key) => key,
            None if matches!(does, Does::Dedupe { .. }) => {
                return Err(failed("`key` of `dedupe` is null, so it says nothing".to_owned()));
            }
            None => ONLY_KEY.to_owned(),
        };
        Ok(Some(match *does {
            Does::Dedupe { within_ms } => StartRule::Dedupe { key, within_ms },
            Does::Debounce { wait_ms, at_most_ms } => {
                StartRule::Debounce { key, wait_ms, at_most_ms }
            }
        }))
    }
}

/// Compiles what decides about starts; `None` if nothing does or that is not possible, with the reasons among `problems`.
pub(super) fn compile(
    definition: &Definition,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<CompiledStartRule> {
    check(definition, problems);
    let (key, does) = match (&definition.dedupe, &definition.debounce) {
        (Some(Dedupe { key, within_ms }), _) => (Some(key), Does::Dedupe { within_ms: *within_ms }),
        (None, Some(Debounce { key, wait_ms, at_most_ms })) => {
            (key.as_ref(), Does::Debounce { wait_ms: *wait_ms, at_most_ms: *at_most_ms })
        }
        (None, None) => return None,
    };
    let Some(key) = key else { return Some(CompiledStartRule { key: Template::default(), does }) };
    let place = Place::start_key(does.word());
    let template = problems.take(place.path(), Template::compile(&Value::from(key.as_str())))?;
    names.check(&template.references(), &place, problems);
    Some(CompiledStartRule { key: template, does })
}

fn check(definition: &Definition, problems: &mut Problems) {
    let mut error = |path: &[&str], message: &str, hint: &str| {
        problems.error("NX1178", path, message).hint = Some(hint.to_owned());
    };
    let Definition { dedupe, debounce, .. } = definition;
    if dedupe.is_some() && debounce.is_some() {
        let hint = "keep one: `dedupe` starts the first, `debounce` the last of several starts";
        error(&["run", "debounce"], "a run has `dedupe` or `debounce`, not both", hint);
    }
    if (dedupe.is_some() || debounce.is_some()) && definition.encrypt {
        let word = if dedupe.is_some() { "dedupe" } else { "debounce" };
        let message = "inputs of starts that have a key are kept unencrypted";
        error(&["run", word], message, "take off `encrypt`, or start it without a key");
    }
    if dedupe.as_ref().is_some_and(|dedupe| dedupe.within_ms == 0) {
        let message = "`within` is 0, so no start would ever count";
        error(&["run", "dedupe", "within"], message, "write a time, such as `10m`");
    }
    let Some(Debounce { wait_ms, at_most_ms, .. }) = debounce else { return };
    if *wait_ms == 0 {
        let message = "`wait` is 0, so nothing would be kept";
        error(&["run", "debounce", "wait"], message, "write a time, such as `30s`");
    }
    if at_most_ms.is_some_and(|ms| ms < *wait_ms) {
        let message =
            "`at_most` is shorter than `wait`, so it would never be quiet for long enough";
        error(&["run", "debounce", "at_most"], message, "write a longer time, or leave it out");
    }
    if definition.run_id.is_some() {
        let message = "a run that is kept is named after its key, so `run.id` would not count";
        error(&["run", "id"], message, "take off `id`, or `debounce`");
    }
}
