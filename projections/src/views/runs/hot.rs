//! Runs in memory: those with events since the last batch, and a bounded cache of those that had some lately.

use std::ops::RangeInclusive;

use foldhash::HashMap;
use nexus_log::{Frame, StreamId};

use super::record::{RunRecord, Standing};
use crate::ViewsError;
use crate::store::{Rows, Table};
use crate::view::Changed;

/// Memory of one of the two generations of the cache.
const GENERATION_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A run in memory.
pub(crate) struct HotRun {
    pub(crate) record: RunRecord,
    /// How it stands in the rows; `None`: it is not there.
    stored: Option<Standing>,
}

/// Runs in memory.
#[derive(Default)]
pub(crate) struct HotRuns {
    changed: HashMap<StreamId, Box<HotRun>>,
    young: HashMap<StreamId, Box<HotRun>>,
    young_bytes: usize,
    old: HashMap<StreamId, Box<HotRun>>,
}

impl HotRuns {
    /// Takes out the run that `frame` belongs to; [`put_back`](Self::put_back) is due.
    pub(crate) fn take(
        &mut self,
        frame: &Frame,
        rows: &dyn Rows,
    ) -> Result<Box<HotRun>, ViewsError> {
        let hot = match self.find(frame.stream) {
            Some(hot) => hot,
            None if frame.revision.0 == 0 => {
                Box::new(HotRun { record: RunRecord::default(), stored: None })
            }
            None => match load(rows, frame.stream)? {
                Some(record) => {
                    let stored = Some(record.standing());
                    Box::new(HotRun { record, stored })
                }
                None => return Err(ViewsError::OutOfStep { at: frame.position }),
            },
        };
        if hot.record.revision != frame.revision.0 {
            return Err(ViewsError::OutOfStep { at: frame.position });
        }
        Ok(hot)
    }

    fn find(&mut self, stream: StreamId) -> Option<Box<HotRun>> {
        if let Some(hot) = self.changed.remove(&stream) {
            return Some(hot);
        }
        if let Some(hot) = self.young.remove(&stream) {
            self.young_bytes = self.young_bytes.saturating_sub(hot.record.memory_bytes());
            return Some(hot);
        }
        self.old.remove(&stream)
    }

    /// Puts back a run that had events.
    pub(crate) fn put_back(&mut self, stream: StreamId, hot: Box<HotRun>) {
        self.changed.insert(stream, hot);
    }

    /// The runs that had events since the last batch.
    pub(crate) fn changed(&self) -> Vec<Changed<'_>> {
        let changed = self.changed.iter();
        changed
            .map(|(stream, hot)| Changed { stream: *stream, stored: hot.stored, run: &hot.record })
            .collect()
    }

    /// A run, wherever it is: what was asked of it, or `None` if there is no such run.
    fn look<T>(
        &self,
        stream: StreamId,
        rows: &dyn Rows,
        ask: impl FnOnce(&RunRecord) -> T,
    ) -> Result<Option<T>, ViewsError> {
        let generations = [&self.changed, &self.young, &self.old];
        let hot = generations.iter().find_map(|generation| generation.get(&stream));
        match hot {
            Some(hot) => Ok(Some(ask(&hot.record))),
            None => Ok(load(rows, stream)?.as_ref().map(ask)),
        }
    }

    /// The revisions of which a snapshot of a run is of use: any up to here while it goes on, and the last once it has ended.
    /// `None`: there is no such run.
    pub(crate) fn snapshots_of(
        &self,
        stream: StreamId,
        rows: &dyn Rows,
    ) -> Result<Option<RangeInclusive<u32>>, ViewsError> {
        self.look(stream, rows, |run| {
            let first = if run.has_ended() { run.revision } else { 0 };
            first..=run.revision
        })
    }

    /// Notes that the batch was committed.
    pub(crate) fn committed(&mut self) {
        for (stream, mut hot) in self.changed.drain() {
            if hot.record.has_ended() {
                continue;
            }
            hot.stored = Some(hot.record.standing());
            self.young_bytes += hot.record.memory_bytes();
            self.young.insert(stream, hot);
        }
        if self.young_bytes > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

fn load(rows: &dyn Rows, stream: StreamId) -> Result<Option<RunRecord>, ViewsError> {
    let Some(row) = rows.get(Table::Runs, &stream.0)? else { return Ok(None) };
    RunRecord::decode(&row).map(Some).ok_or(ViewsError::Row { view: "runs" })
}
