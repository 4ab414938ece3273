//! Rows in a fjall database that is never synced.
//!
//! What a killed process wrote is there, because the system has it. What a power cut takes is folded again.

use std::fs;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::{Duration, Instant};

use fjall::config::CompressionPolicy;
use fjall::{
    CompressionType, Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, Readable,
    Snapshot,
};
use nexus_log::{rotate_in_time, small_tables};

use super::refusal::refusal;
use super::{Change, Row, Rows, RowsIter, Table, ViewStore};
use crate::ViewsError;

const MIB: u64 = 1024 * 1024;
/// What is in memory at most of the rows, and of the snapshots.
const ROWS_BYTES: u64 = 8 * MIB;
const SNAPSHOTS_BYTES: u64 = 4 * MIB;

/// How long a store that was just closed in this process may hold its lock.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// A [`ViewStore`] in a folder.
pub(crate) struct FjallStore {
    folder: PathBuf,
    /// `None` only while it is deleted or opened again, and after that failed.
    tables: RwLock<Option<Tables>>,
}

/// The open database. Making a keyspace costs about twenty syncs, so the tables share one, each under a byte of its own;
/// snapshots, which are large, stand apart.
struct Tables {
    db: Database,
    rows: Keyspace,
    snapshots: Keyspace,
}

impl Tables {
    fn keyspace(&self, table: Table) -> &Keyspace {
        if table == Table::Snapshots { &self.snapshots } else { &self.rows }
    }
}

/// The key under which a row of `table` stands.
fn stored_key(table: Table, key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(1 + key.len());
    stored.push(table.tag());
    stored.extend_from_slice(key);
    stored
}

impl FjallStore {
    /// Opens the store in `folder`; makes it if there is none.
    pub(crate) fn open(folder: &Path) -> Result<Self, ViewsError> {
        fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
        if marker(folder).exists() {
            delete(folder)?;
        }
        let tables = RwLock::new(Some(open_unlocked(&database(folder))?));
        Ok(Self { folder: folder.to_owned(), tables })
    }

    fn tables(&self) -> RwLockReadGuard<'_, Option<Tables>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes the rows in `folder`, and nothing else that may stand there.
pub(crate) fn delete(folder: &Path) -> Result<(), ViewsError> {
    let path = database(folder);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&path, error)),
        Ok(()) | Err(_) => {
            let path = marker(folder);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(io_error(&path, error))
                }
                Ok(()) | Err(_) => Ok(()),
            }
        }
    }
}

fn database(folder: &Path) -> PathBuf {
    folder.join("db")
}

/// A file that stands there while the rows are not to be trusted.
fn marker(folder: &Path) -> PathBuf {
    folder.join("rebuild")
}

fn io_error(path: &Path, source: io::Error) -> ViewsError {
    ViewsError::Io { path: path.to_owned(), source }
}

fn open_unlocked(path: &Path) -> Result<Tables, ViewsError> {
    let begun = Instant::now();
    loop {
        match catch_unwind(AssertUnwindSafe(|| open_database(path))) {
            Ok(Err(fjall::Error::Locked)) if begun.elapsed() < LOCK_WAIT => {
                thread::sleep(Duration::from_millis(20));
            }
            Ok(Err(fjall::Error::Locked)) => {
                return Err(ViewsError::Locked { path: path.to_owned() });
            }
            Ok(opened) => return opened.map_err(storage),
            Err(_panic) => {
                return Err(ViewsError::Storage { reason: "opening it panicked".to_owned() });
            }
        }
    }
}

fn open_database(path: &Path) -> Result<Tables, fjall::Error> {
    let db = Database::builder(path)
        .cache_size(8 * MIB)
        .max_journaling_size(64 * MIB)
        .max_cached_files(Some(64))
        // As in the log: of several the first would not rest.
        .worker_threads(1)
        .journal_compression(CompressionType::None)
        .open()?;
    let rows = db.keyspace("rows", || options(ROWS_BYTES))?;
    let snapshots = db.keyspace("snapshots", || options(SNAPSHOTS_BYTES))?;
    Ok(Tables { db, rows, snapshots })
}

fn options(memtable_bytes: u64) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(memtable_bytes)
        // Runs that are new are written most.
        .compaction_strategy(small_tables())
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
}

/// What failed: the rows, unless the system refused something.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn storage(error: fjall::Error) -> ViewsError {
    match refusal(&error) {
        Some(source) => ViewsError::Refused(source),
        None => ViewsError::Storage { reason: error.to_string() },
    }
}

