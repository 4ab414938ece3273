//! `FireTimer`.

use super::Draft;
use crate::event::Event;
use crate::evolve::deadline_passed;
use crate::id::{StepIndex, TimerId};
use crate::payload::Payload;
use crate::plan::Work;
use crate::rejection::Rejection;
use crate::run::{StepState, TimerPurpose};

impl Draft<'_> {
    pub(super) fn fire_timer(&mut self, timer: TimerId) -> Result<(), Rejection> {
        let set = self.run.timers.get(&timer).ok_or(Rejection::NoSuchTimer { timer })?;
        let purpose = set.purpose;
        if self.run.holds_timer(purpose) {
            return Err(Rejection::TimerHeld { timer });
        }
        let was_stopping = matches!(
            purpose,
            TimerPurpose::Deadline(step) | TimerPurpose::Wait(step) if self.stops(step)
        );
        self.emit(Event::TimerFired { timer });
        match purpose {
            TimerPurpose::Sleep(step) => self.end_sleep(step),
            TimerPurpose::Wait(_) | TimerPurpose::Deadline(_) if was_stopping => {}
            TimerPurpose::Wait(step) => self.wait_timed_out(step),
            TimerPurpose::Deadline(step) => self.end_at_deadline(step),
            TimerPurpose::Start(step) => self.end_of_queueing(step),
            TimerPurpose::Retry(_)
            | TimerPurpose::ItemRetry(..)
            | TimerPurpose::RunTimeout
            | TimerPurpose::Undo(_) => {}
        }
        Ok(())
    }

    /// A loop that has waited between two rounds goes on; any other step has slept, and that was all.
    fn end_sleep(&mut self, step: StepIndex) {
        let plan = self.plan;
        if let Work::Repeat(repeat) = &plan.step(step).work {
            return self.repeat(step, repeat);
        }
        self.complete(step, self.run.step_run(step).attempt, Payload::Null, false);
    }

    fn stops(&self, step: StepIndex) -> bool {
        matches!(
            self.run.step(step),
            StepState::Running { stopping: Some(_), .. }
                | StepState::Calling { stopping: Some(_), .. }
        ) || self.run.items(step).is_some_and(|items| items.stopping.is_some())
    }

    fn end_at_deadline(&mut self, step: StepIndex) {
        match self.run.step(step) {
            StepState::Running { .. } | StepState::Calling { .. } => {
                self.emit(Event::StopRequested { steps: vec![step] });
            }
            StepState::Iterating => self.end_items_at_deadline(step),
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
