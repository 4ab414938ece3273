//! Stores of views: tables of rows that change in batches.
//!
//! Invariants:
//! * A batch is there as a whole or not at all, for readers and after a crash.
//! * What is read from one [`Rows`] is of one moment.

mod fjall_store;
mod memory_store;
mod refusal;

use std::ops::Bound;

pub(crate) use fjall_store::{FjallStore, delete};
pub(crate) use memory_store::MemoryStore;

use crate::ViewsError;

/// A table of rows, ordered bytewise by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// Layout and checkpoint.
    Meta,
    /// Runs by id.
    Runs,
    /// Run ids by name.
    Names,
    /// Runs that did not complete, by standing and id.
    Marks,
    /// Ids of runs that need an engine.
    Resume,
    /// What people did, by position.
    Audit,
    /// Counters by workflow.
    Metrics,
    /// States of runs and aggregates.
    Snapshots,
    /// Aggregates by id.
    Aggregates,
    /// Ids of start keys under which a start is kept.
    KeptStarts,
}

impl Table {
    /// All tables, in the order of their numbers.
    pub(crate) const ALL: [Self; 10] = [
        Self::Meta,
        Self::Runs,
        Self::Names,
        Self::Marks,
        Self::Resume,
        Self::Audit,
        Self::Metrics,
        Self::Snapshots,
        Self::Aggregates,
        Self::KeptStarts,
    ];

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Runs => "runs",
            Self::Names => "names",
            Self::Marks => "marks",
            Self::Resume => "resume",
            Self::Audit => "audit",
            Self::Metrics => "metrics",
            Self::Snapshots => "snapshots",
            Self::Aggregates => "aggregates",
            Self::KeptStarts => "kept_starts",
        }
    }

    /// The byte that stands before the keys of its rows.
    pub(crate) fn tag(self) -> u8 {
        self as u8
    }

    /// As an index into [`Table::ALL`].
    pub(crate) fn at(self) -> usize {
        self as usize
    }
}

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) table: Table,
    pub(crate) key: Vec<u8>,
    /// `None`: the row goes.
    pub(crate) value: Option<Vec<u8>>,
}

/// A row: key and value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// Rows in order of key, from both ends.
pub(crate) type RowsIter<'a> = Box<dyn DoubleEndedIterator<Item = Result<Row, ViewsError>> + 'a>;

/// The rows of one moment.
pub(crate) trait Rows {
    /// One row.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewsError>;

    /// Rows between two keys.
    fn range(&self, table: Table, from: Bound<&[u8]>, to: Bound<&[u8]>) -> RowsIter<'_>;

    /// All rows of a table.
    fn all(&self, table: Table) -> RowsIter<'_> {
        self.range(table, Bound::Unbounded, Bound::Unbounded)
    }
}

/// Where rows are kept.
pub(crate) trait ViewStore: Send + Sync + 'static {
    /// The rows as they are now. Short-lived.
    fn read(&self) -> Box<dyn Rows + '_>;

    /// Changes rows. A batch changes a row once.
    fn commit(&self, changes: Vec<Change>) -> Result<(), ViewsError>;

    /// Opens the rows again as they are, after the system refused something.
    fn reopen(&self) -> Result<(), ViewsError>;

    /// Deletes all rows.
    fn reset(&self) -> Result<(), ViewsError>;
}

#[cfg(test)]
mod tests;
