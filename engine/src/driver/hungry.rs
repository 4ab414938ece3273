//! Runs that wait for room to start attempts.
//!
//! Invariant: no more of them are being read from the log than there is room for.

use std::collections::{HashSet, VecDeque};

use nexus_model::id::RunId;

use crate::shard::Slots;

/// Runs that wait for room, in order.
#[derive(Debug, Default)]
pub(super) struct Hungry {
    queue: VecDeque<RunId>,
    queued: HashSet<RunId>,
    /// Runs that were offered room and are being read.
    coming: HashSet<RunId>,
}

impl Hungry {
    /// Adds a run that says it wants room; saying so twice changes nothing.
    pub(super) fn push(&mut self, run: RunId) {
        if self.queued.insert(run) {
            self.queue.push_back(run);
        }
    }

    /// Takes the next run to offer room to, if there is room beside that for runs that are coming.
    pub(super) fn next(&mut self, slots: Slots) -> Option<RunId> {
        let coming = i64::try_from(self.coming.len()).unwrap_or(i64::MAX);
        if slots.0 <= coming {
            return None;
        }
        let run = self.queue.pop_front()?;
        self.queued.remove(&run);
        Some(run)
    }

    /// Takes note that a run that was offered room has to be read first.
    pub(super) fn comes(&mut self, run: RunId) {
        self.coming.insert(run);
    }

    /// Takes note that a run was read, or could not be.
    pub(super) fn has_come(&mut self, run: RunId) {
        self.coming.remove(&run);
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
