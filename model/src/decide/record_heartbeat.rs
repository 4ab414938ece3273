//! `RecordHeartbeat`: how far an attempt is, kept for the next one.

use super::Draft;
use crate::event::Event;
use crate::id::{Attempt, StepIndex};
use crate::payload::Payload;
use crate::rejection::Rejection;

impl Draft<'_> {
    pub(super) fn record_heartbeat(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        progress: Payload,
    ) -> Result<(), Rejection> {
        self.under_way(step, attempt)?;
        self.emit(Event::HeartbeatRecorded { step, attempt, progress });
        Ok(())
    }
}
