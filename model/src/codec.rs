//! Events and states as bytes.

use crate::event::{Event, Given};
use crate::id::StateHash;
use crate::plan::Plan;
use crate::run::Run;

/// An event as the log stores it: kind, version and flags of the record, and its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Kind of the event.
    pub kind: u16,
    /// Version of the body's shape.
    pub version: u8,
    /// [`FLAG_OUTSIDE`], [`FLAG_PARKED`].
    pub flags: u8,
}

/// The event came from outside; its body begins with what was [`Given`].
pub const FLAG_OUTSIDE: u8 = 1;

/// After this event the run needs no engine until a timer fires or somebody asks for something.
/// Set on the last event of a transition.
pub const FLAG_PARKED: u8 = 2;

/// The kind and version of an event.
pub fn header(_event: &Event) -> Header {
    Header { kind: 0, version: 1, flags: 0 }
}

/// Appends the body of an event. `given` is there for the outside event only.
pub fn encode(_event: &Event, _given: Option<Given>, _out: &mut Vec<u8>) {}

/// Reads an event back. The time in [`Given`] is not stored in the body: it is the frame's, `time_us`.
///
/// # Errors
/// [`DecodeError`] if the kind or version is not known or the bytes do not fit it exactly.
pub fn decode(
    _header: Header,
    _body: &[u8],
    _time_us: i64,
) -> Result<(Event, Option<Given>), DecodeError> {
    Err(DecodeError::Body { kind: 0 })
}

/// Why bytes are no event or state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A newer program wrote it.
    #[error("event kind {kind} version {version} is not known to this version of the program")]
    Unknown {
        /// Kind of the record.
        kind: u16,
        /// Version of its body.
        version: u8,
    },
    /// The bytes do not fit the kind.
    #[error("the body of an event of kind {kind} is damaged")]
    Body {
        /// Kind of the record.
        kind: u16,
    },
    /// A snapshot that cannot be used.
    #[error("the snapshot cannot be used")]
    Snapshot,
}

/// Hash of a run's state: BLAKE3 over its canonical, versioned encoding, with payloads as references. Shown as `v1:…`.
pub fn state_hash(_plan: &Plan, _run: &Run) -> StateHash {
    StateHash::default()
}

/// The state as bytes, from which [`decode_run`] makes it again. A cache, never the truth.
pub fn encode_run(_plan: &Plan, _run: &Run) -> Vec<u8> {
    Vec::new()
}

/// Reads a snapshot back.
///
/// # Errors
/// [`DecodeError::Snapshot`] if it is of another version, of another plan, or damaged.
pub fn decode_run(_plan: &Plan, _bytes: &[u8]) -> Result<Run, DecodeError> {
    Err(DecodeError::Snapshot)
}
