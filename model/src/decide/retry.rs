//! `RetryRun`.

use super::Draft;
use super::undo::nothing_undone;
use crate::event::{Actor, Event};
use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::run::{Run, RunStatus};

/// Whether a run that has failed or was cancelled can go on. What a retry answers, without asking for one.
///
/// # Errors
/// The [`Rejection`] that it would be refused with.
pub fn check_retry(plan: &Plan, run: &Run) -> Result<(), Rejection> {
    if run.forgotten {
        return Err(Rejection::Forgotten);
    }
    nothing_undone(plan, run)?;
    if !run.may_ask_function_again() {
        return Err(Rejection::FailedByItself);
    }
    Ok(())
}

impl Draft<'_> {
    pub(super) fn retry_run(&mut self, by: Actor) -> Result<(), Rejection> {
        self.check_remembered()?;
        match &self.run.status {
            RunStatus::Failed { .. } | RunStatus::Cancelled { .. } => {
                check_retry(self.plan, self.run)?;
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
