//! Calls: a step with a breaker asks it before each attempt, and starts when it is allowed to.

use serde_json::Value;

use super::{Draft, SlotChange, item_slots};
use crate::breaker::{CallOutcome, CallWish};
use crate::event::{Event, Failure, SlotAnswer};
use crate::id::{ItemIndex, StepIndex};
use crate::limit::{Ticket, Wish};
use crate::plan::{CallRule, Plan};
use crate::rejection::Rejection;
use crate::run::{Hold, ItemState, Run, Slot, StepState};

/// How much of what an attempt failed with stands in the message of a refusal after it, in characters.
const LAST_CHARS_MAX: usize = 200;

impl Draft<'_> {
    pub(super) fn allow_call(
        &mut self,
        step: StepIndex,
        item: Option<ItemIndex>,
        ticket: Ticket,
    ) -> Result<(), Rejection> {
        if self.asked_call(step, item, ticket)?.granted {
            return Err(Rejection::CallAllowed);
        }
        self.emit(Event::StepCallAllowed(SlotAnswer { step, item, ticket }));
        Ok(())
    }

    pub(super) fn refuse_call(
        &mut self,
        step: StepIndex,
        item: Option<ItemIndex>,
        ticket: Ticket,
    ) -> Result<(), Rejection> {
        let hold = self.asked_call(step, item, ticket)?;
        if hold.granted {
            return Err(Rejection::CallAllowed);
        }
        let failure = self.refused(&hold.wish.limit, step, item);
        self.emit(Event::StepCallRefused(SlotAnswer { step, item, ticket }));
        match item {
            None => self.fail(step, failure),
            Some(item) => self.fail_before_start(step, item, failure),
        }
        Ok(())
    }

    /// The failure of a step or an item that does not wait for `target`: with that of its last attempt, if there was one.
    fn refused(&self, target: &str, step: StepIndex, item: Option<ItemIndex>) -> Failure {
        let code = "NX3045".to_owned();
        let message = format!("the circuit breaker of `{target}` is open");
        let Some(last) = self.last_failure(step, item).map(|last| self.open_failure(last)) else {
            return Failure { code, message, fatal: true, details: None };
        };
        let what = last.message.lines().next().unwrap_or_default();
        let what: String = what.chars().take(LAST_CHARS_MAX).collect();
        let message = format!("{message}, and the last attempt failed: {} {what}", last.code);
        let rest = last.details.map(|details| format!("\n{details}")).unwrap_or_default();
        let details = Some(format!("{} {}{rest}", last.code, last.message));
        Failure { code, message, fatal: true, details }
    }

    /// How the attempt failed after which a step or an item is to be tried again.
    fn last_failure(&self, step: StepIndex, item: Option<ItemIndex>) -> Option<&Failure> {
        let Some(item) = item else {
            let state = self.run.step(step);
            return if let StepState::Retrying { failure, .. } = state {
                Some(failure)
            } else {
                None
            };
        };
        let item = self.run.items(step)?.item(item)?;
        if let ItemState::Retrying { failure, .. } = &item.state { Some(failure) } else { None }
    }

    fn asked_call(
        &self,
        step: StepIndex,
        item: Option<ItemIndex>,
        ticket: Ticket,
    ) -> Result<&Hold, Rejection> {
        let call = self.run.slots.get(Slot::call_of(step, item));
        // A step that a migration took away says nothing any more.
        let is_there = step.0 < self.plan.step_count();
        call.filter(|hold| hold.ticket == ticket).ok_or_else(|| Rejection::CallNotWanted {
            outcome: match item {
                _ if !is_there => CallOutcome::Unknown,
                None => outcome_by_state(self.run, step),
                Some(item) => item_slots::outcome_by_state(self.plan, self.run, step, item),
            },
        })
    }

    /// Has a step with a breaker ask it. Returns whether it has to wait, or cannot start at all.
    pub(super) fn ask_breaker(&mut self, step: StepIndex) -> bool {
        let plan = self.plan;
        let Some(rule) = &plan.step(step).breaker else { return false };
        if let Some(hold) = self.run.slots.get(Slot::Call(step)) {
            return !hold.granted;
        }
        match self.render(&rule.target, step).map(target) {
            None => {}
            Some(Err(failure)) => self.fail(step, failure),
            Some(Ok(target)) => {
                let (attempt, ticket) = (self.next_attempt(step), self.next_ticket());
                let item = None;
                self.emit(Event::StepCallRequested { step, item, attempt, ticket, target });
            }
        }
        true
    }
}

/// The target that was rendered.
pub(super) fn target(rendered: Result<Value, Failure>) -> Result<String, Failure> {
    let code = "NX4164".to_owned();
    let fail = |message| Failure { code, message, fatal: true, details: None };
    CallRule::target(&rendered?).map_err(fail)
}

/// What is recorded of a call: its target stands where the name of a limit does.
pub(crate) fn wish_to_call(target: &str) -> Wish {
    Wish { limit: target.to_owned(), ..Wish::default() }
}

/// What a step asks its breaker.
pub(super) fn request(plan: &Plan, run: crate::id::RunId, slot: Slot, hold: &Hold) -> SlotChange {
    let rule = slot.step().and_then(|step| plan.step(step).breaker.as_ref());
    let wish = CallWish {
        target: hold.wish.limit.clone(),
        rule: rule.map(|rule| rule.rule).unwrap_or_default(),
        patient: rule.is_none_or(|rule| rule.patient),
    };
    SlotChange::CallRequested(slot.holder(run, hold), wish)
}

/// What came of the attempt that a call was for, by the events of the transition in which it is over.
pub(super) fn outcome(step: StepIndex, hold: &Hold, events: &[Event]) -> CallOutcome {
    if !hold.granted {
        return CallOutcome::Unknown;
    }
    let this = (step, hold.attempt);
    let completed = events.iter().any(|event| {
        matches!(event, Event::StepCompleted { step, attempt, .. } if (*step, *attempt) == this)
    });
    let failed = events.iter().any(|event| {
        matches!(event, Event::AttemptFailed { step, attempt, .. } if (*step, *attempt) == this)
    });
    // Then it failed because it was told to stop.
    let cancelled = events
        .iter()
        .any(|event| matches!(event, Event::StepsCancelled { steps } if steps.contains(&step)));
    match (completed, failed && !cancelled) {
        (true, _) => CallOutcome::Succeeded,
        (false, true) => CallOutcome::Failed,
        (false, false) => CallOutcome::Unknown,
    }
}

/// What came of a call that is over, as far as the state tells: asked when a process ended before the breaker was told.
fn outcome_by_state(run: &Run, step: StepIndex) -> CallOutcome {
    match run.step(step) {
        StepState::Completed { .. } => CallOutcome::Succeeded,
        StepState::Retrying { .. }
        | StepState::Failed { .. }
        | StepState::Running { .. }
        | StepState::Calling { .. } => CallOutcome::Failed,
        StepState::Waiting
        | StepState::Sleeping { .. }
        | StepState::Awaiting { .. }
        | StepState::Iterating
        | StepState::Skipped { .. }
        | StepState::NotReached
        | StepState::Cancelled => CallOutcome::Unknown,
    }
}
