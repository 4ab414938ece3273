//! The log on a disk: one fjall database, one writer thread, one sync for each group.
//!
//! Invariants:
//! * One process holds a store: the lock file is taken before anything else is touched.
//! * Only the writer writes to the database, in one thread at a time, and every batch is synced by its own commit.
//! * What was acknowledged is there when the store opens again, or it does not open.

mod creation;
mod disk;
mod failure;
mod journal;
mod keeper;
mod layout;
mod mark;
mod measures;
mod memtables;
mod moment;
mod preflight;
mod purge;
mod recovery;
mod segments;
mod store;
mod table_rows;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use self::keeper::Keeper;
use self::mark::Mark;
use self::store::Store;
use self::writer::{Writer, or_end};
use crate::handoff::{self, Submitter, Threads};
use crate::tip::Tip;
use crate::{
    EventLog, Frame, KeyValue, LogHead, LogStatus, OpenError, Partition, Permits, Position,
    PurgeError, ReadError, Revision, StreamId, Submission, Table, TableSpec, Ticket, TornTail,
};

pub use self::layout::small_tables;
pub use self::memtables::rotate_in_time;
pub use self::moment::{Act, Moment};
pub use self::verify::{Problem, Report};

/// How to open a [`FjallLog`].
#[derive(Clone, Debug)]
pub struct Options {
    /// The tables, in the order of their numbers. New ones may be added at the end.
    pub tables: &'static [TableSpec],
    /// The budget of bytes that may wait for the disk.
    pub permits_bytes: u32,
    /// Transitions are refused while the disk has fewer bytes free than this.
    pub free_bytes_min: u64,
    /// Opens a store that ends before what it acknowledged, or whose high-water file cannot be read.
    pub accept_data_loss: bool,
    /// Size of the cache of blocks, in bytes.
    pub cache_bytes: u64,
    /// Size at which a segment of the log is sealed and the next one begun, in bytes.
    pub segment_bytes: u64,
    /// Called once, with at most one second, before a failed write ends the process.
    pub on_failure: Option<fn()>,
    /// Told, by the writer, of the moments in its work. For tests that end the process at one of them.
    pub on_moment: Option<fn(Moment)>,
}

impl Options {
    /// The defaults, with these tables.
    pub fn new(tables: &'static [TableSpec]) -> Self {
        const MIB: u32 = 1024 * 1024;
        Self {
            tables,
            permits_bytes: 64 * MIB,
            free_bytes_min: 256 * u64::from(MIB),
            accept_data_loss: false,
            cache_bytes: 32 * u64::from(MIB),
            segment_bytes: 1024 * u64::from(MIB),
            on_failure: None,
            on_moment: None,
        }
    }
}

/// An [`EventLog`] in a folder, durable by `fdatasync`. It has one partition, number 0.
///
/// Dropping it closes it. Metrics go to the recorder that is installed when it is opened.
pub struct FjallLog {
    permits: Permits,
    submitter: Submitter<Writer>,
    last_words: Option<fn()>,
    tip: Arc<Tip<Mark>>,
    store: Arc<Store>,
    folder: PathBuf,
    torn_tail: Option<TornTail>,
    threads: Threads<Keeper>,
    // The last field, so that the store is unlocked when everything else is gone.
    _lock: creation::Lock,
}

/// A store that is held and not open yet.
pub struct HeldStore {
    folder: PathBuf,
    options: Options,
    mark_file: mark::MarkFile,
    lock: creation::Lock,
}

impl FjallLog {
    /// Opens the store in the folder `path`, or creates it.
    ///
    /// # Errors
    /// [`OpenError`] if another process holds it, if it ends before what it acknowledged, or if it cannot be used.
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        Self::hold(path, options)?.open()
    }

    /// Takes hold of the store in the folder `path`, or creates it: from here on what stands in it is this process's own.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn hold(path: &Path, options: Options) -> Result<HeldStore, OpenError> {
        let lock = creation::lock(path)?;
        let mark_file = creation::prepare(path, &lock, &options)?;
        Ok(HeldStore { folder: path.to_owned(), options, mark_file, lock })
    }
}

