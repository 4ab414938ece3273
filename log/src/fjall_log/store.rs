//! The store: what stands in the database, and how it is read.
//!
//! Invariants:
//! * Everything is read through a snapshot: a plain range shows half-applied batches.
//! * Nothing behind the durable end is returned.
//! * A frame is returned only if it checks and stands where the one before it ends.

mod frames;
mod noted;

use std::path::PathBuf;

use fjall::{Database, Keyspace, PersistMode, Readable, Slice, Snapshot};

use self::frames::Frames;
use self::noted::Noted;
use super::layout::{Use, memtable_bytes};
use super::memtables::rotate_in_time;
use super::segments::{Segments, holding};
use super::table_rows::TableRows;
use crate::envelope;
use crate::group::Durable;
use crate::heads::StreamHead;
use crate::{Frame, KeyValue, Partition, Position, ReadError, Revision, StreamId, Table};

const STREAM_KEY_BYTES: usize = 20;
const STREAM_VALUE_BYTES: usize = 12;

/// The open database and its keyspaces.
pub(super) struct Store {
    /// The folder of the database.
    pub(super) folder: PathBuf,
    pub(super) db: Database,
    pub(super) segments: Segments,
    pub(super) streams: Keyspace,
    pub(super) payloads: Keyspace,
    pub(super) rows: TableRows,
    noted: Noted,
}

/// A row of the index of streams: one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndexRow {
    pub(super) stream: StreamId,
    pub(super) revision: Revision,
    pub(super) position: Position,
    pub(super) count: u32,
}

impl IndexRow {
    /// The key under which it stands.
    pub(super) fn key(stream: StreamId, revision: Revision) -> [u8; STREAM_KEY_BYTES] {
        let mut key = [0; STREAM_KEY_BYTES];
        key[..16].copy_from_slice(&stream.0);
        key[16..].copy_from_slice(&revision.0.to_be_bytes());
        key
    }

    /// What stands there.
    pub(super) fn value(position: Position, count: u32) -> [u8; STREAM_VALUE_BYTES] {
        let mut value = [0; STREAM_VALUE_BYTES];
        value[..8].copy_from_slice(&position.0.to_be_bytes());
        value[8..].copy_from_slice(&count.to_be_bytes());
        value
    }

    /// Reads a row as it is stored.
    pub(super) fn parse(key: &[u8], value: &[u8]) -> Option<Self> {
        let (stream, revision) = key.split_first_chunk::<16>()?;
        let (position, count) = value.split_first_chunk::<8>()?;
        Some(Self {
            stream: StreamId(*stream),
            revision: Revision(u32::from_be_bytes(revision.try_into().ok()?)),
            position: Position(u64::from_be_bytes(*position)),
            count: u32::from_be_bytes(count.try_into().ok()?),
        })
    }

    /// Whether `frame` is the frame that this row is about.
    pub(super) fn is_about(&self, frame: &Frame) -> bool {
        (self.stream, self.revision, self.position, self.count)
            == (frame.stream, frame.revision, frame.position, frame.records.count())
    }
}

/// Puts the database's words into an error.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(super) fn storage(error: fjall::Error) -> ReadError {
    ReadError::Storage { reason: error.to_string() }
}

impl Store {
    /// What stands in the database `db`, which is in `folder`.
    pub(super) fn new(
        folder: PathBuf,
        db: Database,
        segments: Segments,
        streams: Keyspace,
        payloads: Keyspace,
        rows: TableRows,
    ) -> Self {
        Self { folder, db, segments, streams, payloads, rows, noted: Noted::default() }
    }

    /// Before a batch: begins memtables, so that the storage engine asks for one at most once, and not with each batch.
    pub(super) fn rotate_in_time(&self, frames: &Keyspace) -> Result<(), fjall::Error> {
        let apart = self.rows.all_apart().map(|keyspace| (keyspace, Use::Apart));
        let others = [
            (frames, Use::Events),
            (&self.streams, Use::Streams),
            (&self.payloads, Use::Payloads),
            (self.rows.keyspace(), Use::Rows),
        ];
        for (keyspace, purpose) in apart.chain(others) {
            rotate_in_time(keyspace, memtable_bytes(purpose))?;
        }
        Ok(())
    }

    /// Whether everything could be written. What the storage engine writes on its own, and fails at, is not seen before.
    pub(super) fn is_well(&self) -> Result<(), fjall::Error> {
        // There is nothing to write: every batch was synced.
        self.db.persist(PersistMode::Buffer)
    }

