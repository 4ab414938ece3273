//! The follower: the thread that reads the log and folds it into the views.

mod fold;
mod pace;
mod refusals;
mod renewal;

pub(crate) use fold::{Fold, decode};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::Instant;

use metrics::{Gauge, Histogram, gauge, histogram};
use nexus_log::{EventLog, Partition, Position};

use crate::snapshots::SnapshotQueue;
use crate::store::ViewStore;
use crate::{Checkpoint, ViewsError, checkpoint, views};
use pace::{Bell, Pace};
use refusals::Refusals;
use renewal::Renewals;

/// Bytes of records that are read at a time.
const READ_BYTES: usize = 1024 * 1024;

/// Bytes of records that are folded into one batch.
const BATCH_BYTES: usize = 4 * READ_BYTES;

/// The partition that is followed.
const PARTITION: Partition = Partition(0);

/// How often one process rebuilds its views before it takes the disk to be at fault.
const REBUILDS_MAX: u32 = 3;

/// What the follower shares with those who ask.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Box<dyn ViewStore>,
    pub(crate) snapshots: SnapshotQueue,
    progress: Mutex<Progress>,
    progressed: Condvar,
    /// The furthest position that somebody waits for.
    wanted: AtomicU64,
    is_closing: AtomicBool,
    /// Whether somebody came upon rows that cannot be read.
    is_distrusted: AtomicBool,
    thread: OnceLock<Thread>,
}

struct Progress {
    applied: Position,
    /// The furthest that was ever applied; rows that are being rebuilt are before it.
    announced: Position,
    renewals: Renewals,
    /// Why the follower does not follow any more.
    ended: Option<Ended>,
}

#[derive(Clone)]
enum Ended {
    Closed,
    Stopped(Arc<ViewsError>),
}

