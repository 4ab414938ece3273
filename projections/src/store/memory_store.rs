//! Rows in memory, for engines without a folder and for tests.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::{Change, Rows, RowsIter, Table, ViewStore};
use crate::ViewsError;

type Tables = [BTreeMap<Vec<u8>, Vec<u8>>; Table::ALL.len()];

/// A [`ViewStore`] in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore(RwLock<Tables>);

impl ViewStore for MemoryStore {
    fn read(&self) -> Box<dyn Rows + '_> {
        Box::new(self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn commit(&self, changes: Vec<Change>) -> Result<(), ViewsError> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for Change { table, key, value } in changes {
            match value {
                Some(value) => tables[table.at()].insert(key, value),
                None => tables[table.at()].remove(&key),
            };
        }
        Ok(())
    }

    fn reopen(&self) -> Result<(), ViewsError> {
        Ok(())
    }

    fn reset(&self) -> Result<(), ViewsError> {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Tables::default();
        Ok(())
    }
}

impl Rows for RwLockReadGuard<'_, Tables> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewsError> {
        Ok(self[table.at()].get(key).cloned())
    }

    fn range(&self, table: Table, from: Bound<&[u8]>, to: Bound<&[u8]>) -> RowsIter<'_> {
        let rows = self[table.at()].range::<[u8], _>((from, to));
        Box::new(rows.map(|(key, value)| Ok((key.clone(), value.clone()))))
    }
}
