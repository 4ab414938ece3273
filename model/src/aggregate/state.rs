//! Aggregates with their place in their stream, and as bytes.

use super::{Command, Decoded, Event, Kind, Rejection, State};
use crate::codec::{
    BODY_BYTES_MAX, DecodeError, FLAG_OUTSIDE, FLAG_PARKED, Header, put_value, take_front,
};
use crate::id::StateHash;
use crate::time::Timestamp;

/// Version of events and of states.
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 16;

/// An aggregate and how many events are folded into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Its name.
    pub name: String,
    /// How many events are folded into the state.
    pub revision: u32,
    /// Its state.
    pub state: State,
}

impl Entity {
    /// An aggregate of which nothing is recorded.
    pub fn new(kind: Kind, name: &str) -> Self {
        Self { name: name.to_owned(), revision: 0, state: State::new(kind, name) }
    }

    /// Decides, and folds what was decided.
    ///
    /// # Errors
    /// The rejection; nothing has changed then.
    pub fn decide(&mut self, command: Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let events = self.state.decide(command, now)?;
        self.revision += u32::try_from(events.len()).unwrap_or(u32::MAX);
        Ok(events)
    }

    /// Folds an event; `false`: it is of another kind.
    pub fn evolve(&mut self, event: &Event, at: Timestamp) -> bool {
        let fits = self.state.evolve(event, at);
        self.revision += u32::from(fits);
        fits
    }

    /// Whether it needs no engine until a timer is due or somebody asks for something.
    pub fn is_parked(&self) -> bool {
        self.state.pending().is_empty()
    }
}

/// Appends the body of an event; returns its header, without flags.
///
/// The first body of a stream begins with the name of the aggregate.
pub fn encode(event: &Event, name: Option<&str>, out: &mut Vec<u8>) -> Header {
    if let Some(name) = name {
        put_value(out, &name);
    }
    event.put(out);
    Header { kind: event.kind(), version: VERSION, flags: 0 }
}

/// Reads an event back; with the name of the aggregate if it is the first of its stream.
///
/// # Errors
/// [`DecodeError`] if the kind, version or a flag is not known or the bytes do not fit it exactly.
pub fn decode(
    header: Header,
    body: &[u8],
    is_first: bool,
) -> Result<(Event, Option<String>), DecodeError> {
    let Header { kind, version, flags } = header;
    if flags & !(FLAG_OUTSIDE | FLAG_PARKED) != 0 || version != VERSION {
        return Err(DecodeError::Unknown { kind, version });
    }
    if body.len() > BODY_BYTES_MAX {
        return Err(DecodeError::Body { kind });
    }
    let (name, body) = if is_first {
        let (name, rest) = take_front(body).ok_or(DecodeError::Body { kind })?;
        (Some(name), rest)
    } else {
        (None, body)
    };
    match Event::take(kind, body) {
        Decoded::Event(event) => Ok((event, name)),
        Decoded::Unknown => Err(DecodeError::Unknown { kind, version }),
        Decoded::Damaged => Err(DecodeError::Body { kind }),
    }
}

/// The aggregate as bytes, from which [`decode_entity`] makes it again. A cache, never the truth.
pub fn encode_entity(entity: &Entity) -> Vec<u8> {
    let mut bytes = canonical(entity);
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

/// Reads a snapshot back; `None` if it is of another version or damaged.
pub fn decode_entity(bytes: &[u8]) -> Option<Entity> {
    let (bytes, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    if checksum(bytes) != *sum {
        return None;
    }
    let ((version, kind, name, revision), rest): ((u8, u8, String, u32), _) = take_front(bytes)?;
    if version != VERSION {
        return None;
    }
    let state = State::take(Kind::of(kind)?, rest)?;
    Some(Entity { name, revision, state })
}

/// Hash of the state of an aggregate: BLAKE3 over its versioned encoding.
pub fn entity_hash(entity: &Entity) -> StateHash {
    StateHash(*blake3::hash(&canonical(entity)).as_bytes())
}

fn canonical(entity: &Entity) -> Vec<u8> {
    let mut bytes = Vec::new();
    let head = (VERSION, entity.state.kind().number(), &entity.name, entity.revision);
    put_value(&mut bytes, &head);
    entity.state.put(&mut bytes);
    bytes
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECKSUM_BYTES]);
    sum
}