    /// Bytes on the disk.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.db.disk_space().unwrap_or(0)
    }

    /// The stored frames from exactly `start` on.
    pub(super) fn frames(&self, start: Position) -> Frames {
        Frames::new(self.db.snapshot(), self.segments.all(), start)
    }

    /// The last frame of the log.
    pub(super) fn last_frame(&self) -> Result<Option<Frame>, ReadError> {
        let snapshot = self.db.snapshot();
        for segment in self.segments.all().iter().rev() {
            if let Some(last) = snapshot.last_key_value(&segment.frames) {
                return frames::decode(&last.into_inner().map_err(storage)?).map(Some);
            }
        }
        Ok(None)
    }

    /// The greatest stream of the log. If that cannot be read it is the greatest there can be: then each stream is asked about.
    pub(super) fn greatest_stream(&self) -> Option<StreamId> {
        let last = self.db.snapshot().last_key_value(&self.streams)?;
        let key = last.key().ok();
        let stream = key.as_ref().and_then(|key| key.first_chunk());
        Some(stream.map_or(StreamId([u8::MAX; 16]), |stream| StreamId(*stream)))
    }

    /// The frame that begins exactly at `position`.
    pub(super) fn frame_at(
        &self,
        snapshot: &Snapshot,
        position: Position,
    ) -> Result<Option<Frame>, ReadError> {
        let segments = self.segments.all();
        let Some(segment) = segments.get(holding(&segments, position)) else { return Ok(None) };
        let found = snapshot.get(&segment.frames, position.0.to_be_bytes()).map_err(storage)?;
        found.map(|bytes| decode_at(position, &bytes)).transpose()
    }

    /// Where the frame that holds `position` begins.
    fn start_of(&self, snapshot: &Snapshot, position: Position) -> Result<Position, ReadError> {
        let segments = self.segments.all();
        let index = holding(&segments, position);
        let Some(segment) = segments.get(index) else {
            return Err(ReadError::Hole { at: position });
        };
        let key = position.0.to_be_bytes();
        let before = snapshot.range(&segment.frames, ..=key).next_back();
        let Some(guard) = before else { return Err(ReadError::Hole { at: position }) };
        frames::position(&guard.key().map_err(storage)?)
    }

    /// Reads frames, see [`EventLog::read`](crate::EventLog::read).
    pub(super) fn read(
        &self,
        partition: Partition,
        from: Position,
        end: Position,
        bytes_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        let mut found = Vec::new();
        if from >= end || partition != Partition(0) {
            return Ok(found);
        }
        let mut expected = self.start_of(&self.db.snapshot(), from)?;
        let mut bytes = 0;
        for stored in self.frames(expected) {
            let stored = stored?;
            if stored.position != expected {
                return Err(ReadError::Hole { at: expected });
            }
            let frame = stored.decode()?;
            expected = frame.next_position();
            if expected <= from {
                return Err(ReadError::Hole { at: expected });
            }
            bytes += frame.records.as_bytes().len();
            found.push(frame);
            if bytes >= bytes_max || expected >= end {
                return Ok(found);
            }
        }
        Err(ReadError::Hole { at: expected })
    }

    /// Reads frames of a stream, see [`EventLog::read_stream`](crate::EventLog::read_stream).
    pub(super) fn read_stream(
        &self,
        stream: StreamId,
        from: Revision,
        end: Position,
        frames_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        let snapshot = self.db.snapshot();
        // Every stream begins at revision 0: who reads it from there need not ask which row holds it.
        let first = if from == Revision(0) {
            from
        } else if let Some(row) = self.index_row_before(&snapshot, stream, from)? {
            row.revision
        } else {
            return Ok(Vec::new());
        };
        let range = IndexRow::key(stream, first)..=IndexRow::key(stream, Revision(u32::MAX));
        let mut expected = first;
        let mut found = Vec::new();
        for guard in snapshot.range(&self.streams, range) {
            if found.len() >= frames_max {
                return Ok(found);
            }
            let (key, value) = guard.into_inner().map_err(storage)?;
            let row = IndexRow::parse(&key, &value)
                .ok_or(ReadError::Index { stream, at: Position(0) })?;
            if row.position >= end {
                return Ok(found);
            }
            if row.revision != expected {
                return Err(ReadError::Index { stream, at: row.position });
            }
            let frame = self.frame_of(&snapshot, &row)?;
            expected = frame.next_revision();
            if expected > from {
                found.push(frame);
            }
        }
        if let Some(last) = found.last() {
            self.noted.set(stream, StreamHead { next: expected, chain: last.chain });
        }
        Ok(found)
    }

    /// The last index row of `stream` that begins at or before `revision`.
    fn index_row_before(
        &self,
        snapshot: &Snapshot,
        stream: StreamId,
        revision: Revision,
    ) -> Result<Option<IndexRow>, ReadError> {
        let range = IndexRow::key(stream, Revision(0))..=IndexRow::key(stream, revision);
        let Some(guard) = snapshot.range(&self.streams, range).next_back() else { return Ok(None) };
        let (key, value) = guard.into_inner().map_err(storage)?;
        IndexRow::parse(&key, &value).map(Some).ok_or(ReadError::Index { stream, at: Position(0) })
    }

    /// The frame that an index row names.
    pub(super) fn frame_of(&self, snapshot: &Snapshot, row: &IndexRow) -> Result<Frame, ReadError> {
        let frame = self.frame_at(snapshot, row.position)?;
        frame
            .filter(|frame| row.is_about(frame))
            .ok_or(ReadError::Index { stream: row.stream, at: row.position })
    }

    /// The frame of `stream` that ends before `revision`.
    pub(super) fn frame_before(
        &self,
        stream: StreamId,
        revision: Revision,
    ) -> Result<Option<Frame>, ReadError> {
        let Some(revision) = revision.0.checked_sub(1) else { return Ok(None) };
        let snapshot = self.db.snapshot();
        let row = self.index_row_before(&snapshot, stream, Revision(revision))?;
        row.map(|row| self.frame_of(&snapshot, &row)).transpose()
    }

    /// Reads a row.
    pub(super) fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.rows.get(&self.db.snapshot(), table, key)
    }

    /// Reads rows, see [`EventLog::rows`](crate::EventLog::rows).
    pub(super) fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        rows_max: usize,
    ) -> Result<Vec<KeyValue>, ReadError> {
        let is_before = |row: &Result<KeyValue, ReadError>| {
            row.as_ref().map_or(true, |(key, _)| to.is_empty() || key.as_slice() < to)
        };
        let rows = self.rows.range(&self.db.snapshot(), table, from)?;
        rows.take(rows_max).take_while(is_before).collect()
    }

    /// Visits all rows of a table.
    pub(super) fn each_row(
        &self,
        table: Table,
        visit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), ReadError> {
        for row in self.rows.range(&self.db.snapshot(), table, &[])? {
            let (key, value) = row?;
            visit(&key, &value);
        }
        Ok(())
    }

    /// Reads a payload and checks its hash.
    pub(super) fn payload(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(bytes) = self.db.snapshot().get(&self.payloads, hash).map_err(storage)? else {
            return Ok(None);
        };
        if blake3::hash(&bytes).as_bytes() != hash {
            return Err(ReadError::Payload);
        }
        Ok(Some(bytes.to_vec()))
    }
}

