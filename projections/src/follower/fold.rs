//! The fold of frames into all views.

use nexus_log::{Frame, Position, Record};
use nexus_model::codec::{self, FLAG_PARKED, Header};
use nexus_model::event::Event;
use nexus_model::time::Timestamp;

use crate::snapshots::SnapshotQueue;
use crate::store::{Change, Rows};
use crate::view::{Recorded, View};
use crate::views::aggregates::{HotAggregates, aggregate_of};
use crate::views::{HotRuns, all_views};
use crate::{Checkpoint, ViewsError, checkpoint};

/// The views, and what they have folded since the last batch.
pub(crate) struct Fold {
    views: Vec<Box<dyn View>>,
    runs: HotRuns,
    aggregates: HotAggregates,
    has_moved: bool,
}

impl Default for Fold {
    fn default() -> Self {
        Self {
            views: all_views(),
            runs: HotRuns::default(),
            aggregates: HotAggregates::default(),
            has_moved: false,
        }
    }
}

impl Fold {
    /// Folds frames that follow `checkpoint`. Returns the checkpoint behind them.
    pub(crate) fn apply(
        &mut self,
        frames: &[Frame],
        mut checkpoint: Checkpoint,
        rows: &dyn Rows,
    ) -> Result<Checkpoint, ViewsError> {
        for frame in frames {
            if frame.position != checkpoint.position {
                return Err(ViewsError::OutOfStep { at: frame.position });
            }
            self.apply_frame(frame, rows)?;
            checkpoint = Checkpoint { position: frame.next_position(), chain: frame.chain };
            self.has_moved = true;
        }
        Ok(checkpoint)
    }

    fn apply_frame(&mut self, frame: &Frame, rows: &dyn Rows) -> Result<(), ViewsError> {
        if let Some(id) = aggregate_of(frame.stream) {
            let views = &mut self.views;
            return self.aggregates.apply(id, frame, rows, |recorded| {
                for view in &mut *views {
                    view.apply_aggregate(recorded);
                }
            });
        }
        let mut hot = self.runs.take(frame, rows)?;
        for (position, record) in (frame.position.0..).map(Position).zip(&frame.records) {
            let event = decode(position, record, frame.time_us)?;
            if hot.record.revision == 0 && !matches!(event, Event::RunStarted(_)) {
                return Err(ViewsError::NotARun { at: position });
            }
            let recorded = Recorded {
                position,
                stream: frame.stream,
                at: Timestamp(frame.time_us),
                is_parked: record.flags & FLAG_PARKED != 0,
                event: &event,
            };
            for view in &mut self.views {
                view.apply(&mut hot.record, &recorded);
            }
        }
        self.runs.put_back(frame.stream, hot);
        Ok(())
    }

    /// The changes of rows since the last batch, with the checkpoint.
    pub(crate) fn flush(
        &mut self,
        checkpoint: &Checkpoint,
        snapshots: &SnapshotQueue,
        rows: &dyn Rows,
    ) -> Result<Vec<Change>, ViewsError> {
        let mut batch = Vec::new();
        let changed = self.runs.changed();
        for view in &mut self.views {
            view.flush(&changed, rows, &mut batch)?;
        }
        self.aggregates.flush(&mut batch);
        let of_use = |stream| match aggregate_of(stream) {
            Some(id) => Ok(self.aggregates.revision(id, rows)?.map(|revision| 0..=revision)),
            None => self.runs.snapshots_of(stream, rows),
        };
        snapshots.flush(checkpoint.position, &changed, of_use, rows, &mut batch)?;
        if self.has_moved {
            batch.push(checkpoint::row(checkpoint));
        }
        Ok(batch)
    }

    /// Notes that the batch was committed.
    pub(crate) fn committed(&mut self) {
        self.runs.committed();
        self.aggregates.committed();
        self.has_moved = false;
    }
}

/// The event of a record.
pub(crate) fn decode(at: Position, record: Record<'_>, time_us: i64) -> Result<Event, ViewsError> {
    let Record { kind, version, flags, body } = record;
    let decoded = codec::decode(Header { kind, version, flags }, body, time_us);
    decoded.map(|(event, _)| event).map_err(|source| ViewsError::Event { at, source })
}
