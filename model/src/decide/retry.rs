//! `RetryRun`.

use super::Draft;
use crate::event::{Actor, Event};
use crate::rejection::Rejection;
use crate::run::RunStatus;

impl Draft<'_> {
    pub(super) fn retry_run(&mut self, by: Actor) -> Result<(), Rejection> {
        self.check_remembered()?;
        match &self.run.status {
            RunStatus::Failed { .. } | RunStatus::Cancelled { .. } => {
                self.check_nothing_undone()?;
            }
            RunStatus::Failing { .. } | RunStatus::Cancelling { .. } => {
                return self.retry_undos(by);
            }
            status @ (RunStatus::Running | RunStatus::Completed { .. }) => {
                return Err(Rejection::NotRetryable { status: status.word() });
            }
        }
        let timeout = self.timeout();
        self.emit(Event::RunRetried { by, timeout });
        self.frontier = self.run.ready().collect();
        Ok(())
    }
}
