//! Purging: removing from the disk what was deleted from a table apart.
//!
//! A deleted value stands in the journal until that is given up, and in tables until they are compacted. The storage engine gives
//! up a journal once it is longer than 64 MB and everything in it stands in tables, the oldest journal first; so the journal is
//! filled up, and all memtables are written. A reader may keep a compaction from dropping old values, and after a crash nobody
//! knows any more what was deleted. So a canary is written after the deletion, put into a table, and deleted as well: a
//! compaction of all tables that drops it drops what was deleted before, and when it is in no file, neither is that.
//!
//! Invariants:
//! * It ends well only if the canary is in no journal and in no file of the keyspace.
//! * A crash at any point leaves a store that opens; purging again does the rest.
//! * A write or sync that fails ends the process, as that of a group does.
//! * Rows that say that there is something to purge are taken away only after everything else.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fjall::{Keyspace, OwnedWriteBatch, PersistMode};

use super::moment::{Act, Moments};
use super::store::Store;
use crate::{PurgeError, Table};

/// A journal is sealed once it is longer than this.
const JOURNAL_BYTES: usize = 64_000_000;
/// What the journal is filled up with at a time.
const FILLING_BYTES: usize = 4_000_000;
/// Sorts before every row, see [`TableRows`](super::table_rows::TableRows).
const FILLING_KEY: &[u8] = b"\0filling";
/// How long a file may take to go.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Why a purge ended early.
pub(super) enum Stop {
    /// It is not done, and may be tried again.
    NotDone(PurgeError),
    /// A write or sync failed: what the journal holds is unknown.
    Unknown(fjall::Error),
}

/// Removes what was deleted from the files of the database, see [`EventLog::purge`](crate::EventLog::purge).
pub(super) fn purge(
    store: &Store,
    moments: Moments,
    table: Table,
    done: &[(Table, Vec<u8>)],
) -> Result<(), Stop> {
    let Some(keyspace) = store.rows.keyspace_apart(table) else { return remove(store, done) };
    let deadline = Instant::now() + PATIENCE;
    let canary = canary();
    let write = || write_memtables(store, keyspace, deadline);
    moments.around(Act::Canary, || put(store, keyspace, &canary))?;
    moments.around(Act::Memtables, write)?;
    moments.around(Act::Filling, || fill_journal(store, keyspace))?;
    loop {
        moments.around(Act::Memtables, write)?;
        moments
            .around(Act::Compaction, || keyspace.major_compact())
            .map_err(|error| Stop::NotDone(storage(&error)))?;
        let holder = moments.around(Act::Search, || holder(store, keyspace, &canary));
        match holder.map_err(|error| Stop::NotDone(io_error(&error)))? {
            None => return moments.around(Act::Removal, || remove(store, done)),
            Some(file) if Instant::now() >= deadline => {
                return Err(Stop::NotDone(PurgeError::Held { file }));
            }
            Some(_) => {
                // Something new, so that there is something to write and to compact.
                put(store, keyspace, b"again")?;
                thread::sleep(PAUSE);
            }
        }
    }
}

/// Bytes that stand nowhere else.
fn canary() -> [u8; 32] {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"canary");
    hasher.update(&now.as_nanos().to_le_bytes());
    hasher.update(&std::process::id().to_le_bytes());
    hasher.update(&NUMBER.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// Makes the journal so long that the next memtable that is written seals it.
fn fill_journal(store: &Store, keyspace: &Keyspace) -> Result<(), Stop> {
    let filling = vec![0; FILLING_BYTES];
    for _ in 0..=JOURNAL_BYTES / FILLING_BYTES {
        put(store, keyspace, &filling)?;
    }
    put(store, keyspace, b"")
}

/// Takes away rows.
fn remove(store: &Store, rows: &[(Table, Vec<u8>)]) -> Result<(), Stop> {
    store.rotate_in_time(&store.segments.newest().frames).map_err(Stop::Unknown)?;
    let mut batch = OwnedWriteBatch::with_capacity(store.db.clone(), rows.len())
        .durability(Some(PersistMode::SyncData));
    for (table, key) in rows {
        store.rows.put(&mut batch, *table, key, None);
    }
    batch.commit().map_err(Stop::Unknown)
}

fn put(store: &Store, keyspace: &Keyspace, value: &[u8]) -> Result<(), Stop> {
    let mut batch =
        OwnedWriteBatch::with_capacity(store.db.clone(), 1).durability(Some(PersistMode::SyncData));
    batch.insert(keyspace, FILLING_KEY, value);
    batch.commit().map_err(Stop::Unknown)
}

/// Writes what is in memory to tables: first of the keyspace, which seals the journal, then of all others, which lets it go.
fn write_memtables(store: &Store, keyspace: &Keyspace, deadline: Instant) -> Result<(), Stop> {
    let segments = store.segments.all();
    let frames = segments.iter().map(|segment| &segment.frames);
    let others = frames.chain([&store.streams, &store.payloads, store.rows.keyspace()]);
    for keyspace in std::iter::once(keyspace).chain(others).chain(store.rows.all_apart()) {
        keyspace.rotate_memtable().map_err(Stop::Unknown)?;
        while keyspace.sealed_memtable_count() > 0 {
            store.is_well().map_err(Stop::Unknown)?;
            if Instant::now() >= deadline {
                let reason = format!("{} is not written in time", keyspace.name());
                return Err(Stop::NotDone(PurgeError::Storage { reason }));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
    Ok(())
}

/// A file that holds `bytes`: rows of a table apart stand in the journals and in files of its own keyspace, nowhere else.
fn holder(store: &Store, keyspace: &Keyspace, bytes: &[u8]) -> io::Result<Option<String>> {
    match holder_in(&store.folder, false, bytes)? {
        None => holder_in(keyspace.path(), true, bytes),
        found => Ok(found),
    }
}

fn holder_in(folder: &Path, deep: bool, bytes: &[u8]) -> io::Result<Option<String>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if deep && let Some(found) = holder_in(&path, deep, bytes)? {
                return Ok(Some(found));
            }
            continue;
        }
        match fs::read(&path) {
            Ok(content) if contains(&content, bytes) => {
                return Ok(Some(path.display().to_string()));
            }
            // It went meanwhile.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

fn contains(content: &[u8], bytes: &[u8]) -> bool {
    let Some((first, _)) = bytes.split_first() else { return false };
    let mut from = 0;
    while let Some(at) = content
        .get(from..)
        .and_then(|rest| rest.iter().position(|byte| byte == first))
        .map(|at| from + at)
    {
        if content.get(at..).is_some_and(|rest| rest.starts_with(bytes)) {
            return true;
        }
        from = at + 1;
    }
    false
}

fn storage(error: &fjall::Error) -> PurgeError {
    PurgeError::Storage { reason: error.to_string() }
}

fn io_error(error: &io::Error) -> PurgeError {
    PurgeError::Storage { reason: error.to_string() }
}
