//! Opening the rows again, as they are, after the system refused something: they may be whole.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use nexus_log::Position;

use super::{Follower, Shared};
use crate::follower::Fold;
use crate::{ViewsError, checkpoint, views};

/// How often in a row the rows are opened again before the system is taken to refuse for good.
const REFUSALS_MAX: u32 = 6;

/// How long the follower waits before the first time; twice as long each time after.
const PAUSE: Duration = Duration::from_millis(50);

/// Refusals in a row: between them nothing was applied.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: u32,
    at: Position,
}

impl Refusals {
    /// Waits a little, and says whether the follower is to go on after another refusal.
    pub(super) fn may_go_on(&mut self, shared: &Shared) -> bool {
        let at = shared.applied();
        if at > self.at {
            *self = Self { count: 0, at };
        }
        if self.count == REFUSALS_MAX {
            return false;
        }
        shared.pause(PAUSE * 2_u32.pow(self.count));
        self.count += 1;
        true
    }
}

impl Shared {
    /// Waits so long, or until the views are to close.
    fn pause(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.is_closing.load(Ordering::SeqCst) {
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return;
            }
            thread::park_timeout(rest);
        }
    }
}

impl Follower {
    /// Opens the rows again and goes on where they are.
    pub(super) fn open_again(&mut self) -> Result<(), ViewsError> {
        self.shared.store.reopen()?;
        let rows = self.shared.store.read();
        let has_layout = checkpoint::has_layout(&*rows, &views::layout())?;
        let checkpoint = checkpoint::read(&*rows)?;
        drop(rows);
        if !has_layout {
            // The system refused while they were made.
            return self.start_anew();
        }
        self.fold = Fold::default();
        self.checkpoint = checkpoint;
        self.shared.advance(checkpoint.position);
        Ok(())
    }
}
