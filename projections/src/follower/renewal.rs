//! Renewal: all rows deleted and folded again in place, because somebody asked for it, and compared with what they were.
//!
//! Invariants:
//! * Both checksums of a view are of the same position.
//! * A renewal that fails half-way is begun again after the views were rebuilt, or ends with them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::{Ended, Follower, READ_BYTES, Shared};
use crate::ViewsError;
use crate::views::{Renewed, all_views, checksum};

/// Renewals by number. One that has begun serves only those who asked before.
#[derive(Default)]
pub(super) struct Renewals {
    asked: u64,
    done: u64,
    last: Arc<[Renewed]>,
}

impl Shared {
    /// Has the follower delete the rows and fold them again; blocks until that is done.
    pub(crate) fn renew(&self) -> Result<Arc<[Renewed]>, ViewsError> {
        let mut progress = self.progress();
        progress.renewals.asked += 1;
        let number = progress.renewals.asked;
        self.wake();
        loop {
            if progress.renewals.done >= number {
                return Ok(Arc::clone(&progress.renewals.last));
            }
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
    }

    pub(super) fn is_renewal_due(&self) -> bool {
        let progress = self.progress();
        progress.renewals.asked > progress.renewals.done
    }

    fn renewed(&self, number: u64, last: Vec<Renewed>) {
        let mut progress = self.progress();
        progress.renewals.done = number;
        progress.renewals.last = last.into();
        self.progressed.notify_all();
    }
}

impl Follower {
    /// Folds everything up to the checkpoint again. Ends early when the views are closed.
    pub(super) fn renew(&mut self) -> Result<(), ViewsError> {
        let number = self.shared.progress().renewals.asked;
        let end = self.checkpoint.position;
        let mut renewed: Vec<Renewed> = {
            let rows = self.shared.store.read();
            let before = |view: &dyn crate::view::View| checksum(&*rows, view).ok();
            all_views().iter().map(|view| Renewed::new(view.name(), before(&**view))).collect()
        };
        self.start_anew()?;
        while self.checkpoint.position < end {
            if self.shared.is_closing.load(Ordering::SeqCst) {
                return Ok(());
            }
            let from = self.checkpoint.position;
            let mut frames = self.shared.log.read(super::PARTITION, from, READ_BYTES)?;
            frames.retain(|frame| frame.position < end);
            let store = &*self.shared.store;
            self.checkpoint = self.fold.apply(&frames, self.checkpoint, &*store.read())?;
            self.commit()?;
        }
        let rows = self.shared.store.read();
        for (view, renewed) in all_views().iter().zip(&mut renewed) {
            renewed.after = checksum(&*rows, &**view)?;
        }
        drop(rows);
        tracing::info!(at = %end, "the views were folded again");
        self.shared.renewed(number, renewed);
        Ok(())
    }
}
