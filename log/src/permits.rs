//! Permits: the bytes that may wait for the disk at one time. Taken before a submission, returned when it is answered.

use std::sync::Arc;

use crate::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget of bytes in flight.
#[derive(Clone, Debug)]
pub struct Permits {
    semaphore: Arc<Semaphore>,
    bytes_max: u32,
}

/// Bytes taken from the budget; dropping it returns them.
#[derive(Debug)]
pub struct Permit {
    _bytes: Option<OwnedSemaphorePermit>,
}

impl Permits {
    /// Makes a budget of `bytes_max` bytes.
    pub fn new(bytes_max: u32) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(bytes_max as usize)), bytes_max }
    }

    /// The most one submission may take, in bytes: half of the budget, so that it can always be served.
    pub fn submission_bytes_max(&self) -> usize {
        self.bytes_max as usize / 2
    }

    /// The share of the budget in use, 0 to 100.
    pub fn used_percent(&self) -> u8 {
        let free = self.semaphore.available_permits() as u64;
        let max = u64::from(self.bytes_max.max(1));
        u8::try_from((max.saturating_sub(free)) * 100 / max).unwrap_or(100)
    }

    /// Waits for `bytes`, in order of arrival; dropping the future gives up the place.
    pub async fn acquire(&self, bytes: usize) -> Permit {
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bytes_max / 2);
        // The semaphore is never closed, so there is no error to meet.
        let bytes = Arc::clone(&self.semaphore).acquire_many_owned(wanted).await.ok();
        Permit { _bytes: bytes }
    }

    /// Takes `bytes` if they are free now.
    pub fn try_acquire(&self, bytes: usize) -> Option<Permit> {
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bytes_max / 2);
        Arc::clone(&self.semaphore)
            .try_acquire_many_owned(wanted)
            .ok()
            .map(|bytes| Permit { _bytes: Some(bytes) })
    }
}
