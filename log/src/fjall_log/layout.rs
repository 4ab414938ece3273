//! The layout of the database: which keyspaces there are and how each is kept.
//!
//! The database freezes the options of a keyspace when it makes it. What decides how bytes are read is a new layout version and a migration;
//! how large tables are may change, and counts for keyspaces that are made from then on.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter::successors;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use fjall::compaction::Leveled;
use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{CompressionType, Database, KeyspaceCreateOptions, KvSeparationOptions};

use super::Options;
use super::segments::Segments;
use super::store::Store;
use super::table_rows::TableRows;
use crate::OpenError;

/// The layout that this program writes.
pub(super) const VERSION: u32 = 2;

const KIB: u32 = 1024;
const MIB: u64 = 1024 * 1024;

/// What a keyspace is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Use {
    /// Frames by position.
    Events,
    /// Positions by stream and revision.
    Streams,
    /// Payloads by hash.
    Payloads,
    /// Rows of the tables, and the segments.
    Rows,
    /// Rows of a table apart.
    Apart,
}

/// How much of a keyspace of layout 2 is in memory, in bytes. No more than keyspaces that are there were made with, see `memtables.rs`.
///
/// Memtables are small because all of them are memory that a store at rest holds, and that one fills again when it opens.
pub(super) fn memtable_bytes(purpose: Use) -> u64 {
    match purpose {
        Use::Events => 8 * MIB,
        Use::Streams | Use::Payloads | Use::Rows | Use::Apart => 4 * MIB,
    }
}

/// How tables are compacted where new rows lie next to the end of what is there, or anywhere: of small ones there is less to write
/// again for them, and the engine's one thread, which also empties memtables, is soon free again.
#[must_use]
pub fn small_tables() -> Arc<Leveled> {
    Arc::new(Leveled::default().with_table_target_size(2 * MIB))
}

/// How a keyspace of layout 2 is kept. What is said of tables counts for a store that is made: others keep what they began with.
///
/// There are few keyspaces because making one costs about twenty syncs.
pub(super) fn layout_v2(purpose: Use) -> KeyspaceCreateOptions {
    let options = KeyspaceCreateOptions::default()
        .max_memtable_size(memtable_bytes(purpose))
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4));
    match purpose {
        // Keys only grow, so tables are moved to the last level as the flush wrote them: compression has to start there.
        Use::Events => options
            .data_block_size_policy(BlockSizePolicy::all(16 * KIB))
            .expect_point_read_hits(true),
        Use::Payloads => options
            .with_kv_separation(Some(KvSeparationOptions::default()))
            .compaction_strategy(small_tables()),
        Use::Streams | Use::Rows => options.compaction_strategy(small_tables()),
        // Uncompressed, so that it can be seen whether something is there.
        Use::Apart => options
            .data_block_compression_policy(CompressionPolicy::disabled())
            .compaction_strategy(small_tables()),
    }
}

/// Opens the database in `folder`, making what is missing. It may panic over a damaged folder; that is an error like others.
pub(super) fn open(folder: &Path, options: &Options) -> Result<Store, OpenError> {
    let opened = catch_unwind(AssertUnwindSafe(|| open_database(folder, options)));
    match opened {
        Ok(Ok(store)) => Ok(store),
        Ok(Err(error)) => Err(refusal(folder, &error)),
        Err(panic) => Err(damaged(folder, words(panic.as_ref()))),
    }
}

/// Tells a system that refuses, such as for want of permission, from a database that is not whole.
fn refusal(folder: &Path, error: &fjall::Error) -> OpenError {
    let causes = successors(error.source(), |cause| (*cause).source());
    let system = causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).find_map(refused);
    match system {
        Some(source) => OpenError::Io { path: folder.to_owned(), source },
        None => damaged(folder, error.to_string()),
    }
}

/// What the system said, unless it only said that files are not as they should be.
fn refused(error: &io::Error) -> Option<io::Error> {
    let shape = matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidInput
    );
    error.raw_os_error().filter(|_| !shape).map(io::Error::from_raw_os_error)
}

fn damaged(folder: &Path, reason: String) -> OpenError {
    OpenError::Storage { path: folder.to_owned(), reason }
}

fn open_database(folder: &Path, options: &Options) -> Result<Store, fjall::Error> {
    // Values stand in the journal as they are: recovery checks a batch by compressing it again, which another version of the compressor fails.
    let db = Database::builder(folder)
        .cache_size(options.cache_bytes)
        .max_cached_files(Some(cached_files_max()))
        .max_journaling_size(128 * MIB)
        // Of several the first only flushes, and puts compactions back into the queue without rest.
        .worker_threads(1)
        .journal_compression(CompressionType::None)
        .open()?;
    let rows = db.keyspace("rows", || layout_v2(Use::Rows))?;
    let segments = Segments::open(&db, &rows)?;
    let streams = db.keyspace("st", || layout_v2(Use::Streams))?;
    let payloads = db.keyspace("payload", || layout_v2(Use::Payloads))?;
    let rows = TableRows::open(&db, rows, options.tables)?;
    Ok(Store::new(folder.to_owned(), db, segments, streams, payloads, rows))
}

/// How many tables stay open: most of what a process may open is for others.
fn cached_files_max() -> usize {
    const MOST: u64 = 512;
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let quarter = files.map_or(MOST, |files| files / 4);
    usize::try_from(quarter.clamp(8, MOST)).unwrap_or(8)
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_system_that_refuses_is_not_damage() {
        let folder = Path::new("store/log");
        let os = |code: i32| fjall::Error::Io(io::Error::from_raw_os_error(code));
        let (missing, io, permission) = (os(2), os(5), os(13));
        for refused in [io, permission] {
            assert!(matches!(refusal(folder, &refused), OpenError::Io { .. }), "{refused}");
        }
        let short = fjall::Error::Io(ErrorKind::UnexpectedEof.into());
        for damage in [missing, short, fjall::Error::Unrecoverable] {
            let words = refusal(folder, &damage).to_string();
            assert!(words.starts_with("the database store/log is damaged: "), "{words}");
        }
    }
}
