//! Where the hand-off between threads takes its primitives from.
//!
//! The test `interleavings` compiles the files of the hand-off once more, with primitives that let things happen in any order.

#[cfg(feature = "fjall")]
pub(crate) use std::sync::atomic::AtomicU64;
#[cfg(feature = "fjall")]
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};
#[cfg(feature = "fjall")]
pub(crate) use std::thread::JoinHandle;

#[cfg(feature = "fjall")]
pub(crate) use crossbeam::channel;
pub(crate) use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
