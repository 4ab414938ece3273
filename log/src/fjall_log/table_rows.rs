//! The rows of all tables, in one keyspace.
//!
//! Layout: key = number of the table + 1 as one byte | key of the row. What begins with 0 is the log's own.

use fjall::{Keyspace, OwnedWriteBatch, Readable, Snapshot};

use super::store::storage;
use crate::{KeyValue, ReadError, Table};

/// The keyspace of the rows.
pub(super) struct TableRows {
    keyspace: Keyspace,
    tables: usize,
}

impl TableRows {
    /// The rows of this many tables.
    pub(super) fn new(keyspace: Keyspace, tables: usize) -> Self {
        Self { keyspace, tables }
    }

    /// How many tables there are.
    pub(super) fn tables(&self) -> usize {
        self.tables
    }

    /// Where the log's own rows stand.
    pub(super) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// Puts a row in the batch, or takes it away.
    pub(super) fn put(
        &self,
        batch: &mut OwnedWriteBatch,
        table: Table,
        key: &[u8],
        value: Option<&[u8]>,
    ) {
        let Ok(key) = self.key(table, key) else { return };
        match value {
            Some(value) => batch.insert(&self.keyspace, key, value),
            None => batch.remove(&self.keyspace, key),
        }
    }

    /// Reads a row.
    pub(super) fn get(
        &self,
        snapshot: &Snapshot,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let found = snapshot.get(&self.keyspace, self.key(table, key)?).map_err(storage)?;
        Ok(found.map(|value| value.to_vec()))
    }

    /// The rows of a table from `from` on, in the order of their keys.
    pub(super) fn range(
        &self,
        snapshot: &Snapshot,
        table: Table,
        from: &[u8],
    ) -> Result<impl Iterator<Item = Result<KeyValue, ReadError>> + use<>, ReadError> {
        let from = self.key(table, from)?;
        let end = from.first().map_or_else(Vec::new, |tag| vec![tag.saturating_add(1)]);
        let rows = snapshot.range(&self.keyspace, from..end);
        Ok(rows.map(|guard| {
            let (key, value) = guard.into_inner().map_err(storage)?;
            Ok((key.get(1..).unwrap_or_default().to_vec(), value.to_vec()))
        }))
    }

    fn key(&self, table: Table, key: &[u8]) -> Result<Vec<u8>, ReadError> {
        let number = u8::try_from(usize::from(table.0) + 1).ok();
        let number = number.filter(|number| usize::from(*number) <= self.tables);
        let Some(number) = number else {
            return Err(ReadError::Storage { reason: "no such table".to_owned() });
        };
        let mut prefixed = Vec::with_capacity(1 + key.len());
        prefixed.push(number);
        prefixed.extend_from_slice(key);
        Ok(prefixed)
    }
}