impl Durable for Store {
    fn head(&self, stream: StreamId) -> Result<StreamHead, ReadError> {
        // Revisions have no hole: where a stream was seen to end, it goes on with a row that begins there, or it still ends there.
        if let Some(head) = self.noted.get(stream) {
            let next = IndexRow::key(stream, head.next);
            if !self.streams.contains_key(next).map_err(storage)? {
                return Ok(head);
            }
        }
        // Every stream begins at revision 0, and asking for one key is cheaper than asking for the last of a range. Only the writer
        // asks, when no batch is half applied, so it needs no snapshot.
        if !self.streams.contains_key(IndexRow::key(stream, Revision(0))).map_err(storage)? {
            return Ok(StreamHead::EMPTY);
        }
        let snapshot = self.db.snapshot();
        let Some(row) = self.index_row_before(&snapshot, stream, Revision(u32::MAX))? else {
            return Ok(StreamHead::EMPTY);
        };
        let frame = self.frame_of(&snapshot, &row)?;
        Ok(StreamHead { next: frame.next_revision(), chain: frame.chain })
    }

    fn frame(&self, stream: StreamId, revision: Revision) -> Result<Option<Frame>, ReadError> {
        let snapshot = self.db.snapshot();
        let Some(value) =
            snapshot.get(&self.streams, IndexRow::key(stream, revision)).map_err(storage)?
        else {
            return Ok(None);
        };
        let row = IndexRow::parse(&IndexRow::key(stream, revision), &value)
            .ok_or(ReadError::Index { stream, at: Position(0) })?;
        self.frame_of(&snapshot, &row).map(Some)
    }

    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Self::row(self, table, key)
    }

    fn tables(&self) -> usize {
        self.rows.tables()
    }
}

fn decode_at(position: Position, bytes: &Slice) -> Result<Frame, ReadError> {
    envelope::decode(Partition(0), position, bytes)
        .map_err(|reason| ReadError::Damaged { at: position, reason })
}
