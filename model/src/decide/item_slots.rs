//! Slots and calls of items: each item asks for its own before each attempt, as a step does.
//!
//! Only items that began ask, so no more than `concurrency` of a step wait at a time, however many there are.

use super::{Draft, breakers};
use crate::breaker::CallOutcome;
use crate::event::{Event, Failure};
use crate::id::{Attempt, ItemIndex, StepIndex};
use crate::plan::Plan;
use crate::run::{Hold, ItemOutcome, ItemState, Run, Slot};

impl Draft<'_> {
    /// Has an item ask for what its next attempt needs: a slot, then its breaker. Returns whether it has to wait, or cannot
    /// start at all.
    pub(super) fn item_has_to_wait(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        attempt: Attempt,
    ) -> bool {
        self.queue_item(step, item, attempt) || self.ask_breaker_for_item(step, item, attempt)
    }

    fn queue_item(&mut self, step: StepIndex, item: ItemIndex, attempt: Attempt) -> bool {
        let plan = self.plan;
        let Some(rule) = &plan.step(step).slot else { return false };
        if let Some(hold) = self.run.slots.get(Slot::Item(step, item)) {
            return !hold.granted;
        }
        let wish = self
            .wish(rule, |draft, template| draft.render_item(template, step, item, attempt, None));
        match wish {
            None => {}
            Some(Err(failure)) => self.fail_before_start(step, item, failure),
            Some(Ok(wish)) => {
                let (item, ticket) = (Some(item), self.next_ticket());
                self.emit(Event::StepSlotRequested { step, item, attempt, ticket, wish });
            }
        }
        true
    }

    fn ask_breaker_for_item(&mut self, step: StepIndex, item: ItemIndex, attempt: Attempt) -> bool {
        let plan = self.plan;
        let Some(rule) = &plan.step(step).breaker else { return false };
        if let Some(hold) = self.run.slots.get(Slot::ItemCall(step, item)) {
            return !hold.granted;
        }
        let rendered = self.render_item(&rule.target, step, item, attempt, None);
        match rendered.map(breakers::target) {
            None => {}
            Some(Err(failure)) => self.fail_before_start(step, item, failure),
            Some(Ok(target)) => {
                let (item, ticket) = (Some(item), self.next_ticket());
                self.emit(Event::StepCallRequested { step, item, attempt, ticket, target });
            }
        }
        true
    }

    /// An item fails for good before its next attempt could start.
    pub(super) fn fail_before_start(&mut self, step: StepIndex, item: ItemIndex, failure: Failure) {
        let run = self.run.items(step).and_then(|items| items.item(item));
        let made = run.map_or(Attempt(0), |run| run.attempt);
        self.fail_for_good(step, item, made, failure);
        self.settle_items(step);
    }
}

/// What came of the attempt that a call was for, by the events of the transition in which it is over.
pub(super) fn outcome(
    step: StepIndex,
    item: ItemIndex,
    hold: &Hold,
    events: &[Event],
) -> CallOutcome {
    if !hold.granted {
        return CallOutcome::Unknown;
    }
    let this = (step, item, hold.attempt);
    let completed = events.iter().any(|event| {
        matches!(event, Event::ItemCompleted { step, item, attempt, .. }
            if (*step, *item, *attempt) == this)
    });
    let failed = events.iter().any(|event| {
        matches!(event, Event::ItemAttemptFailed { step, item, attempt, .. }
            if (*step, *item, *attempt) == this)
    });
    // One that failed because it was told to stop is neither tried again nor recorded as failed.
    let counts = events.iter().any(|event| {
        matches!(event, Event::ItemRetryScheduled { step, item, .. } | Event::ItemFailed { step, item, .. }
            if (*step, *item) == (this.0, this.1))
    });
    match (completed, failed && counts) {
        (true, _) => CallOutcome::Succeeded,
        (false, true) => CallOutcome::Failed,
        (false, false) => CallOutcome::Unknown,
    }
}

/// What came of a call that is over, as far as the state tells: asked when a process ended before the breaker was told.
pub(super) fn outcome_by_state(
    plan: &Plan,
    run: &Run,
    step: StepIndex,
    item: ItemIndex,
) -> CallOutcome {
    let collects = plan.each(step).is_some_and(|each| each.collects);
    let Some(items) = run.items(step) else {
        return match run.step(step).output() {
            Some(_) if !collects => CallOutcome::Succeeded,
            Some(_) | None => CallOutcome::Unknown,
        };
    };
    if let Some(open) = items.item(item) {
        return match open.state {
            ItemState::Retrying { .. } | ItemState::Running { .. } => CallOutcome::Failed,
            ItemState::Waiting => CallOutcome::Unknown,
        };
    }
    let stored = items.stored_chunk(item.chunk());
    match items.settled().find(|(settled, _)| *settled == item) {
        Some((_, ItemOutcome::Completed(_))) => CallOutcome::Succeeded,
        Some((_, ItemOutcome::Failed(_))) => CallOutcome::Failed,
        None if stored.is_some_and(|stored| stored.completed == items.len_of(item.chunk())) => {
            CallOutcome::Succeeded
        }
        None => CallOutcome::Unknown,
    }
}
