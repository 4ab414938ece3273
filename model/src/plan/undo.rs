//! The undo of a step, compiled.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::compile::Problems;
use super::each::item_names;
use super::names::{Names, Place};
use super::step::{Shape, check_retry};
use super::{Plan, PlanStep, SCRIPT_HANDLER, inline_json};
use crate::definition::{Definition, OnEnd, Retry, StepKind};
use crate::expression::Template;
use crate::id::StepIndex;
use crate::payload::Payload;

/// How a step is undone.
#[derive(Debug)]
pub(crate) struct PlanUndo {
    /// The handler.
    pub(crate) name: String,
    /// Its input; `this.output` is what the step brought.
    pub(crate) input: Template,
    /// Its input if it holds no expression.
    pub(crate) literal: Payload,
    /// How it is tried again.
    pub(crate) retry: Retry,
}

impl Plan {
    /// The handler that undoes `step`, if it can be undone.
    pub fn undo_handler(&self, step: StepIndex) -> Option<&str> {
        self.undo(step).map(|undo| undo.name.as_str())
    }

    /// Time of one attempt to undo `step`, in milliseconds.
    pub fn undo_timeout_ms(&self, step: StepIndex) -> Option<u64> {
        self.step_definition(step)?.compensate.as_ref()?.timeout_ms
    }

    /// The input of the undo of `step` if it holds no expression.
    pub fn literal_undo_input(&self, step: StepIndex) -> Payload {
        self.undo(step).map_or(Payload::Null, |undo| undo.literal.clone())
    }

    /// Whether a run that fails undoes what it did.
    pub fn undoes_on_failure(&self) -> bool {
        self.definition.on_failure == OnEnd::Compensate && self.can_undo()
    }

    /// Whether a run that is cancelled undoes what it did.
    pub fn undoes_on_cancel(&self) -> bool {
        self.definition.on_cancel == OnEnd::Compensate && self.can_undo()
    }

    /// The steps that can be undone, in order.
    pub fn steps_with_undo(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.steps_with_undo.iter().copied().chain(self.grown.steps_with_undo())
    }

    fn can_undo(&self) -> bool {
        self.steps_with_undo().next().is_some()
    }

    pub(crate) fn undo(&self, step: StepIndex) -> Option<&PlanUndo> {
        self.step(step).undo.as_deref()
    }
}

/// The steps that can be undone, in order.
pub(super) fn with_undo(steps: &[Arc<PlanStep>]) -> Vec<StepIndex> {
    let with_undo = (0..).map(StepIndex).zip(steps).filter(|(_, step)| step.undo.is_some());
    with_undo.map(|(index, _)| index).collect()
}

/// Tried again without limit, because an undo that is given up leaves half of the work done.
pub(super) fn endless() -> Retry {
    Retry { max_attempts: u32::MAX, ..Retry::default() }
}

pub(super) fn compile_undo(
    shape: &Shape<'_>,
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<Box<PlanUndo>> {
    let undo = shape.step.compensate.as_deref()?;
    let id = shape.step.id.as_str();
    if let Some(retry) = &undo.retry {
        check_retry(&["steps", id, "compensate", "retry"], retry, problems);
    }
    if undo.timeout_ms == Some(0) {
        let path = ["steps", id, "compensate", "timeout"];
        problems.error("NX1201", &path, "`timeout` is 0, so the step could never be undone");
    }
    let item = item_names(shape.step);
    let (name, place, compiled) = match &undo.kind {
        StepKind::Action { uses, with } => {
            if uses.is_empty() {
                let path = ["steps", id, "compensate", "uses"];
                problems.error("NX1202", &path, "the handler has no name");
            }
            (
                uses.as_str(),
                Place::undo(id, shape.index, "with"),
                Template::compile_with(with, item.as_ref()),
            )
        }
        StepKind::Script { run, shell, env } => {
            let script =
                Template::compile_script(run, shell.as_deref(), env, shape.env, item.as_ref());
            (SCRIPT_HANDLER, Place::undo(id, shape.index, ""), script)
        }
        StepKind::Set { .. }
        | StepKind::Sleep { .. }
        | StepKind::SleepUntil { .. }
        | StepKind::WaitFor { .. }
        | StepKind::Approve(_)
        | StepKind::Update(_)
        | StepKind::Switch(_)
        | StepKind::Race { .. }
        | StepKind::Repeat(_)
        | StepKind::Call { .. } => {
            let message = "an undo calls a handler or runs a script";
            problems.error("NX1102", &["steps", id, "compensate"], message).hint =
                Some("write `uses` or `run`".to_owned());
            return None;
        }
    };
    let input = problems.take(place.path(), compiled)?;
    needs.extend(names.check(&input.references(), &place, problems));
    let literal = input.literal().map(|value: &Value| inline_json(value)).unwrap_or_default();
    let retry = undo.retry.clone().unwrap_or_else(endless);
    Some(Box::new(PlanUndo { name: name.to_owned(), input, literal, retry }))
}

/// Warns of undos that no end of a run asks for.
pub(super) fn warn(definition: &Definition, problems: &mut Problems) {
    if definition.on_failure == OnEnd::Compensate || definition.on_cancel == OnEnd::Compensate {
        return;
    }
    for step in definition.steps.iter().filter(|step| step.compensate.is_some()) {
        let message = format!("`compensate` of step `{}` never runs", step.id);
        problems.warning("NX1110", &["steps", &step.id, "compensate"], message).hint =
            Some("write `on_failure: compensate` or `on_cancel: compensate` at the top".to_owned());
    }
}
