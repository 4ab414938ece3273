//! `ResumeAttempt`: an attempt that was cut off is carried on.
//!
//! Its handler is called only after this is recorded. Until then it rests, and the end of a process does not count against it.

use super::Draft;
use crate::event::Event;
use crate::id::{Attempt, StepIndex};
use crate::rejection::Rejection;
use crate::run::StepState;

impl Draft<'_> {
    pub(super) fn resume_attempt(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
    ) -> Result<(), Rejection> {
        self.under_way(step, attempt)?;
        if !matches!(self.run.step(step), StepState::Running { rests: true, stopping: None, .. }) {
            return Err(Rejection::NotResting { step: self.plan.id(step).to_owned(), attempt });
        }
        self.emit(Event::AttemptResumed { step, attempt });
        Ok(())
    }
}
