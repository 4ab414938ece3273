//! `PauseRun`.

use super::Draft;
use crate::event::{Actor, Event};
use crate::rejection::Rejection;

impl Draft<'_> {
    pub(super) fn pause_run(&mut self, by: Actor, reason: String) -> Result<(), Rejection> {
        if self.run.paused {
            return Err(Rejection::AlreadyPaused);
        }
        self.emit(Event::RunPaused { by, reason });
        Ok(())
    }
}
