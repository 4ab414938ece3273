//! Segments: the keyspaces that hold the frames, one after the other.
//!
//! Invariants:
//! * Only the newest segment is written to.
//! * A segment's row becomes durable with the first frame in it, so every segment on record begins with a frame.

use std::sync::{Arc, PoisonError, RwLock};

use fjall::{Database, Keyspace};

use super::layout::{Use, layout_v2};
use crate::Position;

/// Before the rows of the tables, see [`TableRows`](super::table_rows::TableRows).
const ROW_PREFIX: &str = "\0segment/";

/// One segment.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) number: u32,
    /// The position of its first frame.
    pub(super) first: Position,
    pub(super) frames: Keyspace,
}

impl Segment {
    fn open(db: &Database, number: u32, first: Position) -> Result<Self, fjall::Error> {
        let frames = db.keyspace(&format!("ev-{number:06}"), || layout_v2(Use::Events))?;
        Ok(Self { number, first, frames })
    }

    /// Makes the segment after this one, that begins at `first`.
    pub(super) fn following(&self, db: &Database, first: Position) -> Result<Self, fjall::Error> {
        Self::open(db, self.number + 1, first)
    }

    /// Key and value of its row.
    pub(super) fn row(&self) -> (String, [u8; 8]) {
        (format!("{ROW_PREFIX}{:06}", self.number), self.first.0.to_be_bytes())
    }
}

/// All segments, oldest first. There is always one.
pub(super) struct Segments(RwLock<Arc<[Segment]>>);

impl Segments {
    /// Opens the segments on record; the first needs no row.
    pub(super) fn open(db: &Database, rows: &Keyspace) -> Result<Self, fjall::Error> {
        let mut segments = vec![Segment::open(db, 1, Position(0))?];
        for row in rows.prefix(ROW_PREFIX) {
            let (key, value) = row.into_inner()?;
            let number = std::str::from_utf8(&key)
                .ok()
                .and_then(|key| key.strip_prefix(ROW_PREFIX)?.parse().ok());
            let first = value.as_ref().try_into().map(u64::from_be_bytes);
            let (Some(number), Ok(first)) = (number, first) else {
                return Err(fjall::Error::Unrecoverable);
            };
            segments.push(Segment::open(db, number, Position(first))?);
        }
        Ok(Self(RwLock::new(segments.into())))
    }

    /// The segments of this moment.
    pub(super) fn all(&self) -> Arc<[Segment]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The segment that is written to.
    pub(super) fn newest(&self) -> Segment {
        self.all().last().cloned().expect("there is always a segment")
    }

    /// Adds a segment whose row is durable.
    pub(super) fn push(&self, segment: Segment) {
        let mut segments = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *segments = segments.iter().cloned().chain([segment]).collect();
    }
}

/// Which of `segments` holds `position`.
pub(super) fn holding(segments: &[Segment], position: Position) -> usize {
    segments.partition_point(|segment| segment.first <= position).saturating_sub(1)
}
