//! `ResumeAttempt`: an attempt that was cut off is carried on.
//!
//! Its handler is called only after this is recorded. Until then it rests, and the end of a process does not count against it.

use super::Draft;
use crate::event::Event;
use crate::id::{Attempt, StepIndex};
use crate::rejection::Rejection;

impl Draft<'_> {
    pub(super) fn resume_attempt(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
    ) -> Result<(), Rejection> {
        let under_way = self.under_way(step, attempt)?;
        if !under_way.rests || under_way.stopping.is_some() {
            return Err(Rejection::NotResting { step: self.plan.id(step).to_owned(), attempt });
        }
        if self.run.holds(step) {
            return Err(Rejection::AttemptHeld { step: self.plan.id(step).to_owned(), attempt });
        }
        self.emit(Event::AttemptResumed { step, attempt });
        Ok(())
    }
}
