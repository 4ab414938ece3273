//! `StartRun`.

use super::Draft;
use crate::event::{Event, LABELS_MAX, RunStarted};
use crate::id::TimerId;
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl Draft<'_> {
    pub(super) fn start_run(&mut self, mut start: Box<RunStarted>) -> Result<(), Rejection> {
        if self.run.started.is_some() {
            return Err(Rejection::AlreadyStarted);
        }
        if start.labels.len() > LABELS_MAX {
            return Err(Rejection::TooManyLabels { count: start.labels.len() });
        }
        start.timeout = self.timeout();
        self.emit(Event::RunStarted(start));
        self.frontier = self.run.ready().collect();
        Ok(())
    }

    /// The timer that ends the run, if it has one, counted from now.
    pub(super) fn timeout(&self) -> Option<(TimerId, Timestamp)> {
        let ms = self.plan.definition().timeout_ms?;
        Some((self.run.next_timer, self.now().plus_ms(ms)))
    }
}
