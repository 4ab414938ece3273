//! What a view is: a fold of events into rows.

use nexus_log::{Position, StreamId};
use nexus_model::aggregate::{self, AggregateId};
use nexus_model::event::Event;
use nexus_model::time::Timestamp;

use crate::ViewsError;
use crate::store::{Change, Rows, Table};
use crate::views::runs::{RunRecord, Standing};

/// A recorded event and where it stands.
pub(crate) struct Recorded<'a> {
    pub(crate) position: Position,
    pub(crate) stream: StreamId,
    pub(crate) at: Timestamp,
    /// Whether the run needs no engine after it.
    pub(crate) is_parked: bool,
    pub(crate) event: &'a Event,
}

/// A recorded event of an aggregate and where it stands.
pub(crate) struct RecordedAggregate<'a> {
    pub(crate) position: Position,
    pub(crate) id: AggregateId,
    pub(crate) name: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) event: &'a aggregate::Event,
}

/// A run that had events since the last batch.
pub(crate) struct Changed<'a> {
    pub(crate) stream: StreamId,
    /// How it stood in the rows; `None`: it was not there.
    pub(crate) stored: Option<Standing>,
    pub(crate) run: &'a RunRecord,
}

/// A fold of events into rows.
///
/// Events are folded in memory first; what comes of them is put into rows once for each batch.
pub(crate) trait View: Send {
    /// Its name, as people ask for it.
    fn name(&self) -> &'static str;

    /// Version of its rows. Another one has all views rebuilt.
    fn version(&self) -> u32;

    /// The tables whose rows follow from the log.
    fn tables(&self) -> &'static [Table];

    /// Folds an event. `run` is the run it belongs to; the view of runs comes first and changes it.
    fn apply(&mut self, run: &mut RunRecord, recorded: &Recorded<'_>);

    /// Folds an event of an aggregate.
    fn apply_aggregate(&mut self, _recorded: &RecordedAggregate<'_>) {}

    /// Puts what was folded since the last call into rows.
    fn flush(
        &mut self,
        changed: &[Changed<'_>],
        rows: &dyn Rows,
        batch: &mut Vec<Change>,
    ) -> Result<(), ViewsError>;
}
