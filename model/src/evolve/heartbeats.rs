//! Heartbeats: how far the attempts of a step have come, until the step completes.

use super::{Change, Fold};
use crate::id::StepIndex;
use crate::payload::Payload;

impl Fold<'_> {
    pub(super) fn heartbeat_recorded(&mut self, step: StepIndex, progress: &Payload) {
        let before = self.run.progress.insert(step, progress.clone());
        self.note(Change::Progress(step, before));
    }

    /// What a step that has completed had reached is of no use any more.
    pub(super) fn forget_progress(&mut self, step: StepIndex) {
        if let Some(before) = self.run.progress.remove(&step) {
            self.note(Change::Progress(step, Some(before)));
        }
    }
}
