//! Views: the handle by which the rest of the program opens, follows and asks them.

pub(crate) mod aggregates;
pub(crate) mod audit;
pub(crate) mod metrics;
pub mod resume;
pub(crate) mod runs;

pub(crate) use runs::HotRuns;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use nexus_log::{EventLog, Partition, Position, Revision, StreamId};
use nexus_model::aggregate::{AggregateId, Kind};

use crate::checkpoint;
use crate::follower::{self, Shared};
use crate::snapshots;
use crate::store::{FjallStore, MemoryStore, Rows, ViewStore, delete};
use crate::view::View;
use crate::{
    AggregateRow, AuditFilter, AuditPage, Checkpoint, MetricsRow, RunFilter, RunPage, RunRow,
    ViewsError,
};

/// All views, the one of runs first.
pub(crate) fn all_views() -> Vec<Box<dyn View>> {
    vec![
        Box::<runs::RunsView>::default(),
        Box::new(resume::ResumeView),
        Box::<audit::AuditView>::default(),
        Box::<metrics::MetricsView>::default(),
        Box::new(aggregates::AggregatesView),
    ]
}

/// The layout of the rows: which views there are, in which versions.
pub(crate) fn layout() -> String {
    let version = |layout: String, view: Box<dyn View>| {
        format!("{layout} {}={}", view.name(), view.version())
    };
    all_views().into_iter().fold("1".to_owned(), version)
}

/// The views of a log. Cheap to clone; the last clone that is dropped closes them.
#[derive(Clone)]
pub struct Views(Arc<Open>);

/// The rows of views, opened before the log is that they follow. That takes as long as opening the log does, so who opens both
/// does so at the same time.
pub struct ViewRows {
    folder: PathBuf,
    store: Result<FjallStore, ViewsError>,
}

struct Open {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A checksum of a view's rows, and what they were folded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The rows are the fold of everything below this position.
    pub position: Position,
    /// BLAKE3 over the rows in order of key.
    pub hash: [u8; 32],
}

/// A view that was folded again: what it was and what it is, at the same position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// Its name.
    pub view: &'static str,
    /// The checksum of the rows that were deleted; `None`: they could not be read.
    pub before: Option<Checksum>,
    /// The checksum of the rows that follow from the log.
    pub after: Checksum,
}

impl Renewed {
    pub(crate) fn new(view: &'static str, before: Option<Checksum>) -> Self {
        Self { view, before, after: Checksum { position: Position(0), hash: [0; 32] } }
    }

    /// Whether the rows were what follows from the log.
    pub fn is_same(&self) -> bool {
        self.before == Some(self.after)
    }
}

impl Views {
    /// Opens the views in `folder` and follows `log`.
    ///
    /// Makes them if they are not there. Deletes and makes them anew if they are damaged, are of another layout, or were
    /// folded from another log; nothing is lost by that but time. Those that the system refuses to open stay as they are.
    ///
    /// # Errors
    /// [`ViewsError`] if another process has them open, or the disk or the log cannot be used.
    pub fn open(folder: &Path, log: Arc<dyn EventLog>) -> Result<Self, ViewsError> {
        Self::go_on(ViewRows::open(folder), log)
    }

