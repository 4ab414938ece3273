//! The transition of a schedule in the making.

use super::{
    CancelRequested, Cause, Overlap, QUEUE_MAX, Queued, RunRequested, Schedule, ScheduleEvent,
    SkipReason, Skipped, Waiting, evolve,
};
use crate::time::Timestamp;

/// A copy of the state, and what was decided so far.
pub(super) struct Draft {
    pub(super) state: Schedule,
    pub(super) now: Timestamp,
    events: Vec<ScheduleEvent>,
}

impl Draft {
    pub(super) fn new(state: Schedule, now: Timestamp) -> Self {
        Self { state, now, events: Vec::new() }
    }

    /// Folds an event and makes it part of the transition.
    pub(super) fn emit(&mut self, event: ScheduleEvent) {
        evolve::evolve(&mut self.state, &event, self.now);
        self.events.push(event);
    }

    pub(super) fn finish(self) -> (Schedule, Vec<ScheduleEvent>) {
        (self.state, self.events)
    }

    pub(super) fn skip(&mut self, dues: Vec<Timestamp>, reason: SkipReason) {
        if !dues.is_empty() {
            self.emit(ScheduleEvent::Skipped(Skipped { dues, reason }));
        }
    }

    /// Acts on a due time as the overlap policy says.
    pub(super) fn act(&mut self, due: Timestamp, cause: Cause, overlap: Overlap) {
        if self.state.has(due) {
            return;
        }
        let is_free = self.state.open.is_empty() && self.state.waiting.is_empty();
        match overlap {
            Overlap::Allow => self.request(due, cause),
            _ if is_free => self.request(due, cause),
            Overlap::Skip => self.skip(vec![due], SkipReason::Overlap),
            Overlap::Queue if self.state.waiting.len() >= QUEUE_MAX => {
                self.skip(vec![due], SkipReason::QueueFull);
            }
            Overlap::Queue => self.emit(ScheduleEvent::Queued(Queued { due, cause })),
            Overlap::CancelOld => {
                let overtaken: Vec<Timestamp> =
                    self.state.waiting.iter().map(|waiting| waiting.due).collect();
                self.skip(overtaken, SkipReason::Overtaken);
                let open = self.state.open.iter().filter(|firing| !firing.is_cancelled);
                let open: Vec<Timestamp> = open.map(|firing| firing.due).collect();
                for due in open {
                    self.emit(ScheduleEvent::CancelRequested(CancelRequested { due }));
                }
                self.emit(ScheduleEvent::Queued(Queued { due, cause }));
            }
        }
    }

    /// Starts what waits, if it is its turn.
    pub(super) fn go_on(&mut self) {
        if !self.state.open.is_empty() || self.state.paused.is_some() {
            return;
        }
        if let Some(Waiting { due, cause }) = self.state.waiting.front().cloned() {
            self.request(due, cause);
        }
    }

    fn request(&mut self, due: Timestamp, cause: Cause) {
        self.emit(ScheduleEvent::RunRequested(RunRequested { due, cause }));
    }
}
