//! Waiting for the first attempt to start, with a limit.

use super::{Change, Fold};
use crate::id::{StepIndex, TimerId};
use crate::run::TimerPurpose;
use crate::time::Timestamp;

impl Fold<'_> {
    pub(super) fn step_queued(&mut self, step: StepIndex, timer: TimerId, until: Timestamp) {
        self.unqueue(step);
        self.set_timer(timer, until, TimerPurpose::Start(step));
        self.run.queued.insert(step, timer);
        self.note(Change::Queued(step, None));
    }

    /// The step has started, or will not.
    pub(super) fn unqueue(&mut self, step: StepIndex) {
        if let Some(timer) = self.run.queued.remove(&step) {
            self.note(Change::Queued(step, Some(timer)));
            self.clear_timer(timer);
        }
    }
}
