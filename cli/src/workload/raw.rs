//! The raw disk: one thread, one file that grows as a journal does, one `write` and one `fdatasync` per group.

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
    written: u64,
}

impl Raw {
    /// Makes the file, sparse as a new journal is. Behind its sparse part it grows.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join("raw");
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
        file.set_len(SPARSE_BYTES)?;
        file.sync_all()?;
        Ok(Self { file, path, written: 0 })
    }

    /// Cuts the sparse part off that is not written yet, as opening a store does with its journal: from here on the file grows.
    ///
    /// # Errors
    /// What the file system says.
    pub fn append_only(&mut self) -> io::Result<()> {
        self.file.set_len(self.written)?;
        self.file.sync_all()
    }

    /// Writes a group and syncs it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn group(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        self.file.sync_data()
    }

    /// How many groups of `bytes` bytes it takes in a second, measured for about `time`.
    pub(super) fn groups_per_second(&mut self, bytes: usize, time: Duration) -> io::Result<f64> {
        let group = vec![0x5a; bytes];
        let began = Instant::now();
        let mut groups = 0u32;
        while groups == 0 || began.elapsed() < time {
            self.group(&group)?;
            groups += 1;
        }
        Ok(f64::from(groups) / began.elapsed().as_secs_f64())
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
