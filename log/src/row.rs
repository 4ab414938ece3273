//! Rows: small tables of the caller's, changed in the same batch as the records that cause the change.

/// A table of the log's store, by its place in the list of [`TableSpec`]s given when the log was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table(pub u8);

/// A row as it is read: key and value.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// Describes one table. The order of the specs is the numbering of the tables, under which their rows are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// What people call it: lower-case letters, digits and `-`.
    pub name: &'static str,
    /// Whether its rows stand in a keyspace of their own, which is made with the first of them, so that what was deleted can
    /// be [removed from the disk](crate::EventLog::purge).
    pub apart: bool,
}

impl TableSpec {
    /// A table among the others.
    pub const fn new(name: &'static str) -> Self {
        Self { name, apart: false }
    }

    /// A table apart.
    pub const fn apart(name: &'static str) -> Self {
        Self { name, apart: true }
    }
}

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which table.
    pub table: Table,
    /// Which row. Rows are ordered bytewise by key.
    pub key: Vec<u8>,
    /// What happens to it.
    pub change: Change,
}

/// What happens to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The row gets this value.
    Put(Vec<u8>),
    /// The row gets this value; if it exists, the whole transition is refused with [`Outcome::Taken`](crate::Outcome::Taken).
    PutNew(Vec<u8>),
    /// The row goes, if it is there.
    Delete,
}

impl Change {
    /// Size of the value in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Put(value) | Self::PutNew(value) => value.len(),
            Self::Delete => 0,
        }
    }

    /// The value that the row has afterwards, if it has one.
    pub(crate) fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Put(value) | Self::PutNew(value) => Some(value),
            Self::Delete => None,
        }
    }

    /// As [`value`](Self::value), by value.
    pub(crate) fn into_value(self) -> Option<Vec<u8>> {
        match self {
            Self::Put(value) | Self::PutNew(value) => Some(value),
            Self::Delete => None,
        }
    }
}
