//! Winding down: a run that will fail or be cancelled stops what runs and starts nothing new.
//!
//! Steps that run last (`all_done`, and `any_failed` while the run fails) are left alone.

use super::Draft;
use crate::event::Event;
use crate::id::StepIndex;
use crate::run::StepState;

/// Steps by what becomes of them.
#[derive(Default)]
struct Fates {
    stopped: Vec<StepIndex>,
    cancelled: Vec<StepIndex>,
    unreached: Vec<StepIndex>,
}

impl Draft<'_> {
    /// Tells every step that does not survive the end of the run.
    pub(super) fn wind_down(&mut self) {
        let Fates { stopped, cancelled, unreached } = self.fates();
        if !stopped.is_empty() {
            self.emit(Event::StopRequested { steps: stopped });
        }
        if !cancelled.is_empty() {
            self.emit(Event::StepsCancelled { steps: cancelled });
        }
        if !unreached.is_empty() {
            self.emit(Event::StepsNotReached { steps: unreached });
        }
    }

    fn fates(&self) -> Fates {
        let mut fates = Fates::default();
        for (step, step_run) in self.run.steps() {
            match &step_run.state {
                _ if self.survives(step) => {}
                StepState::Waiting => fates.unreached.push(step),
                StepState::Sleeping { .. }
                | StepState::Awaiting { .. }
                | StepState::Retrying { .. } => {
                    fates.cancelled.push(step);
                }
                StepState::Running { .. } | StepState::Calling { .. }
                    if self.idle.contains(&step) =>
                {
                    fates.cancelled.push(step);
                }
                StepState::Iterating if !self.items_at_work(step) => fates.cancelled.push(step),
                StepState::Iterating
                    if self.run.items(step).is_some_and(|items| items.stopping.is_some()) => {}
                StepState::Running { stopping: None, .. }
                | StepState::Calling { stopping: None, .. }
                | StepState::Iterating => {
                    fates.stopped.push(step);
                }
                StepState::Running { stopping: Some(_), .. }
                | StepState::Calling { stopping: Some(_), .. }
                | StepState::Completed { .. }
                | StepState::Failed { .. }
                | StepState::Skipped { .. }
                | StepState::NotReached
                | StepState::Cancelled => {}
            }
        }
        fates
    }
}
