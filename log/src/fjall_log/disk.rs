//! The disk's free space: asked before it runs out, because a write that fails ends the process.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::creation;
use crate::OpenError;

const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Knows how much space is left, at most half a second late.
#[derive(Debug)]
pub(super) struct Disk {
    folder: File,
    free_bytes_min: u64,
    free_bytes: u64,
    asked: Option<Instant>,
}

impl Disk {
    /// Watches the disk that holds `folder`.
    pub(super) fn open(folder: &Path, free_bytes_min: u64) -> Result<Self, OpenError> {
        let file = File::open(folder).map_err(creation::io(folder))?;
        Ok(Self { folder: file, free_bytes_min, free_bytes: 0, asked: None })
    }

    /// The free bytes if they are too few. Asks the system at most every half second, but each time while space is short.
    pub(super) fn nearly_full(&mut self, now: Instant) -> Option<u64> {
        let fresh =
            self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < ASK_AGAIN_AFTER);
        if !fresh || self.free_bytes < self.free_bytes_min {
            self.asked = Some(now);
            // A disk that does not say how full it is will say so when it is written to.
            self.free_bytes =
                rustix::fs::fstatvfs(&self.folder).map_or(u64::MAX, |disk| available(&disk));
        }
        (self.free_bytes < self.free_bytes_min).then_some(self.free_bytes)
    }
}

/// The free bytes of the disk that holds `folder`.
pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    Ok(available(&rustix::fs::statvfs(folder)?))
}

fn available(disk: &rustix::fs::StatVfs) -> u64 {
    disk.f_bavail.saturating_mul(disk.f_frsize)
}
