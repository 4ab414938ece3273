//! Events in a definition: those that steps emit, and those that start runs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compile::Problems;
use super::names::{Names, Place};
use super::{EMIT_HANDLER, Plan, inline_json};
use crate::definition::{Definition, EventTrigger, Step, StepKind};
use crate::expression::{Condition, EvalError, Scope, Template};
use crate::id::StepIndex;
use crate::payload::Payload;
use crate::run::Run;
use crate::topic::{NAME_CHARS_MAX, event_of, is_name};

/// A trigger for events, compiled.
#[derive(Debug)]
pub(crate) struct TriggerRule {
    matches: Option<Condition>,
    input: Option<Template>,
}

/// Checks the name of an event.
pub(super) fn check_name(name: &str, path: &[&str], problems: &mut Problems) {
    if is_name(name) {
        return;
    }
    let message = format!("`{name}` cannot be the name of an event");
    problems.error("NX1186", path, message).hint = Some(format!(
        "1 to {NAME_CHARS_MAX} letters and digits of ASCII and _ . : + -, such as order.shipped"
    ));
}

/// Checks the name of the event that a step emits, if it is one.
pub(super) fn check_emit(id: &str, uses: &str, with: &Value, problems: &mut Problems) {
    if uses != EMIT_HANDLER {
        return;
    }
    if let Some(name) = with.get("event").and_then(Value::as_str)
        && !name.contains("${{")
    {
        check_name(name, &["steps", id, "emit"], problems);
    }
}

/// The steps that wait for an event.
pub(super) fn waits(definition: &Definition) -> Vec<(StepIndex, String)> {
    let steps = (0..).map(StepIndex).zip(&definition.steps);
    let event = |step: &Step| {
        let StepKind::WaitFor { signal, .. } = &step.kind else { return None };
        event_of(signal).map(str::to_owned)
    };
    steps.filter_map(|(index, step)| Some((index, event(step)?))).collect()
}

/// Compiles the triggers for events.
pub(super) fn compile(
    definition: &Definition,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Vec<TriggerRule> {
    let triggers = definition.event_triggers.iter();
    triggers.map(|trigger| compile_trigger(trigger, names, problems)).collect()
}

fn compile_trigger(
    trigger: &EventTrigger,
    names: &Names<'_>,
    problems: &mut Problems,
) -> TriggerRule {
    let place = Place::event_trigger();
    check_name(&trigger.event, place.path(), problems);
    let matches = trigger.matches.as_ref().and_then(|source| {
        let compiled = Condition::compile(source).map_err(|error| vec![error]);
        let condition = problems.take(place.path(), compiled)?;
        names.check(&condition.references(), &place, problems);
        Some(condition)
    });
    let input = trigger.input.as_ref().and_then(|input| {
        let template = problems.take(place.path(), Template::compile(input))?;
        names.check(&template.references(), &place, problems);
        Some(template)
    });
    TriggerRule { matches, input }
}

impl Plan {
    /// Steps that wait for an event, with its name.
    pub fn event_waits(&self) -> &[(StepIndex, String)] {
        &self.event_waits
    }

    /// The input of the run that the trigger at this place starts for an event that carries `data`; `None`: it starts none.
    ///
    /// # Errors
    /// What is wrong with the template of the input, given this event. One that `match` cannot read is none for it.
    pub fn triggered_input(&self, at: usize, data: &Value) -> Result<Option<Value>, EvalError> {
        let Some(rule) = self.event_triggers.get(at) else { return Ok(None) };
        let (run, payload) = (Run::new(self), inline_json(data));
        let scope = self.scope_of_event(&run, &payload);
        if let Some(matches) = &rule.matches
            && !matches.holds(&scope).is_ok_and(|verdict| verdict.holds)
        {
            return Ok(None);
        }
        match &rule.input {
            Some(template) => template.render(&scope).map(Some),
            None => Ok(Some(data.clone())),
        }
    }

    fn scope_of_event<'s>(&'s self, run: &'s Run, data: &'s Payload) -> Scope<'s> {
        static NONE: BTreeMap<crate::payload::PayloadHash, std::sync::Arc<[u8]>> = BTreeMap::new();
        Scope {
            plan: self,
            run,
            payloads: &NONE,
            step: None,
            this_output: None,
            signal: Some(data),
            item: None,
            now: crate::time::Timestamp::default(),
            vault: None,
        }
    }
}
