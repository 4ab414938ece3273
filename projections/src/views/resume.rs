//! Which runs need an engine: those whose last record is not parked.

use std::collections::BTreeSet;

use nexus_log::{EventLog, Partition, Position, ReadError, StreamId};
use nexus_model::codec::FLAG_PARKED;

use super::aggregates::aggregate_of;
use super::runs::{RunRecord, Standing};
use crate::ViewsError;
use crate::store::{Change, Rows, Table};
use crate::view::{Changed, Recorded, View};

const READ_BYTES: usize = 1024 * 1024;

/// The runs that need an engine, straight from the log, in order of their ids.
///
/// Reads all of it: for logs in memory, and to check the view.
///
/// # Errors
/// [`ReadError`] if the log cannot be read.
pub fn scan(log: &dyn EventLog) -> Result<Vec<StreamId>, ReadError> {
    let mut streams = BTreeSet::new();
    let mut position = Position(0);
    loop {
        let frames = log.read(Partition(0), position, READ_BYTES)?;
        let Some(last) = frames.last() else { return Ok(streams.into_iter().collect()) };
        position = last.next_position();
        for frame in frames.iter().filter(|frame| aggregate_of(frame.stream).is_none()) {
            let last = frame.records.iter().last();
            if last.is_some_and(|record| record.flags & FLAG_PARKED != 0) {
                streams.remove(&frame.stream);
            } else {
                streams.insert(frame.stream);
            }
        }
    }
}

/// The view.
pub(crate) struct ResumeView;

impl View for ResumeView {
    fn name(&self) -> &'static str {
        "resume"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[Table::Resume]
    }

    fn apply(&mut self, _run: &mut RunRecord, _recorded: &Recorded<'_>) {}

    fn flush(
        &mut self,
        changed: &[Changed<'_>],
        _rows: &dyn Rows,
        batch: &mut Vec<Change>,
    ) -> Result<(), ViewsError> {
        for Changed { stream, stored, run } in changed {
            let was_there = stored.is_some_and(|stored: Standing| !stored.is_parked);
            let is_there = !run.standing().is_parked;
            if was_there != is_there {
                let value = is_there.then(Vec::new);
                batch.push(Change { table: Table::Resume, key: stream.0.to_vec(), value });
            }
        }
        Ok(())
    }
}

/// The runs that need an engine, in order of their ids.
pub(crate) fn list(rows: &dyn Rows) -> Result<Vec<StreamId>, ViewsError> {
    let stream = |key: &[u8]| key.try_into().map(StreamId);
    rows.all(Table::Resume)
        .map(|row| stream(&row?.0).map_err(|_| ViewsError::Row { view: "resume" }))
        .collect()
}
