//! Who reads the events of before for steps that wait.
//!
//! Invariant: for one step of a run at most one task reads, and it reads for the waiting that was named last.

use std::collections::BTreeMap;

use nexus_model::id::{RunId, StepIndex};
use tokio::task::AbortHandle;

/// Readers that are remembered before those that are done are looked for.
const CLEARED_AT: usize = 64;

/// The tasks, by the step they read for, with the revision at which it began to wait.
#[derive(Default)]
pub(super) struct Readers {
    tasks: BTreeMap<(RunId, StepIndex), (u32, AbortHandle)>,
    cleared_at: usize,
}

impl Readers {
    /// Whether somebody reads for this waiting of the step.
    pub(super) fn is_at_work(&self, run: RunId, step: StepIndex, waiting: u32) -> bool {
        let task = self.tasks.get(&(run, step));
        task.is_some_and(|(since, task)| *since == waiting && !task.is_finished())
    }

    /// Takes note of a reader; one that reads for an earlier waiting of the step is given up.
    pub(super) fn begun(&mut self, run: RunId, step: StepIndex, waiting: u32, task: AbortHandle) {
        if let Some((_, earlier)) = self.tasks.insert((run, step), (waiting, task)) {
            earlier.abort();
        }
        if self.tasks.len() > self.cleared_at.max(CLEARED_AT) {
            self.tasks.retain(|_, (_, task)| !task.is_finished());
            self.cleared_at = self.tasks.len() * 2;
        }
    }
}