    /// As [`open`](Self::open), with rows that were opened ahead.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn go_on(rows: ViewRows, log: Arc<dyn EventLog>) -> Result<Self, ViewsError> {
        let ViewRows { folder, store } = rows;
        let (store, checkpoint) = match store.and_then(|store| fitting(store, &*log)) {
            Ok(opened) => opened,
            Err(error) if error.blames_rows() => {
                tracing::warn!(%error, folder = %folder.display(), "the views are rebuilt");
                delete(&folder)?;
                fitting(FjallStore::open(&folder)?, &*log)?
            }
            Err(error) => return Err(error),
        };
        Self::start(Box::new(store), log, checkpoint)
    }

    /// Follows `log` with views in memory.
    ///
    /// # Errors
    /// [`ViewsError::Thread`] if the system refuses a thread.
    pub fn in_memory(log: Arc<dyn EventLog>) -> Result<Self, ViewsError> {
        Self::start(Box::<MemoryStore>::default(), log, Checkpoint::default())
    }

    /// Deletes the views in `folder`, makes them anew and waits until they have caught up with `log`.
    ///
    /// # Errors
    /// As [`open`](Self::open), and if they stop following.
    pub fn rebuild(folder: &Path, log: Arc<dyn EventLog>) -> Result<Self, ViewsError> {
        delete(folder)?;
        let durable = log.durable(Partition(0));
        let views = Self::open(folder, log)?;
        views.catch_up(durable)?;
        Ok(views)
    }

    /// Deletes all rows and folds them again from the log, in place. Blocks until that is done; so do those who ask the views
    /// meanwhile. Snapshots of runs are dropped. Returns what each view was and is.
    ///
    /// # Errors
    /// [`ViewsError::Stopped`] if the views cannot go on, [`ViewsError::Closed`] if they were closed first.
    pub fn renew(&self) -> Result<Arc<[Renewed]>, ViewsError> {
        self.shared().renew()
    }

    fn start(
        store: Box<dyn ViewStore>,
        log: Arc<dyn EventLog>,
        checkpoint: Checkpoint,
    ) -> Result<Self, ViewsError> {
        let shared = Arc::new(Shared::new(log, store, checkpoint));
        let thread = follower::start(Arc::clone(&shared), checkpoint)?;
        Ok(Self(Arc::new(Open { shared, thread: Mutex::new(Some(thread)) })))
    }

    /// Blocks until everything below `position` is applied. Not for runtime threads.
    ///
    /// # Errors
    /// [`ViewsError::Stopped`] if the views cannot go on, [`ViewsError::Closed`] if they were closed first.
    pub fn catch_up(&self, position: Position) -> Result<(), ViewsError> {
        self.shared().catch_up(position)
    }

    /// Everything below this position is applied.
    pub fn applied(&self) -> Position {
        self.shared().applied()
    }

    /// How many durable records are not applied yet.
    pub fn lag(&self) -> u64 {
        let durable = self.shared().log.durable(Partition(0));
        durable.0.saturating_sub(self.applied().0)
    }

    /// The runs that need an engine: those whose last record is not parked. In order of their ids.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn resume(&self) -> Result<Vec<StreamId>, ViewsError> {
        Ok(self.resume_all()?.0)
    }

    /// Both: the runs and the aggregates that need an engine.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn resume_all(&self) -> Result<(Vec<StreamId>, Vec<AggregateId>), ViewsError> {
        let (mut runs, mut aggregates) = (Vec::new(), Vec::new());
        for stream in self.read(resume::list)? {
            match aggregates::aggregate_of(stream) {
                Some(aggregate) => aggregates.push(aggregate),
                None => runs.push(stream),
            }
        }
        Ok((runs, aggregates))
    }

    /// All aggregates of a kind, in order of their names.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn aggregates(&self, kind: Kind) -> Result<Vec<AggregateRow>, ViewsError> {
        self.read(|rows| aggregates::list(rows, kind))
    }

    /// The newest snapshot of a run: how many records are folded into it, and its bytes.
    /// Does not wait while views are rebuilt: then there is none.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn snapshot(&self, stream: StreamId) -> Result<Option<(Revision, Vec<u8>)>, ViewsError> {
        self.blame(snapshots::read(&*self.shared().store.read(), stream))
    }

    /// Hands over a snapshot of a run with `revision` records folded into it, all of them durable. Never blocks.
    ///
    /// It is written with the next batch, or dropped silently: when too many wait, when there is a newer one, when the run has
    /// ended.
    pub fn put_snapshot(&self, stream: StreamId, revision: Revision, bytes: Vec<u8>) {
        let durable = self.shared().log.durable(Partition(0));
        if self.shared().snapshots.put(stream, revision, bytes, durable) {
            self.shared().wake();
        }
    }

    /// A page of runs, newest first.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn runs(&self, filter: &RunFilter) -> Result<RunPage, ViewsError> {
        self.read(|rows| runs::list(rows, filter))
    }

    /// A run, by id.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn run(&self, stream: StreamId) -> Result<Option<RunRow>, ViewsError> {
        self.read(|rows| runs::find(rows, stream))
    }

    /// A run, by name.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn run_by_name(&self, name: &str) -> Result<Option<RunRow>, ViewsError> {
        self.read(|rows| runs::find_by_name(rows, name))
    }

    /// A page of the audit, newest first.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows or the log cannot be read.
    pub fn audit(&self, filter: &AuditFilter) -> Result<AuditPage, ViewsError> {
        self.read(|rows| audit::list(rows, &*self.shared().log, filter))
    }

    /// All counters.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn metrics(&self) -> Result<MetricsRow, ViewsError> {
        self.read(metrics::read)
    }

    /// The names of the views that follow from the log.
    pub fn names() -> Vec<&'static str> {
        all_views().iter().map(|view| view.name()).collect()
    }

    /// The checksum of a view. Views of the same log at the same position have the same one.
    ///
    /// # Errors
    /// [`ViewsError::NoSuchView`], or if the rows cannot be read.
    pub fn checksum(&self, view: &str) -> Result<Checksum, ViewsError> {
        let views = all_views();
        let found = views.iter().find(|found| found.name() == view);
        let found = found.ok_or_else(|| ViewsError::NoSuchView { name: view.to_owned() })?;
        self.read(|rows| checksum(rows, &**found))
    }

    /// Ends the follower. What the views hold can still be asked. Idempotent.
    pub fn close(&self) {
        self.0.close();
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Asks the rows of one moment. If they cannot be read, they are rebuilt; while they are, this waits, so that no answer is
    /// of an earlier moment than one before it.
    fn read<T>(
        &self,
        ask: impl FnOnce(&dyn Rows) -> Result<T, ViewsError>,
    ) -> Result<T, ViewsError> {
        let answer = loop {
            let announced = self.shared().announced();
            let rows = self.shared().store.read();
            match checkpoint::read(&*rows) {
                Ok(checkpoint) if checkpoint.position >= announced => break ask(&*rows),
                Ok(_) => drop(rows),
                Err(error) => break Err(error),
            }
            self.shared().catch_up(announced)?;
        };
        self.blame(answer)
    }

    /// Has the rows rebuilt if they are to blame.
    fn blame<T>(&self, answer: Result<T, ViewsError>) -> Result<T, ViewsError> {
        answer.inspect_err(|error| {
            if error.blames_rows() {
                self.shared().distrust();
            }
        })
    }
}

