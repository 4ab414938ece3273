//! The rows of all tables, in one keyspace, but for those of tables apart: each of these has its own, made with its first row.
//!
//! Layout: key = number of the table + 1 as one byte | key of the row. What begins with 0 is the log's own.

use std::sync::OnceLock;

use fjall::{Database, Keyspace, OwnedWriteBatch, Readable, Snapshot};

use super::layout::{Use, layout_v2};
use super::store::storage;
use crate::{KeyValue, ReadError, Table, TableSpec};

/// The keyspaces of the rows.
pub(super) struct TableRows {
    keyspace: Keyspace,
    tables: &'static [TableSpec],
    /// By table; empty for those that are not apart, and for those that have no row yet.
    apart: Box<[OnceLock<Keyspace>]>,
}

impl TableRows {
    /// The rows of these tables.
    pub(super) fn open(
        db: &Database,
        keyspace: Keyspace,
        tables: &'static [TableSpec],
    ) -> Result<Self, fjall::Error> {
        let apart = tables.iter().map(|_| OnceLock::new()).collect();
        let rows = Self { keyspace, tables, apart };
        for (at, spec) in tables.iter().enumerate().filter(|(_, spec)| spec.apart) {
            if db.keyspace_exists(&name(spec)) {
                rows.make(db, at)?;
            }
        }
        Ok(rows)
    }

    /// How many tables there are.
    pub(super) fn tables(&self) -> usize {
        self.tables.len()
    }

    /// Where the log's own rows stand.
    pub(super) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// The keyspace of a table apart, if it has had a row.
    pub(super) fn keyspace_apart(&self, table: Table) -> Option<&Keyspace> {
        self.apart.get(usize::from(table.0))?.get()
    }

    /// The keyspaces of tables apart.
    pub(super) fn all_apart(&self) -> impl Iterator<Item = &Keyspace> {
        self.apart.iter().filter_map(OnceLock::get)
    }

    /// Makes the keyspaces of tables apart that get their first rows.
    pub(super) fn make_apart<'r>(
        &self,
        db: &Database,
        rows: impl Iterator<Item = &'r (Table, Vec<u8>)>,
    ) -> Result<(), fjall::Error> {
        for (table, _) in rows {
            let at = usize::from(table.0);
            if self.is_apart(*table) && self.keyspace_apart(*table).is_none() {
                self.make(db, at)?;
            }
        }
        Ok(())
    }

    fn make(&self, db: &Database, at: usize) -> Result<(), fjall::Error> {
        let (Some(spec), Some(place)) = (self.tables.get(at), self.apart.get(at)) else {
            return Ok(());
        };
        let made = db.keyspace(&name(spec), || layout_v2(Use::Apart))?;
        place.get_or_init(|| made);
        Ok(())
    }

    fn is_apart(&self, table: Table) -> bool {
        self.tables.get(usize::from(table.0)).is_some_and(|spec| spec.apart)
    }

    /// Where the rows of a table stand; `None`: it has none.
    fn of(&self, table: Table) -> Option<&Keyspace> {
        if self.is_apart(table) { self.keyspace_apart(table) } else { Some(&self.keyspace) }
    }

    /// Puts a row in the batch, or takes it away.
    pub(super) fn put(
        &self,
        batch: &mut OwnedWriteBatch,
        table: Table,
        key: &[u8],
        value: Option<&[u8]>,
    ) {
        let (Ok(key), Some(keyspace)) = (self.key(table, key), self.of(table)) else { return };
        match value {
            Some(value) => batch.insert(keyspace, key, value),
            None => batch.remove(keyspace, key),
        }
    }

    /// Reads a row.
    pub(super) fn get(
        &self,
        snapshot: &Snapshot,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let key = self.key(table, key)?;
        let Some(keyspace) = self.of(table) else { return Ok(None) };
        let found = snapshot.get(keyspace, key).map_err(storage)?;
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
        let rows = self.of(table).map(|keyspace| snapshot.range(keyspace, from..end));
        Ok(rows.into_iter().flatten().map(|guard| {
            let (key, value) = guard.into_inner().map_err(storage)?;
            Ok((key.get(1..).unwrap_or_default().to_vec(), value.to_vec()))
        }))
    }

    fn key(&self, table: Table, key: &[u8]) -> Result<Vec<u8>, ReadError> {
        let number = u8::try_from(usize::from(table.0) + 1).ok();
        let number = number.filter(|number| usize::from(*number) <= self.tables.len());
        let Some(number) = number else {
            return Err(ReadError::Storage { reason: "no such table".to_owned() });
        };
        let mut prefixed = Vec::with_capacity(1 + key.len());
        prefixed.push(number);
        prefixed.extend_from_slice(key);
        Ok(prefixed)
    }
}

/// The name of the keyspace of a table apart.
fn name(spec: &TableSpec) -> String {
    format!("rows-{}", spec.name)
}
