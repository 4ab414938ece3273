//! Effects: the work that should be under way for a run, derived from its state.

use crate::id::{Attempt, ItemIndex, StepIndex};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::{ItemState, Run, StepState, UndoState};

/// Work for the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A handler should be at work.
    RunAttempt(RunAttempt),
    /// A handler that is at work should stop and report.
    StopAttempt {
        /// The step.
        step: StepIndex,
        /// The item, if it is an attempt of one.
        item: Option<ItemIndex>,
        /// The attempt.
        attempt: Attempt,
    },
}

/// A call of a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAttempt {
    /// The step.
    pub step: StepIndex,
    /// The item, if it is an attempt of one.
    pub item: Option<ItemIndex>,
    /// The attempt.
    pub attempt: Attempt,
    /// The handler's input.
    pub input: Payload,
    /// How often this attempt was cut off by the end of a process.
    pub interruptions: u32,
    /// Whether it must run while no other attempt runs in this engine, because it may be what ends the process.
    pub alone: bool,
    /// Whether it undoes what the step did.
    pub undo: bool,
}

/// Names the work that should be under way for `run`; recovery asks the same question.
///
/// Shape: one effect for each running step, in order of steps, then one for each running item.
pub fn pending(plan: &Plan, run: &Run) -> Vec<Effect> {
    let steps = run.running().filter_map(|step| pending_for(plan, run, step));
    let items = run.iterating().flat_map(|step| pending_items(plan, run, step));
    steps.chain(items).collect()
}

/// Names the work that should be under way for the items of one step.
pub fn pending_items(plan: &Plan, run: &Run, step: StepIndex) -> Vec<Effect> {
    let items = run.items(step).into_iter().flat_map(|items| items.running());
    items.filter_map(|(item, _)| pending_item(plan, run, step, item)).collect()
}

/// Names the work that should be under way for one item.
pub fn pending_item(plan: &Plan, run: &Run, step: StepIndex, item: ItemIndex) -> Option<Effect> {
    let items = run.items(step)?;
    let item_run = items.item(item)?;
    let (attempt, item) = (item_run.attempt, Some(item));
    let ItemState::Running { input, interruptions, .. } = &item_run.state else { return None };
    if items.stopping.is_some() {
        return Some(Effect::StopAttempt { step, item, attempt });
    }
    Some(Effect::RunAttempt(RunAttempt {
        step,
        item,
        attempt,
        input: input.clone().unwrap_or_else(|| plan.literal_input(step)),
        interruptions: *interruptions,
        alone: *interruptions >= crate::decide::ALONE_AFTER_INTERRUPTIONS,
        undo: false,
    }))
}

/// Names the work that should be under way for one step.
pub fn pending_for(plan: &Plan, run: &Run, step: StepIndex) -> Option<Effect> {
    if let Some(undo) = run.step_run(step).undo() {
        return pending_undo(plan, step, undo);
    }
    let StepState::Running { attempt, input, interruptions, stopping, .. } = run.step(step) else {
        return None;
    };
    if stopping.is_some() {
        return Some(Effect::StopAttempt { step, item: None, attempt: *attempt });
    }
    let input = input.clone().unwrap_or_else(|| plan.literal_input(step));
    let alone = *interruptions >= crate::decide::ALONE_AFTER_INTERRUPTIONS;
    Some(Effect::RunAttempt(RunAttempt {
        step,
        item: None,
        attempt: *attempt,
        input,
        interruptions: *interruptions,
        alone,
        undo: false,
    }))
}

fn pending_undo(plan: &Plan, step: StepIndex, undo: &UndoState) -> Option<Effect> {
    let UndoState::Running { attempt, input, interruptions, stopping, .. } = undo else {
        return None;
    };
    if *stopping {
        return Some(Effect::StopAttempt { step, item: None, attempt: *attempt });
    }
    Some(Effect::RunAttempt(RunAttempt {
        step,
        item: None,
        attempt: *attempt,
        input: input.clone().unwrap_or_else(|| plan.literal_undo_input(step)),
        interruptions: *interruptions,
        alone: *interruptions >= crate::decide::ALONE_AFTER_INTERRUPTIONS,
        undo: true,
    }))
}
