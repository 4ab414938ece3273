//! `ResumeRun`.

use super::Draft;
use crate::event::{Actor, Event};
use crate::rejection::Rejection;

impl Draft<'_> {
    pub(super) fn resume_run(&mut self, by: Actor) -> Result<(), Rejection> {
        if !self.run.paused && self.run.parent_paused {
            let parent = self.run.started.as_ref().and_then(|started| started.parent.as_ref());
            let parent = parent.map(|parent| parent.name.clone()).unwrap_or_default();
            return Err(Rejection::PausedWithParent { parent });
        }
        if !self.run.paused {
            return Err(Rejection::NotPaused);
        }
        self.emit(Event::RunResumed { by });
        self.go_on_after_hold();
        Ok(())
    }
}
