//! Effects: the work that should be under way for a run, derived from its state.

use crate::id::{Attempt, StepIndex};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::{Run, StepState, UndoState};

/// Work for the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A handler should be at work.
    RunAttempt(RunAttempt),
    /// A handler that is at work should stop and report.
    StopAttempt {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
    },
}

/// A call of a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAttempt {
    /// The step.
    pub step: StepIndex,
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
/// Shape: one effect for each running step, in order of steps.
pub fn pending(plan: &Plan, run: &Run) -> Vec<Effect> {
    run.running().filter_map(|step| pending_for(plan, run, step)).collect()
}

/// Names the work that should be under way for one step. An attempt that was cut off runs again when no pause keeps it.
pub fn pending_for(plan: &Plan, run: &Run, step: StepIndex) -> Option<Effect> {
    if run.holds_cut_off(step) {
        return None;
    }
    if let Some(undo) = run.step_run(step).undo() {
        return pending_undo(plan, step, undo);
    }
    let StepState::Running { attempt, input, interruptions, stopping, .. } = run.step(step) else {
        return None;
    };
    if stopping.is_some() {
        return Some(Effect::StopAttempt { step, attempt: *attempt });
    }
    let input = input.clone().unwrap_or_else(|| plan.literal_input(step));
    let alone = *interruptions >= crate::decide::ALONE_AFTER_INTERRUPTIONS;
    Some(Effect::RunAttempt(RunAttempt {
        step,
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
        return Some(Effect::StopAttempt { step, attempt: *attempt });
    }
    Some(Effect::RunAttempt(RunAttempt {
        step,
        attempt: *attempt,
        input: input.clone().unwrap_or_else(|| plan.literal_undo_input(step)),
        interruptions: *interruptions,
        alone: *interruptions >= crate::decide::ALONE_AFTER_INTERRUPTIONS,
        undo: true,
    }))
}
