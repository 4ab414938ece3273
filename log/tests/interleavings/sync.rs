//! The primitives of the hand-off, with which anything may happen in between: threads of shuttle, channels of its locks, and
//! those of tokio with a choice before and after each operation.

pub(crate) use std::sync::PoisonError;

pub(crate) use shuttle::sync::atomic::AtomicU64;
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
pub(crate) use shuttle::thread::JoinHandle;

pub(crate) use crate::channel;
pub(crate) use crate::oneshot;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{AcquireError, TryAcquireError};

/// Another thread may go on here.
pub(crate) fn anything_may_happen() {
    if !std::thread::panicking() {
        shuttle::sync::atomic::AtomicBool::new(false).load(Ordering::Relaxed);
    }
}

/// As that of tokio.
#[derive(Debug)]
pub(crate) struct Semaphore(Arc<tokio::sync::Semaphore>);

/// As that of tokio.
#[derive(Debug)]
pub(crate) struct OwnedSemaphorePermit(Option<tokio::sync::OwnedSemaphorePermit>);

impl Semaphore {
    pub(crate) fn new(permits: usize) -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(permits)))
    }

    pub(crate) fn available_permits(&self) -> usize {
        anything_may_happen();
        self.0.available_permits()
    }

    pub(crate) async fn acquire_many_owned(
        self: Arc<Self>,
        wanted: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        anything_may_happen();
        let taken = Arc::clone(&self.0).acquire_many_owned(wanted).await?;
        anything_may_happen();
        Ok(OwnedSemaphorePermit(Some(taken)))
    }

    pub(crate) fn try_acquire_many_owned(
        self: Arc<Self>,
        wanted: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        anything_may_happen();
        let taken = Arc::clone(&self.0).try_acquire_many_owned(wanted)?;
        anything_may_happen();
        Ok(OwnedSemaphorePermit(Some(taken)))
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        anything_may_happen();
        drop(self.0.take());
        anything_may_happen();
    }
}
