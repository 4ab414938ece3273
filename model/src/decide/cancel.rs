//! `CancelRun`.

use super::Draft;
use crate::event::{Actor, Event};
use crate::rejection::Rejection;
use crate::run::RunStatus;

impl Draft<'_> {
    /// Also a run that is about to fail can be cancelled. Its own pauses end with it, so that what runs last does.
    pub(super) fn cancel_run(
        &mut self,
        by: Actor,
        reason: String,
        undo: bool,
    ) -> Result<(), Rejection> {
        if !undo && (self.run.is_undoing() || self.plan.undoes_on_cancel()) {
            return self.waive_undo(by, reason);
        }
        if matches!(self.run.status, RunStatus::Cancelling { .. }) {
            return Err(Rejection::AlreadyCancelling);
        }
        let was_held = self.run.is_held() || !self.run.holds.steps.is_empty();
        self.emit(Event::CancelRequested { by, reason });
        if was_held {
            // Those that run last may have been kept from it.
            self.frontier.extend(self.run.ready());
        }
        Ok(())
    }
}
