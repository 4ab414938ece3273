//! The view of aggregates: one row for each, with its name and how far it is.
//!
//! Their states are folded from their streams; rows say which there are, and which need an engine.

use std::collections::HashMap;

use nexus_log::{Frame, Position, StreamId};
use nexus_model::aggregate::{self, AggregateId, Kind};
use nexus_model::codec::{FLAG_PARKED, Header};
use nexus_model::time::Timestamp;

use super::runs::RunRecord;
use crate::ViewsError;
use crate::bytes::{Reader, put_i64, put_text, put_u64};
use crate::store::{Change, Rows, Table};
use crate::view::{Changed, Recorded, RecordedAggregate, View};

/// Aggregates whose rows are kept in memory between batches.
const CACHED_MAX: usize = 1_000;

/// An aggregate as the view knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateRow {
    /// Its id.
    pub id: AggregateId,
    /// Its name.
    pub name: String,
    /// How many events it has.
    pub revision: u32,
    /// Time of the last of them.
    pub updated_at: Timestamp,
    /// Whether it needs no engine until a timer is due or somebody asks for something.
    pub is_parked: bool,
}

impl AggregateRow {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_text(&mut out, &self.name);
        put_u64(&mut out, u64::from(self.revision));
        put_i64(&mut out, self.updated_at.0);
        out.push(u8::from(self.is_parked));
        out
    }

    fn decode(id: AggregateId, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let row = Self {
            id,
            name: reader.text()?,
            revision: u32::try_from(reader.u64()?).ok()?,
            updated_at: Timestamp(reader.i64()?),
            is_parked: reader.byte()? == 1,
        };
        reader.is_empty().then_some(row)
    }
}

/// An aggregate in memory.
struct Hot {
    row: AggregateRow,
    /// Whether it is parked in the rows; `None`: it is not there.
    stored_parked: Option<bool>,
    has_changed: bool,
}

/// Aggregates in memory: those with events since the last batch, and some that had some lately.
#[derive(Default)]
pub(crate) struct HotAggregates(HashMap<AggregateId, Hot>);

impl HotAggregates {
    /// Folds a frame of an aggregate, and shows each event to `see`.
    pub(crate) fn apply(
        &mut self,
        id: AggregateId,
        frame: &Frame,
        rows: &dyn Rows,
        mut see: impl FnMut(&RecordedAggregate<'_>),
    ) -> Result<(), ViewsError> {
        let stands_at = |row: &AggregateRow| row.revision == frame.revision.0;
        let mut hot = match self.0.remove(&id) {
            Some(hot) => Some(hot),
            None => find(rows, id)?.map(|row| Hot {
                stored_parked: Some(row.is_parked),
                row,
                has_changed: false,
            }),
        };
        if hot.as_ref().map_or(frame.revision.0 != 0, |hot| !stands_at(&hot.row)) {
            return Err(ViewsError::OutOfStep { at: frame.position });
        }
        for (position, record) in (frame.position.0..).map(Position).zip(&frame.records) {
            let header = Header { kind: record.kind, version: record.version, flags: record.flags };
            let (event, name) = aggregate::decode(header, record.body, hot.is_none())
                .map_err(|source| ViewsError::Event { at: position, source })?;
            let hot = hot.get_or_insert_with(|| Hot {
                row: AggregateRow {
                    id,
                    name: name.unwrap_or_default(),
                    revision: 0,
                    updated_at: Timestamp(frame.time_us),
                    is_parked: false,
                },
                stored_parked: None,
                has_changed: true,
            });
            hot.row.revision += 1;
            hot.row.updated_at = Timestamp(frame.time_us);
            hot.row.is_parked = record.flags & FLAG_PARKED != 0;
            hot.has_changed = true;
            let (at, name) = (Timestamp(frame.time_us), hot.row.name.as_str());
            see(&RecordedAggregate { position, id, name, at, event: &event });
        }
        if let Some(hot) = hot {
            self.0.insert(id, hot);
        }
        Ok(())
    }

    /// The changes of rows since the last batch.
    pub(crate) fn flush(&self, batch: &mut Vec<Change>) {
        for (id, hot) in self.0.iter().filter(|(_, hot)| hot.has_changed) {
            let key = id.bytes().to_vec();
            let value = Some(hot.row.encode());
            batch.push(Change { table: Table::Aggregates, key: key.clone(), value });
            let was_there = hot.stored_parked == Some(false);
            if was_there == hot.row.is_parked {
                let value = (!hot.row.is_parked).then(Vec::new);
                batch.push(Change { table: Table::Resume, key, value });
            }
        }
    }

    /// Notes that the batch was committed.
    pub(crate) fn committed(&mut self) {
        for hot in self.0.values_mut() {
            hot.stored_parked = Some(hot.row.is_parked);
            hot.has_changed = false;
        }
        if self.0.len() > CACHED_MAX {
            self.0.clear();
        }
    }

    /// How many events an aggregate has; `None`: it is not there.
    pub(crate) fn revision(
        &self,
        id: AggregateId,
        rows: &dyn Rows,
    ) -> Result<Option<u32>, ViewsError> {
        match self.0.get(&id) {
            Some(hot) => Ok(Some(hot.row.revision)),
            None => Ok(find(rows, id)?.map(|row| row.revision)),
        }
    }
}

/// The view. Its rows are folded by [`HotAggregates`], for all views at once.
pub(crate) struct AggregatesView;

impl View for AggregatesView {
    fn name(&self) -> &'static str {
        "aggregates"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[Table::Aggregates]
    }

    fn apply(&mut self, _run: &mut RunRecord, _recorded: &Recorded<'_>) {}

    fn flush(
        &mut self,
        _changed: &[Changed<'_>],
        _rows: &dyn Rows,
        _batch: &mut Vec<Change>,
    ) -> Result<(), ViewsError> {
        Ok(())
    }
}

/// One aggregate.
pub(crate) fn find(rows: &dyn Rows, id: AggregateId) -> Result<Option<AggregateRow>, ViewsError> {
    let Some(value) = rows.get(Table::Aggregates, &id.bytes())? else { return Ok(None) };
    AggregateRow::decode(id, &value).map(Some).ok_or(ViewsError::Row { view: "aggregates" })
}

/// All aggregates of a kind, in order of their names.
pub(crate) fn list(rows: &dyn Rows, kind: Kind) -> Result<Vec<AggregateRow>, ViewsError> {
    let mut found = Vec::new();
    for row in rows.all(Table::Aggregates) {
        let (key, value) = row?;
        let id = key.try_into().ok().and_then(AggregateId::of);
        let row = id.and_then(|id| AggregateRow::decode(id, &value));
        let row = row.ok_or(ViewsError::Row { view: "aggregates" })?;
        if row.id.kind() == kind {
            found.push(row);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The aggregate that a stream is of, if it is of one.
pub(crate) fn aggregate_of(stream: StreamId) -> Option<AggregateId> {
    AggregateId::of(stream.0)
}