impl Open {
    fn close(&self) {
        self.shared.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the follower was caught and is kept in its place.
            let _ = thread.join();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views").field("applied", &self.applied()).finish_non_exhaustive()
    }
}

impl ViewRows {
    /// Opens the rows in `folder`; makes them if they are not there. What is wrong with them is said when they are used.
    pub fn open(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), store: FjallStore::open(folder) }
    }
}

/// The store with its checkpoint, if its rows were folded from `log`.
fn fitting(store: FjallStore, log: &dyn EventLog) -> Result<(FjallStore, Checkpoint), ViewsError> {
    if checkpoint::is_unused(&*store.read())? {
        store.commit(vec![checkpoint::layout_row(&layout())])?;
    }
    let checkpoint = check(&*store.read(), log)?;
    Ok((store, checkpoint))
}

fn check(rows: &dyn Rows, log: &dyn EventLog) -> Result<Checkpoint, ViewsError> {
    if !checkpoint::has_layout(rows, &layout())? {
        return Err(ViewsError::Storage { reason: "they are of another layout".to_owned() });
    }
    let checkpoint = checkpoint::read(rows)?;
    if checkpoint::fits(&checkpoint, log)? {
        Ok(checkpoint)
    } else {
        Err(ViewsError::OutOfStep { at: checkpoint.position })
    }
}

/// The checksum of a view's rows.
pub(crate) fn checksum(rows: &dyn Rows, view: &dyn View) -> Result<Checksum, ViewsError> {
    let mut hasher = blake3::Hasher::new();
    for table in view.tables() {
        hasher.update(table.name().as_bytes());
        for row in rows.all(*table) {
            let (key, value) = row?;
            for part in [&key, &value] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        }
    }
    let position = checkpoint::read(rows)?.position;
    Ok(Checksum { position, hash: *hasher.finalize().as_bytes() })
}
