//! The view of runs: one row for each run, by id, which grows with time.
//!
//! Runs that did not complete have a mark as well, so that open, failed and cancelled ones are found among millions.

mod fold;
mod hot;
mod query;
mod record;
mod row;
mod step_set;
mod waiting_items;

pub(crate) use hot::HotRuns;
pub(crate) use query::{find, find_by_name, list};
pub(crate) use record::{RunRecord, Standing};

pub use query::{RunFilter, RunPage};
pub use row::{CurrentState, CurrentStep, RunRow, RunWord, WaitingOn};

use std::collections::BTreeMap;

use nexus_log::StreamId;
use nexus_model::event::Event;

use crate::ViewsError;
use crate::store::{Change, Rows, Table};
use crate::view::{Changed, Recorded, View};
use record::Ending;

/// The view. Names given since the last batch wait here.
#[derive(Default)]
pub(crate) struct RunsView {
    names: BTreeMap<String, StreamId>,
}

impl View for RunsView {
    fn name(&self) -> &'static str {
        "runs"
    }

    fn version(&self) -> u32 {
        8
    }

    fn tables(&self) -> &'static [Table] {
        &[Table::Runs, Table::Names, Table::Marks]
    }

    fn apply(&mut self, run: &mut RunRecord, recorded: &Recorded<'_>) {
        run.fold(recorded);
        if let Event::RunStarted(started) = recorded.event {
            self.names.insert(started.name.clone(), recorded.stream);
        }
    }

    fn flush(
        &mut self,
        changed: &[Changed<'_>],
        _rows: &dyn Rows,
        batch: &mut Vec<Change>,
    ) -> Result<(), ViewsError> {
        for Changed { stream, stored, run } in changed {
            let key = stream.0.to_vec();
            batch.push(Change { table: Table::Runs, key, value: Some(run.encode()) });
            flush_mark(*stream, stored.and_then(mark), mark(run.standing()), batch);
        }
        for (name, stream) in std::mem::take(&mut self.names) {
            let (key, value) = (name.into_bytes(), Some(stream.0.to_vec()));
            batch.push(Change { table: Table::Names, key, value });
        }
        Ok(())
    }
}

fn flush_mark(stream: StreamId, before: Option<u8>, after: Option<u8>, batch: &mut Vec<Change>) {
    if before == after {
        return;
    }
    if let Some(mark) = before {
        batch.push(Change { table: Table::Marks, key: mark_key(mark, stream), value: None });
    }
    if let Some(mark) = after {
        let value = Some(Vec::new());
        batch.push(Change { table: Table::Marks, key: mark_key(mark, stream), value });
    }
}

/// The mark of a run that stands so. Completed runs are too many to have one.
fn mark(standing: Standing) -> Option<u8> {
    match standing.ending {
        None => Some(1),
        Some(Ending::Completed) => None,
        Some(Ending::Failed) => Some(2),
        Some(Ending::Cancelled) => Some(3),
    }
}

fn mark_key(mark: u8, stream: StreamId) -> Vec<u8> {
    let mut key = Vec::with_capacity(17);
    key.push(mark);
    key.extend_from_slice(&stream.0);
    key
}