impl HeldStore {
    /// Opens it.
    ///
    /// # Errors
    /// As [`FjallLog::open`].
    pub fn open(self) -> Result<FjallLog, OpenError> {
        let Self { folder: path, options, mark_file, lock } = self;
        let torn_tail = preflight::check(&path)?;
        let store = Arc::new(layout::open(&path.join(creation::LOG), &options)?);
        let (mark_file, mark) = match recovery::recover(&store, mark_file, options.accept_data_loss)
        {
            Ok(recovered) => recovered,
            Err(refusal) => {
                drop(store);
                torn_tail.iter().for_each(preflight::put_back);
                return Err(refusal);
            }
        };
        torn_tail.iter().for_each(preflight::report);
        let tip = Arc::new(Tip::new(mark.position, mark.clone()));
        let watched = Arc::clone(&store);
        let health = Box::new(move || watched.is_well().map_err(|error| error.to_string()));
        let keeper = Keeper::start(&path, mark_file, mark, &tip, health, options.on_failure)?;
        let disk = disk::Disk::open(&path, options.free_bytes_min)?;
        let writer =
            Writer::new(Arc::clone(&store), Arc::clone(&tip), keeper.waker(), disk, &options);
        let (submitter, handoff) = handoff::open(writer);
        let writer = writer::start(handoff, Arc::clone(&store), options.on_failure)
            .map_err(creation::io(&path))?;
        tracing::info!(store = %path.display(), position = tip.durable().0, "the log is open");
        Ok(FjallLog {
            permits: Permits::new(options.permits_bytes),
            submitter,
            last_words: options.on_failure,
            tip,
            store,
            folder: path,
            torn_tail,
            threads: Threads::new(writer, keeper),
            _lock: lock,
        })
    }
}

impl FjallLog {
    /// The head of the log.
    pub fn head(&self) -> LogHead {
        let mark = self.tip.mark();
        LogHead { position: mark.position, hash: mark.head }
    }

    /// Reads everything that is durable and checks it: frames, positions, revisions, chains, the index, payloads, the head.
    pub fn verify(&self, _partition: Partition) -> Report {
        verify::verify(&self.store, &self.tip.mark())
    }

    /// Calls `visit` with each row of `table`, in order of keys, as one moment saw them.
    ///
    /// # Errors
    /// [`ReadError`] if the disk fails or there is no such table.
    pub fn each_row(
        &self,
        table: Table,
        visit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), ReadError> {
        self.store.each_row(table, visit)
    }
}

impl EventLog for FjallLog {
    fn permits(&self) -> &Permits {
        &self.permits
    }

    fn append(&self, submission: Submission) -> Ticket {
        self.submitter.append(submission)
    }

    fn append_here(&self, submission: Submission) -> Ticket {
        or_end(self.last_words, || self.submitter.append_here(submission))
    }

    fn durable(&self, _partition: Partition) -> Position {
        self.tip.durable()
    }

    fn subscribe(&self, _partition: Partition) -> watch::Receiver<Position> {
        self.tip.subscribe()
    }

    fn read(
        &self,
        partition: Partition,
        from: Position,
        bytes_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        self.store.read(partition, from, self.tip.durable(), bytes_max)
    }

    fn read_stream(
        &self,
        stream: StreamId,
        from: Revision,
        frames_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        self.store.read_stream(stream, from, self.tip.durable(), frames_max)
    }

    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.store.row(table, key)
    }

    fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        rows_max: usize,
    ) -> Result<Vec<KeyValue>, ReadError> {
        self.store.rows(table, from, to, rows_max)
    }

    fn payload(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, ReadError> {
        self.store.payload(hash)
    }

    fn purge(&self, table: Table, done: Vec<(Table, Vec<u8>)>) -> Result<(), PurgeError> {
        self.submitter.purge(table, done).wait()
    }

    fn status(&self) -> LogStatus {
        LogStatus {
            disk_bytes: self.store.disk_bytes(),
            free_bytes: disk::free_bytes(&self.folder).unwrap_or(0),
            torn_tail: self.torn_tail.clone(),
            layout: layout::VERSION,
        }
    }

    fn close(&self) {
        self.threads.end(&self.submitter, Keeper::finish);
    }
}

impl Drop for FjallLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for FjallLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FjallLog")
            .field("folder", &self.folder)
            .field("durable", &self.tip.durable())
            .finish_non_exhaustive()
    }
}
