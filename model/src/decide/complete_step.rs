//! `CompleteStep`.

use super::Draft;
use crate::event::{Event, Failure, ItemUndone};
use crate::id::{Attempt, StepIndex};
use crate::payload::Payload;
use crate::rejection::Rejection;
use crate::run::StepState;

/// What a report about an attempt has to know of it.
pub(super) struct UnderWay {
    pub(super) may_repeat: bool,
    pub(super) interruptions: u32,
    pub(super) stopping: Option<Failure>,
    /// Whether no handler is at work for it.
    pub(super) rests: bool,
    /// Whether it undoes what the step did.
    pub(super) undo: bool,
}

impl Draft<'_> {
    /// A result is a result, also of an attempt that was told to stop.
    pub(super) fn complete_step(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        output: Payload,
    ) -> Result<(), Rejection> {
        let under_way = self.under_way(step, attempt)?;
        if under_way.undo {
            let may_repeat = under_way.may_repeat;
            let item = self.run.step_run(step).undo.as_ref().and_then(|undo| undo.item());
            self.emit(match item {
                Some(item) => Event::ItemUndone(ItemUndone { step, item, attempt, may_repeat }),
                None => Event::UndoCompleted { step, attempt, may_repeat },
            });
            return Ok(());
        }
        self.complete(step, attempt, output, under_way.may_repeat);
        Ok(())
    }

    /// The attempt, if it is under way.
    pub(super) fn under_way(
        &self,
        step: StepIndex,
        attempt: Attempt,
    ) -> Result<UnderWay, Rejection> {
        let stale = || Rejection::StaleAttempt { step: self.plan.id(step).to_owned(), attempt };
        if step.0 >= self.plan.step_count() {
            return Err(stale());
        }
        if let Some(undo) = self.undo_under_way(step, attempt) {
            return Ok(undo);
        }
        match self.run.step(step) {
            StepState::Running {
                attempt: current,
                interruptions,
                may_repeat,
                rests,
                stopping,
                ..
            } if *current == attempt => Ok(UnderWay {
                may_repeat: *may_repeat,
                interruptions: *interruptions,
                stopping: stopping.clone(),
                rests: *rests,
                undo: false,
            }),
            StepState::Running { .. }
            | StepState::Waiting
            | StepState::Sleeping { .. }
            | StepState::Awaiting { .. }
            | StepState::Calling { .. }
            | StepState::Iterating
            | StepState::Retrying { .. }
            | StepState::Completed { .. }
            | StepState::Failed { .. }
            | StepState::Skipped { .. }
            | StepState::NotReached
            | StepState::Cancelled => Err(stale()),
        }
    }
}
