//! Heartbeats: signs of life of a handler, and how far it is.

use std::sync::Arc;

use nexus_model::payload::{ContentType, INLINE_BYTES_MAX, Payload};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::vitals::Beats;
use super::{Data, StepCx, StepError, StepResult};

/// Most bytes of progress, as JSON.
pub const PROGRESS_BYTES_MAX: usize = INLINE_BYTES_MAX;

impl StepCx {
    /// The same, with what an earlier attempt said, and the means to hear this one.
    #[must_use]
    pub fn with_progress(self, progress: Payload) -> (Self, Beats) {
        self.take_over(progress);
        let beats = Beats::new(Arc::clone(self.vitals()));
        (self, beats)
    }

    /// How far it is, as the engine keeps it.
    pub(crate) fn said(&self) -> Payload {
        self.vitals().progress()
    }

    /// Replaces what an earlier attempt said, which is no heartbeat.
    pub(crate) fn take_over(&self, progress: Payload) {
        self.vitals().take_over(progress);
    }

    /// Says that the handler is alive, and how far it is; `()` says nothing about that.
    ///
    /// The newest progress is recorded within a second, and before the attempt's failure. It is handed to the next attempt,
    /// and to this one if it has to be carried on after a crash. A step with `heartbeat` fails the attempt if none comes
    /// in time.
    ///
    /// # Errors
    /// NX3014 if the progress has no JSON form, NX3025 if that has more than [`PROGRESS_BYTES_MAX`] bytes; both fatal.
    pub fn heartbeat(&self, progress: impl Serialize) -> StepResult<()> {
        let Data { bytes, .. } = self.redactor().data(Data::json(&progress)?);
        if bytes.len() > PROGRESS_BYTES_MAX {
            let message =
                format!("the progress has {} bytes, more than {PROGRESS_BYTES_MAX}", bytes.len());
            return Err(StepError::fatal(message).code("NX3025"));
        }
        let (said, _) = Payload::new(ContentType::Json, bytes);
        self.vitals().beat(Some(said).filter(|said| *said != Payload::Null));
        Ok(())
    }

    /// How far the step was when its last heartbeat was recorded; `None` if it never said.
    ///
    /// # Errors
    /// NX3015, fatal, if that does not fit `T`.
    pub fn progress<T: DeserializeOwned>(&self) -> StepResult<Option<T>> {
        let bytes = match self.said() {
            Payload::Null | Payload::Stored(..) => return Ok(None),
            Payload::Inline(content_type, bytes) => Data { content_type, bytes },
        };
        bytes.parse().map(Some)
    }
}