fn gone() -> ViewsError {
    ViewsError::Refused(io::Error::other("they were closed and could not be opened again"))
}

impl ViewStore for FjallStore {
    fn read(&self) -> Box<dyn Rows + '_> {
        let tables = self.tables();
        let snapshot = tables.as_ref().map(|tables| tables.db.snapshot());
        Box::new(FjallRows { snapshot, tables })
    }

    fn commit(&self, changes: Vec<Change>) -> Result<(), ViewsError> {
        let tables = self.tables();
        let tables = tables.as_ref().ok_or_else(gone)?;
        for (keyspace, bytes_max) in
            [(&tables.rows, ROWS_BYTES), (&tables.snapshots, SNAPSHOTS_BYTES)]
        {
            rotate_in_time(keyspace, bytes_max).map_err(storage)?;
        }
        let mut batch = tables.db.batch().durability(Some(PersistMode::Buffer));
        for Change { table, key, value } in changes {
            let (keyspace, key) = (tables.keyspace(table), stored_key(table, &key));
            match value {
                Some(value) => batch.insert(keyspace, key, value),
                None => batch.remove(keyspace, key),
            }
        }
        batch.commit().map_err(storage)
    }

    fn reopen(&self) -> Result<(), ViewsError> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        drop(tables.take());
        *tables = Some(open_unlocked(&database(&self.folder))?);
        Ok(())
    }

    /// The marker sees to it that a process that ends in between leaves nothing that is half deleted.
    fn reset(&self) -> Result<(), ViewsError> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let path = marker(&self.folder);
        fs::write(&path, b"").map_err(|source| io_error(&path, source))?;
        drop(tables.take());
        delete(&self.folder)?;
        *tables = Some(open_unlocked(&database(&self.folder))?);
        Ok(())
    }
}

/// The rows of one moment.
struct FjallRows<'a> {
    snapshot: Option<Snapshot>,
    tables: RwLockReadGuard<'a, Option<Tables>>,
}

impl FjallRows<'_> {
    fn table(&self, table: Table) -> Result<(&Snapshot, &Keyspace), ViewsError> {
        let snapshot = self.snapshot.as_ref().ok_or_else(gone)?;
        let tables = self.tables.as_ref().ok_or_else(gone)?;
        Ok((snapshot, tables.keyspace(table)))
    }
}

impl Rows for FjallRows<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewsError> {
        let (snapshot, keyspace) = self.table(table)?;
        let value = snapshot.get(keyspace, stored_key(table, key)).map_err(storage)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn range(&self, table: Table, from: Bound<&[u8]>, to: Bound<&[u8]>) -> RowsIter<'_> {
        match self.table(table) {
            Ok((snapshot, keyspace)) => {
                let from = match from {
                    Bound::Unbounded => Bound::Included(stored_key(table, &[])),
                    bound @ (Bound::Included(_) | Bound::Excluded(_)) => {
                        bound.map(|key| stored_key(table, key))
                    }
                };
                let to = match to {
                    Bound::Unbounded => Bound::Excluded(vec![table.tag() + 1]),
                    bound @ (Bound::Included(_) | Bound::Excluded(_)) => {
                        bound.map(|key| stored_key(table, key))
                    }
                };
                Box::new(snapshot.range(keyspace, (from, to)).map(row))
            }
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }
}

fn row(guard: Guard) -> Result<Row, ViewsError> {
    let (key, value) = guard.into_inner().map_err(storage)?;
    Ok((key.get(1..).unwrap_or_default().to_vec(), value.to_vec()))
}

#[cfg(test)]
mod tests {
    use fjall::AbstractTree as _;

    use super::*;

    /// Whoever folds writes faster than the storage engine empties its memory, which must not be asked for that with each batch.
    #[test]
    fn no_batch_leaves_a_memtable_full() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FjallStore::open(folder.path()).expect("it opens");
        for number in 0..6_000_u32 {
            let put = |table, bytes| {
                let (key, value) = (number.to_be_bytes().to_vec(), Some(vec![7; bytes]));
                Change { table, key, value }
            };
            store.commit(vec![put(Table::Runs, 4000), put(Table::Snapshots, 2000)]).expect("well");
            let tables = store.tables();
            let Tables { rows, snapshots, .. } = tables.as_ref().expect("it is open");
            for (keyspace, bytes_max) in [(rows, ROWS_BYTES), (snapshots, SNAPSHOTS_BYTES)] {
                let size = keyspace.tree.active_memtable().size();
                assert!(size < bytes_max, "{} has {size} in batch {number}", keyspace.name());
            }
        }
    }
}