impl Shared {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        store: Box<dyn ViewStore>,
        checkpoint: Checkpoint,
    ) -> Self {
        Self {
            log,
            store,
            snapshots: SnapshotQueue::default(),
            progress: Mutex::new(Progress {
                applied: checkpoint.position,
                announced: checkpoint.position,
                renewals: Renewals::default(),
                ended: None,
            }),
            progressed: Condvar::new(),
            wanted: AtomicU64::new(0),
            is_closing: AtomicBool::new(false),
            is_distrusted: AtomicBool::new(false),
            thread: OnceLock::new(),
        }
    }

    pub(crate) fn applied(&self) -> Position {
        self.progress().applied
    }

    /// The furthest that was ever applied.
    pub(crate) fn announced(&self) -> Position {
        self.progress().announced
    }

    /// Blocks until everything below `position` is applied.
    pub(crate) fn catch_up(&self, position: Position) -> Result<(), ViewsError> {
        let mut progress = self.progress();
        if progress.applied < position {
            self.wanted.fetch_max(position.0, Ordering::SeqCst);
            self.wake();
        }
        while progress.applied < position {
            match &progress.ended {
                Some(Ended::Closed) => return Err(ViewsError::Closed),
                Some(Ended::Stopped(source)) => {
                    let (at, source) = (progress.applied, Arc::clone(source));
                    return Err(ViewsError::Stopped { at, source });
                }
                None => {}
            }
            progress = self.progressed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Has the follower look for work.
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Has the follower delete the rows and fold them again.
    pub(crate) fn distrust(&self) {
        self.is_distrusted.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Has the follower end.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, applied: Position) {
        let mut progress = self.progress();
        progress.applied = applied;
        progress.announced = progress.announced.max(applied);
        self.progressed.notify_all();
    }

    fn end(&self, ended: Ended) {
        self.progress().ended = Some(ended);
        self.progressed.notify_all();
    }

    fn is_wanted(&self, applied: Position) -> bool {
        self.wanted.load(Ordering::SeqCst) > applied.0
    }
}

/// Starts the follower.
pub(crate) fn start(
    shared: Arc<Shared>,
    checkpoint: Checkpoint,
) -> Result<JoinHandle<()>, ViewsError> {
    let follower = Follower::new(Arc::clone(&shared), checkpoint);
    thread::Builder::new()
        .name("nexus-views".to_owned())
        .spawn(move || run(&shared, follower))
        .map_err(ViewsError::Thread)
}

fn run(shared: &Shared, mut follower: Follower) {
    // Nobody else sets it.
    let _ = shared.thread.set(thread::current());
    let mut rebuilds = 0;
    let mut refusals = Refusals::default();
    let mut is_refused = false;
    let error = loop {
        let followed = catch_unwind(AssertUnwindSafe(|| {
            if is_refused {
                follower.open_again()?;
            }
            follower.follow()
        }));
        let error = match followed {
            Ok(Ok(())) => return shared.end(Ended::Closed),
            Ok(Err(error)) => error,
            Err(panic) => ViewsError::Panicked { reason: words(panic.as_ref()) },
        };
        is_refused = error.is_refusal() && refusals.may_go_on(shared);
        if is_refused {
            tracing::warn!(error = &error as &dyn std::error::Error, "the views are opened again");
            continue;
        }
        if !error.blames_rows() || rebuilds == REBUILDS_MAX {
            break error;
        }
        rebuilds += 1;
        tracing::warn!(error = &error as &dyn std::error::Error, "the views are rebuilt");
        if let Err(error) = follower.start_anew() {
            break error;
        }
    };
    tracing::error!(error = &error as &dyn std::error::Error, at = %shared.applied(), "the views stopped following the log");
    shared.end(Ended::Stopped(Arc::new(error)));
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it gave no reason".to_owned())
}

struct Follower {
    shared: Arc<Shared>,
    checkpoint: Checkpoint,
    fold: Fold,
    lag: Gauge,
    apply_seconds: Histogram,
}

impl Follower {
    fn new(shared: Arc<Shared>, checkpoint: Checkpoint) -> Self {
        Self {
            shared,
            checkpoint,
            fold: Fold::default(),
            lag: gauge!("nexus_projection_lag_records"),
            apply_seconds: histogram!("nexus_projection_apply_seconds"),
        }
    }

    /// Deletes all rows and begins at the beginning of the log.
    fn start_anew(&mut self) -> Result<(), ViewsError> {
        self.fold = Fold::default();
        self.checkpoint = Checkpoint::default();
        self.shared.advance(self.checkpoint.position);
        self.shared.store.reset()?;
        self.shared.store.commit(vec![checkpoint::layout_row(&views::layout())])
    }

    /// Follows the log until the views are closed.
    fn follow(&mut self) -> Result<(), ViewsError> {
        let mut bell = Bell::new(self.shared.log.subscribe(PARTITION));
        let mut pace = Pace::default();
        loop {
            let is_closing = self.shared.is_closing.load(Ordering::SeqCst);
            let durable = bell.durable();
            let is_wanted = self.shared.is_wanted(self.checkpoint.position);
            let has_work = durable > self.checkpoint.position
                || self.shared.snapshots.is_due(self.checkpoint.position);
            if self.shared.is_distrusted.swap(false, Ordering::SeqCst) {
                return Err(ViewsError::Storage { reason: "a reader came upon damage".to_owned() });
            }
            if !is_closing && self.shared.is_renewal_due() {
                self.renew()?;
                continue;
            }
            if is_closing {
                return if has_work { self.round(durable).map(|_| ()) } else { Ok(()) };
            }
            match pace.wait(is_wanted) {
                _ if !has_work => bell.wait(),
                Some(rest) => thread::park_timeout(rest),
                None => {
                    let begun = Instant::now();
                    let is_behind = self.round(durable)?;
                    pace.done(begun, is_behind);
                }
            }
        }
    }

    /// Folds at most one batch of records. Says whether more are there.
    fn round(&mut self, durable: Position) -> Result<bool, ViewsError> {
        let begun = Instant::now();
        let mut folded = 0;
        while durable > self.checkpoint.position && folded < BATCH_BYTES {
            let from = self.checkpoint.position;
            let frames = self.shared.log.read(PARTITION, from, READ_BYTES)?;
            folded += frames.iter().map(|frame| frame.records.as_bytes().len()).sum::<usize>();
            let store = &*self.shared.store;
            self.checkpoint = self.fold.apply(&frames, self.checkpoint, &*store.read())?;
        }
        self.commit()?;
        let behind = durable.0.saturating_sub(self.checkpoint.position.0);
        #[expect(clippy::cast_precision_loss, reason = "a gauge is not exact")]
        self.lag.set(behind as f64);
        self.apply_seconds.record(begun.elapsed());
        Ok(behind > 0)
    }

    /// Commits what was folded, with the checkpoint.
    fn commit(&mut self) -> Result<(), ViewsError> {
        let Shared { store, snapshots, .. } = &*self.shared;
        let changes = self.fold.flush(&self.checkpoint, snapshots, &*store.read())?;
        store.commit(changes)?;
        self.fold.committed();
        self.shared.advance(self.checkpoint.position);
        Ok(())
    }
}
