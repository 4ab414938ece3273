//! The raw disk: one thread, one file that grows, one `write` and one `fdatasync` per group.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Size of the sparse file a journal begins as.
const SPARSE_BYTES: u64 = 64 * 1024 * 1024;

/// A file that is written as a journal is.
#[derive(Debug)]
pub struct Raw {
    file: File,
    path: PathBuf,
}

impl Raw {
    /// Makes the file, sparse as a new journal is.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join("raw");
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
        file.set_len(SPARSE_BYTES)?;
        file.sync_all()?;
        Ok(Self { file, path })
    }

    /// Writes a group and syncs it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn group(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// How many groups of `bytes` bytes the raw disk takes in a second, measured for about `time`.
///
/// # Errors
/// What the file system says.
pub fn raw_syncs_per_second(folder: &Path, bytes: usize, time: Duration) -> io::Result<f64> {
    let mut raw = Raw::new(folder)?;
    let group = vec![0x5a; bytes];
    let began = Instant::now();
    let mut groups = 0u32;
    while began.elapsed() < time {
        raw.group(&group)?;
        groups += 1;
    }
    Ok(f64::from(groups) / began.elapsed().as_secs_f64())
}
