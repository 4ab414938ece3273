//! Events and states as bytes.
//!
//! An event is stored as a [`Header`], which the log keeps beside it, and a body: bincode over the plain structs of `wire`.
//! A wire struct is never edited once a release has written it; a changed event gets a new struct and the next version.
//!
//! Invariants:
//! * A body decodes only if its kind and version are known and every byte of it is used.
//! * Decoding damaged bytes is an error, never a panic and never an allocation out of proportion to their number.
//! * The same event has the same bytes in every build; the fixtures in `tests/fixtures/wire` hold them.

mod breakers;
mod canonical;
pub mod chunks;
mod code;
mod decode;
mod encode;
mod forget;
mod items;
mod kind;
mod slots;
mod snapshot;
mod updates;
mod wire;

pub use kind::{event_name, kind_name, kinds};
pub use snapshot::{
    decode_run, definition_of, encode_run, plan_of_snapshot, show_state_hash, state_hash,
};

use crate::event::{Event, Given};
use crate::time::Timestamp;

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

/// The longest body that is read: as long as the longest frame of the log.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The version in which an event is written: the first that can say all of it.
fn version_of(event: &Event) -> u8 {
    if slots::item_of(event).is_some() || code::names_a_call(event) {
        return 2;
    }
    let Event::RunStarted(started) = event else { return 1 };
    match (&started.parent, started.limits.is_empty()) {
        (Some(_), _) => 3,
        (None, false) => 2,
        (None, true) => 1,
    }
}

impl Header {
    /// The same with [`FLAG_OUTSIDE`].
    #[must_use]
    pub fn outside(self) -> Self {
        Self { flags: self.flags | FLAG_OUTSIDE, ..self }
    }

    /// The same with [`FLAG_PARKED`].
    #[must_use]
    pub fn parked(self) -> Self {
        Self { flags: self.flags | FLAG_PARKED, ..self }
    }

    /// Whether the event came from outside.
    pub fn is_outside(self) -> bool {
        self.flags & FLAG_OUTSIDE != 0
    }

    /// Whether the run needs no engine after this event.
    pub fn is_parked(self) -> bool {
        self.flags & FLAG_PARKED != 0
    }
}

/// The kind and version of an event, without flags.
pub fn header(event: &Event) -> Header {
    Header { kind: kind::kind_of(event), version: version_of(event), flags: 0 }
}

/// Appends the body of an event. `given` is there for the outside event only.
///
/// Returns the header under which [`decode`] reads the body: with [`FLAG_OUTSIDE`] if `given` is there.
pub fn encode(event: &Event, given: Option<Given>, out: &mut Vec<u8>) -> Header {
    let header = header(event);
    let header = match given {
        Some(given) => {
            encode::put(out, &given.slots);
            header.outside()
        }
        None => header,
    };
    encode::put_event(out, event);
    header
}

/// Reads an event back. The time in [`Given`] is not stored in the body: it is the frame's, `time_us`.
///
/// # Errors
/// [`DecodeError`] if the kind, version or a flag is not known or the bytes do not fit it exactly.
pub fn decode(
    header: Header,
    body: &[u8],
    time_us: i64,
) -> Result<(Event, Option<Given>), DecodeError> {
    let Header { kind, version, flags } = header;
    if flags & !(FLAG_OUTSIDE | FLAG_PARKED) != 0 {
        return Err(DecodeError::Unknown { kind, version });
    }
    if body.len() > BODY_BYTES_MAX {
        return Err(DecodeError::Body { kind });
    }
    let (given, body) = if header.is_outside() {
        let (slots, rest) = decode::take(body).ok_or(DecodeError::Body { kind })?;
        (Some(Given { now: Timestamp(time_us), slots }), rest)
    } else {
        (None, body)
    };
    Ok((decode::event(kind, version, body)?, given))
}

/// Appends a value.
pub(crate) fn put_value(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    encode::put(out, value);
}

/// Reads a value from the front of `bytes` and returns what follows it.
pub(crate) fn take_front<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    decode::take(bytes)
}

/// Reads a value that fills `bytes`.
pub(crate) fn take_value<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    decode::take(bytes).and_then(|(value, rest)| rest.is_empty().then_some(value))
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

#[cfg(test)]
mod tests;
