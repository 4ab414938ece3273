//! `ResumeRun`.

use super::Draft;
use crate::event::{Actor, Event};
use crate::rejection::Rejection;

impl Draft<'_> {
    pub(super) fn resume_run(&mut self, by: Actor) -> Result<(), Rejection> {
        if !self.run.paused {
            return Err(Rejection::NotPaused);
        }
        self.emit(Event::RunResumed { by });
        self.go_on_after_hold();
        Ok(())
    }
}
