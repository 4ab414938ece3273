//! Views that are folded a step at a time, by whoever wants it and as far as they want: for simulations.
//!
//! The folds are those of [`Views`](crate::Views); there is no thread, and the rows are in memory.

use std::fmt;

use nexus_log::{EventLog, Partition, Position, StreamId};

use crate::follower::Fold;
use crate::snapshots::SnapshotQueue;
use crate::store::{MemoryStore, ViewStore};
use crate::views::{all_views, checksum, metrics, resume, runs};
use crate::{Checkpoint, Checksum, MetricsRow, RunRow, ViewsError, checkpoint};

/// Views without a follower.
#[derive(Default)]
pub struct Stepwise {
    store: MemoryStore,
    snapshots: SnapshotQueue,
    fold: Fold,
    /// What is folded, though it need not be committed.
    folded: Checkpoint,
}

impl Stepwise {
    /// Folds the frames from where it is up to `end`, at most so many bytes of them. Nothing of it is in the rows before it is
    /// [committed](Self::commit).
    ///
    /// # Errors
    /// [`ViewsError`] if the log cannot be folded.
    pub fn fold(
        &mut self,
        log: &dyn EventLog,
        end: Position,
        bytes_max: usize,
    ) -> Result<(), ViewsError> {
        let mut frames = log.read(Partition(0), self.folded.position, bytes_max)?;
        frames.retain(|frame| frame.position < end);
        self.folded = self.fold.apply(&frames, self.folded, &*self.store.read())?;
        Ok(())
    }

    /// Commits what is folded, with the checkpoint.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows make no sense.
    pub fn commit(&mut self) -> Result<(), ViewsError> {
        let changes = self.fold.flush(&self.folded, &self.snapshots, &*self.store.read())?;
        self.store.commit(changes)?;
        self.fold.committed();
        Ok(())
    }

    /// The process ends: what was not committed is forgotten, with all that was in memory.
    ///
    /// # Errors
    /// [`ViewsError`] if the checkpoint cannot be read.
    pub fn restart(&mut self) -> Result<(), ViewsError> {
        self.fold = Fold::default();
        self.folded = checkpoint::read(&*self.store.read())?;
        Ok(())
    }

    /// Everything below this position is folded.
    pub fn folded(&self) -> Position {
        self.folded.position
    }

    /// The checksums of all views, by name, as of the last commit.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn checksums(&self) -> Result<Vec<(&'static str, Checksum)>, ViewsError> {
        let rows = self.store.read();
        let mut sums = Vec::new();
        for view in all_views() {
            sums.push((view.name(), checksum(&*rows, &*view)?));
        }
        Ok(sums)
    }

    /// A run, by id, as of the last commit.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn run(&self, stream: StreamId) -> Result<Option<RunRow>, ViewsError> {
        runs::find(&*self.store.read(), stream)
    }

    /// The runs and aggregates that need an engine, as of the last commit.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn resume(&self) -> Result<Vec<StreamId>, ViewsError> {
        resume::list(&*self.store.read())
    }

    /// What is counted, as of the last commit.
    ///
    /// # Errors
    /// [`ViewsError`] if the rows cannot be read.
    pub fn metrics(&self) -> Result<MetricsRow, ViewsError> {
        metrics::read(&*self.store.read())
    }
}

impl fmt::Debug for Stepwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stepwise").field("folded", &self.folded).finish_non_exhaustive()
    }
}
