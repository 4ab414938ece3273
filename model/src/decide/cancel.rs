//! `CancelRun`.

use super::Draft;
use crate::event::{Actor, Event};
use crate::rejection::Rejection;
use crate::run::RunStatus;

impl Draft<'_> {
    /// Also a run that is about to fail can be cancelled.
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
        self.emit(Event::CancelRequested { by, reason });
        Ok(())
    }
}
