//! What an encrypted run that was called hands over when it has ended: opened, for the run that called it to seal with its own key.
//!
//! Invariant: what is opened here is in memory only, until the vault of the calling run has sealed it.

use nexus_model::event::{ChildEnd, Failure};
use nexus_model::id::RunId;
use nexus_model::payload::{ContentType, NewPayload, Payload};

use super::{LoadError, Loader};
use crate::vault::Kept;

/// The end of a called run, as it is told to the run that called it.
pub(crate) struct HandedOver {
    /// How many events the called run has, or 0 if its end cannot be taken as it is.
    pub(crate) revision: u32,
    /// How it ended.
    pub(crate) ended: ChildEnd,
    /// The bytes of a large output.
    pub(crate) payloads: Vec<NewPayload>,
}

impl HandedOver {
    fn plain(revision: u32, ended: ChildEnd) -> Self {
        Self { revision, ended, payloads: Vec::new() }
    }

    /// The output cannot be handed over.
    fn failed(code: &str, message: String, fatal: bool) -> Self {
        let failure = Failure { code: code.to_owned(), message, fatal, details: None };
        Self::plain(0, ChildEnd::Failed { failure, goes_on: false })
    }
}

impl Loader {
    /// Opens what `child` hands over, if it is encrypted. An output of more than `bytes_max` bytes is none that can be sealed again.
    pub(crate) fn hand_over(
        &self,
        child: RunId,
        (revision, ended): (u32, ChildEnd),
        bytes_max: usize,
    ) -> Result<HandedOver, LoadError> {
        if self.key(child)? == Kept::Nothing {
            return Ok(HandedOver::plain(revision, ended));
        }
        let output = match ended {
            ChildEnd::Completed { output } => output,
            ChildEnd::Failed { mut failure, goes_on } => {
                failure.message = self.reveal(child, &failure.message).into_owned();
                failure.details =
                    failure.details.map(|text| self.reveal(child, &text).into_owned());
                return Ok(HandedOver::plain(revision, ChildEnd::Failed { failure, goes_on }));
            }
            cancelled @ ChildEnd::Cancelled { .. } => {
                return Ok(HandedOver::plain(revision, cancelled));
            }
        };
        if output.len() > bytes_max as u64 {
            let message = format!(
                "the output of the called run has {} bytes, more than payload_bytes_max ({bytes_max}), \
                 and has to be encrypted again",
                output.len()
            );
            return Ok(HandedOver::failed("NX3035", message, true));
        }
        let bytes = match self.bytes(&output) {
            Ok(bytes) => bytes,
            Err(LoadError::Forgotten) => {
                let message = "the called run was forgotten before its output was taken";
                return Ok(HandedOver::failed("NX3034", message.to_owned(), false));
            }
            Err(error) => return Err(error),
        };
        let content_type = match output.content_type() {
            ContentType::Chunks => ContentType::Json,
            content_type @ (ContentType::Json | ContentType::Bytes) => content_type,
        };
        let (output, stored) = Payload::new(content_type, bytes);
        let payloads = stored.into_iter().collect();
        Ok(HandedOver { revision, ended: ChildEnd::Completed { output }, payloads })
    }
}
