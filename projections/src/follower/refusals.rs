//! Opening the rows again, as they are, after the system refused something: they may be whole.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use nexus_log::Position;

use super::{Fold, Follower, Shared};
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::Checkpoint;
    use crate::store::{Change, MemoryStore, Rows, ViewStore};

    /// A store that cannot be opened again so many times.
    struct Refusing {
        rows: MemoryStore,
        refusals: AtomicU32,
        resets: Arc<AtomicU32>,
    }

    impl ViewStore for Refusing {
        fn read(&self) -> Box<dyn Rows + '_> {
            self.rows.read()
        }

        fn commit(&self, changes: Vec<Change>) -> Result<(), ViewsError> {
            self.rows.commit(changes)
        }

        fn reopen(&self) -> Result<(), ViewsError> {
            let less = |left: u32| left.checked_sub(1);
            match self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
                Ok(_) => Err(ViewsError::Refused(std::io::Error::from_raw_os_error(24))),
                Err(_) => self.rows.reopen(),
            }
        }

        fn reset(&self) -> Result<(), ViewsError> {
            self.resets.fetch_add(1, Ordering::SeqCst);
            self.rows.reset()
        }
    }

    /// Views that are closing, so that nobody waits, on rows that hold `changes`.
    fn follower(changes: Vec<Change>) -> (Follower, Arc<Shared>, Arc<AtomicU32>) {
        let resets = Arc::default();
        let refusals = AtomicU32::new(2);
        let rows = MemoryStore::default();
        rows.commit(changes).expect("committed");
        let store = Refusing { rows, refusals, resets: Arc::clone(&resets) };
        let log = Arc::new(nexus_log::MemoryLog::new(&[]));
        let shared = Arc::new(Shared::new(log, Box::new(store), Checkpoint::default()));
        shared.close();
        (Follower::new(Arc::clone(&shared), Checkpoint::default()), shared, resets)
    }

    #[test]
    fn rows_that_could_not_be_opened_are_gone_on_with_as_they_are() {
        let checkpoint = Checkpoint { position: Position(5), chain: [7; 16] };
        let rows = vec![checkpoint::layout_row(&views::layout()), checkpoint::row(&checkpoint)];
        let (mut follower, shared, resets) = follower(rows);
        for _ in 0..2 {
            let refused = follower.open_again().expect_err("refused");
            assert!(refused.is_refusal() && !refused.blames_rows(), "{refused:?}");
        }
        follower.open_again().expect("opened");
        assert_eq!((follower.checkpoint, shared.applied()), (checkpoint, Position(5)));
        assert_eq!(resets.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn rows_that_were_being_made_are_made_anew() {
        let (mut follower, _shared, resets) = follower(Vec::new());
        for _ in 0..2 {
            follower.open_again().expect_err("refused");
        }
        follower.open_again().expect("opened");
        assert_eq!(resets.load(Ordering::SeqCst), 1);
        let rows = follower.shared.store.read();
        assert!(checkpoint::has_layout(&*rows, &views::layout()).expect("readable"));
    }

    #[test]
    fn a_system_that_refuses_for_good_is_given_up_and_one_that_lets_go_on_is_not() {
        let (_follower, shared, _resets) = follower(Vec::new());
        let mut refusals = Refusals::default();
        for _ in 0..REFUSALS_MAX {
            assert!(refusals.may_go_on(&shared));
        }
        assert!(!refusals.may_go_on(&shared));
        shared.advance(Position(1));
        assert!(refusals.may_go_on(&shared), "something was applied meanwhile");
    }
}
