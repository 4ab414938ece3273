//! `FollowParent`: a called run pauses and goes on with the run that called it.

use super::Draft;
use crate::event::Event;
use crate::rejection::Rejection;

impl Draft<'_> {
    pub(super) fn follow_parent(&mut self, paused: bool) -> Result<(), Rejection> {
        if self.run.started.as_ref().is_none_or(|started| started.parent.is_none()) {
            return Err(Rejection::NotPaused);
        }
        match (paused, self.run.parent_paused) {
            (true, true) => return Err(Rejection::AlreadyPaused),
            (false, false) => return Err(Rejection::NotPaused),
            (true, false) => self.emit(Event::ParentPaused),
            (false, true) => {
                self.emit(Event::ParentResumed);
                self.go_on_after_hold();
            }
        }
        Ok(())
    }
}
