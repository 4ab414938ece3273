//! Walks stored frames across segments, without judging what is missing between them.

use std::sync::Arc;

use fjall::{Iter, KvPair, Readable, Slice, Snapshot};

use super::super::segments::{Segment, holding};
use super::{decode_at, storage};
use crate::{Frame, Position, ReadError};

/// A frame as it is stored.
pub(in crate::fjall_log) struct Stored {
    /// The position of its key.
    pub(in crate::fjall_log) position: Position,
    bytes: Slice,
}

impl Stored {
    /// Reads it.
    pub(in crate::fjall_log) fn decode(&self) -> Result<Frame, ReadError> {
        decode_at(self.position, &self.bytes)
    }
}

/// Frames in order of position.
pub(in crate::fjall_log) struct Frames {
    snapshot: Snapshot,
    segments: Arc<[Segment]>,
    start: Position,
    next_segment: usize,
    current: Option<Iter>,
}

impl Frames {
    pub(super) fn new(snapshot: Snapshot, segments: Arc<[Segment]>, start: Position) -> Self {
        let next_segment = holding(&segments, start);
        Self { snapshot, segments, start, next_segment, current: None }
    }
}

impl Iterator for Frames {
    type Item = Result<Stored, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(guard) = self.current.as_mut().and_then(Iterator::next) {
                return Some(guard.into_inner().map_err(storage).and_then(stored));
            }
            let segment = self.segments.get(self.next_segment)?;
            self.next_segment += 1;
            self.current = Some(self.snapshot.range(&segment.frames, self.start.0.to_be_bytes()..));
        }
    }
}

fn stored((key, bytes): KvPair) -> Result<Stored, ReadError> {
    Ok(Stored { position: position(&key)?, bytes })
}

/// The position that a key stands for.
pub(super) fn position(key: &Slice) -> Result<Position, ReadError> {
    let bytes = key.as_ref().try_into().map_err(|_| ReadError::Storage {
        reason: "a key among the frames is no position".to_owned(),
    })?;
    Ok(Position(u64::from_be_bytes(bytes)))
}

/// Reads a frame from its key and value.
pub(super) fn decode(pair: &KvPair) -> Result<Frame, ReadError> {
    decode_at(position(&pair.0)?, &pair.1)
}
