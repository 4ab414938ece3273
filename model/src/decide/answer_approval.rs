//! `AnswerApproval`: a person approves or rejects. What does not fit changes nothing.

use serde_json::Value;

use super::Draft;
use crate::command::ApprovalAnswer;
use crate::event::{Actor, Awaited, Event};
use crate::id::StepIndex;
use crate::input;
use crate::payload::Payload;
use crate::rejection::Rejection;
use crate::run::StepState;

impl Draft<'_> {
    pub(super) fn answer_approval(
        &mut self,
        step: StepIndex,
        answer: ApprovalAnswer,
    ) -> Result<(), Rejection> {
        if !answer.of.is_empty() && self.is_another(step, &answer.of) {
            return Err(Rejection::AlreadyDecided { step: answer.of });
        }
        let by = self.open_approval(step)?;
        let ApprovalAnswer { of: _, approved, by: actor, groups, note, form } = answer;
        let role = by.iter().find(|entry| may_decide(entry, &actor, &groups)).cloned();
        let Some(role) = role else {
            let step = self.plan.id(step).to_owned();
            return Err(Rejection::NotAnApprover { step, name: actor.name, by });
        };
        // Bytes that are missing are loaded, and the question comes again.
        let Some(given) = self.json_of(&form) else { return Ok(()) };
        let filled = self.checked_form(step, approved, given)?;
        let form = if filled.is_null() { Payload::Null } else { self.store(&filled) };
        let (person, said) = (Value::from(actor.name.as_str()), text_or_null(&note));
        if approved {
            let output = self.decision(true, &person, &said, &filled);
            self.emit(Event::ApprovalGranted { step, by: actor, role, note, form });
            let output = self.store(&output);
            self.complete(step, self.run.step_run(step).attempt, output, false);
        } else {
            let because = if note.is_empty() { String::new() } else { format!(": {note}") };
            let message = format!("rejected by {}{because}", actor.name);
            self.emit(Event::ApprovalRejected { step, by: actor, role, note, form });
            self.reject(step, &person, &said, &filled, message);
        }
        Ok(())
    }

    /// Whether the step is not the one of this id: that is over, and its number belongs to another.
    fn is_another(&self, step: StepIndex, id: &str) -> bool {
        step.0 < self.plan.step_count() && self.plan.id(step) != id
    }

    /// Who may decide, if the step waits for that.
    fn open_approval(&self, step: StepIndex) -> Result<Vec<String>, Rejection> {
        if step.0 >= self.plan.step_count() {
            let step = format!("number {}", step.0);
            return Err(Rejection::NotAwaitingApproval { step, status: "unknown" });
        }
        let id = || self.plan.id(step).to_owned();
        let state = self.run.step(step);
        let status = state.word();
        if let StepState::Awaiting { what: Awaited::Approval { by, .. }, .. } = state {
            Ok(by.clone())
        } else if self.was_decided(step) {
            Err(Rejection::AlreadyDecided { step: id() })
        } else {
            Err(Rejection::NotAwaitingApproval { step: id(), status })
        }
    }

    fn was_decided(&self, step: StepIndex) -> bool {
        match self.run.step(step) {
            StepState::Completed { .. } => self.approval_of(step).is_some(),
            StepState::Failed { failure, .. } => failure.code == "NX4101",
            StepState::Waiting
            | StepState::Running { .. }
            | StepState::Iterating
            | StepState::Sleeping { .. }
            | StepState::Awaiting { .. }
            | StepState::Calling { .. }
            | StepState::Retrying { .. }
            | StepState::Skipped { .. }
            | StepState::NotReached
            | StepState::Cancelled => false,
        }
    }

    /// The form, complete with defaults. Who rejects need not fill it in.
    fn checked_form(
        &self,
        step: StepIndex,
        approved: bool,
        given: Value,
    ) -> Result<Value, Rejection> {
        if !approved && given.is_null() {
            return Ok(given);
        }
        let Some(wait) = self.approval_of(step) else { return Ok(given) };
        input::check_form(&wait.form, given)
            .map_err(|errors| Rejection::FormMisfit { step: self.plan.id(step).to_owned(), errors })
    }
}

fn text_or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::from(text) }
}

/// Whether `entry` of the list of people means this one: `user:…`, `group:…`, or a name that may be either.
pub fn may_decide(entry: &str, actor: &Actor, groups: &[String]) -> bool {
    let in_group = |name: &str| groups.iter().any(|group| group == name);
    match entry.split_once(':') {
        Some(("user", name)) => actor.name == name,
        Some(("group", name)) => in_group(name),
        Some(_) | None => actor.name == entry || in_group(entry),
    }
}
