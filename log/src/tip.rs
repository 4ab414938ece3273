//! The tip: where the durable log ends, for everyone who asks.
//!
//! Invariants:
//! * It only moves forward, after the sync and before anybody is answered.
//! * Who sees the durable end sees a mark that is at least as far.

use std::sync::atomic::Ordering;

use tokio::sync::watch;

use crate::Position;
use crate::sync::{AtomicU64, Mutex, PoisonError};

/// Where the durable log ends. `M` is what the high-water file says about it.
#[derive(Debug)]
pub(crate) struct Tip<M> {
    durable: AtomicU64,
    followers: watch::Sender<Position>,
    mark: Mutex<M>,
}

impl<M: Clone> Tip<M> {
    /// Starts at `position`.
    pub(crate) fn new(position: Position, mark: M) -> Self {
        Self {
            durable: AtomicU64::new(position.0),
            followers: watch::Sender::new(position),
            mark: Mutex::new(mark),
        }
    }

    /// The position after the last durable record.
    pub(crate) fn durable(&self) -> Position {
        Position(self.durable.load(Ordering::Acquire))
    }

    /// Follows the durable end.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Position> {
        self.followers.subscribe()
    }

    /// The durable end with everything that the high-water file says about it.
    pub(crate) fn mark(&self) -> M {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Moves the durable end.
    pub(crate) fn publish(&self, position: Position, mark: M) {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = mark;
        self.durable.store(position.0, Ordering::Release);
        self.followers.send_replace(position);
    }
}
