//! Snapshots: states of runs and aggregates, handed over by the engine and kept beside the views. A cache.
//!
//! Invariants:
//! * A snapshot is never ahead of the checkpoint: the events it holds are in the log that the rows are of.
//! * A run has at most one, the newest; of a run that has ended it is of the end.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nexus_log::{Position, Revision, StreamId};

use crate::ViewsError;
use crate::store::{Change, Rows, Table};
use crate::view::Changed;

/// Bytes of snapshots that may wait for the follower.
const QUEUE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes a waiting snapshot takes beside its own.
const OVERHEAD: usize = 64;

/// Snapshots that wait for the follower.
#[derive(Debug, Default)]
pub(crate) struct SnapshotQueue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    snapshots: HashMap<StreamId, Snapshot>,
    bytes: usize,
}

#[derive(Debug)]
struct Snapshot {
    revision: Revision,
    bytes: Vec<u8>,
    /// Where the log ended when it was handed over: its events stand before that.
    durable: Position,
}

impl SnapshotQueue {
    /// Takes a snapshot; drops it if there is no room or a newer one waits.
    pub(crate) fn put(
        &self,
        stream: StreamId,
        revision: Revision,
        bytes: Vec<u8>,
        durable: Position,
    ) -> bool {
        let mut waiting = self.lock();
        let before = waiting.snapshots.get(&stream);
        let freed = before.map_or(0, |snapshot| snapshot.bytes.len() + OVERHEAD);
        let total = waiting.bytes - freed + bytes.len() + OVERHEAD;
        if before.is_some_and(|before| before.revision >= revision) || total > QUEUE_BYTES_MAX {
            return false;
        }
        waiting.bytes = total;
        waiting.snapshots.insert(stream, Snapshot { revision, bytes, durable });
        true
    }

    /// Whether some wait that can be written at `applied`.
    pub(crate) fn is_due(&self, applied: Position) -> bool {
        self.lock().snapshots.values().any(|snapshot| snapshot.durable <= applied)
    }

    fn take(&self, applied: Position) -> Vec<(StreamId, Snapshot)> {
        let mut waiting = self.lock();
        let due = |_: &StreamId, snapshot: &mut Snapshot| snapshot.durable <= applied;
        let due: Vec<_> = waiting.snapshots.extract_if(due).collect();
        let bytes: usize = due.iter().map(|(_, snapshot)| snapshot.bytes.len() + OVERHEAD).sum();
        waiting.bytes -= bytes;
        due
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the snapshots that are due into rows, and deletes those that runs had before they ended.
    /// `of_use` says of which revisions a snapshot of a stream is kept.
    pub(crate) fn flush(
        &self,
        applied: Position,
        changed: &[Changed<'_>],
        of_use: impl Fn(StreamId) -> Result<Option<RangeInclusive<u32>>, ViewsError>,
        rows: &dyn Rows,
        batch: &mut Vec<Change>,
    ) -> Result<(), ViewsError> {
        let mut put = HashSet::new();
        for (stream, snapshot) in self.take(applied) {
            let fits = of_use(stream)?.is_some_and(|kept| kept.contains(&snapshot.revision.0));
            let stored = read(rows, stream)?;
            let is_newer = stored.is_none_or(|(revision, _)| revision < snapshot.revision);
            if fits && is_newer {
                let mut value = snapshot.revision.0.to_be_bytes().to_vec();
                value.extend_from_slice(&snapshot.bytes);
                let key = stream.0.to_vec();
                put.insert(stream);
                batch.push(Change { table: Table::Snapshots, key, value: Some(value) });
            }
        }
        for Changed { stream, stored, run } in changed {
            let has_ended = run.has_ended() && stored.is_some_and(|stored| stored.ending.is_none());
            if has_ended
                && !put.contains(stream)
                && rows.get(Table::Snapshots, &stream.0)?.is_some()
            {
                let key = stream.0.to_vec();
                batch.push(Change { table: Table::Snapshots, key, value: None });
            }
        }
        Ok(())
    }
}

/// The snapshot of a run.
pub(crate) fn read(
    rows: &dyn Rows,
    stream: StreamId,
) -> Result<Option<(Revision, Vec<u8>)>, ViewsError> {
    let Some(value) = rows.get(Table::Snapshots, &stream.0)? else { return Ok(None) };
    let (revision, bytes) =
        value.split_first_chunk::<4>().ok_or(ViewsError::Row { view: "snapshots" })?;
    Ok(Some((Revision(u32::from_be_bytes(*revision)), bytes.to_vec())))
}
