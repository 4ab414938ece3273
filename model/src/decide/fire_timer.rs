//! `FireTimer`.

use super::Draft;
use crate::event::Event;
use crate::evolve::deadline_passed;
use crate::id::{StepIndex, TimerId};
use crate::payload::Payload;
use crate::rejection::Rejection;
use crate::run::{StepState, TimerPurpose};

impl Draft<'_> {
    pub(super) fn fire_timer(&mut self, timer: TimerId) -> Result<(), Rejection> {
        let set = self.run.timers.get(&timer).ok_or(Rejection::NoSuchTimer { timer })?;
        let purpose = set.purpose;
        let was_stopping = matches!(
            purpose,
            TimerPurpose::Deadline(step) | TimerPurpose::Wait(step) if self.stops(step)
        );
        self.emit(Event::TimerFired { timer });
        match purpose {
            TimerPurpose::Sleep(step) => {
                self.complete(step, self.run.step_run(step).attempt, Payload::Null, false);
            }
            TimerPurpose::Wait(_) | TimerPurpose::Deadline(_) if was_stopping => {}
            TimerPurpose::Wait(step) => self.wait_timed_out(step),
            TimerPurpose::Deadline(step) => self.end_at_deadline(step),
            TimerPurpose::Start(step) => self.end_of_queueing(step),
            TimerPurpose::Retry(_) | TimerPurpose::RunTimeout | TimerPurpose::Undo(_) => {}
        }
        Ok(())
    }

    fn stops(&self, step: StepIndex) -> bool {
        matches!(
            self.run.step(step),
            StepState::Running { stopping: Some(_), .. }
                | StepState::Calling { stopping: Some(_), .. }
        )
    }

    fn end_at_deadline(&mut self, step: StepIndex) {
        match self.run.step(step) {
            StepState::Running { .. } | StepState::Calling { .. } => {
                self.emit(Event::StopRequested { steps: vec![step] });
            }
            StepState::Waiting
            | StepState::Sleeping { .. }
            | StepState::Awaiting { .. }
            | StepState::Retrying { .. } => {
                self.fail(step, deadline_passed(self.plan, step));
            }
            StepState::Completed { .. }
            | StepState::Failed { .. }
            | StepState::Skipped { .. }
            | StepState::NotReached
            | StepState::Cancelled => {}
        }
    }
}
