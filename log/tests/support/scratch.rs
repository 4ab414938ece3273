//! Folders for stores that are damaged on purpose.

use std::path::Path;

use tempfile::TempDir;

/// A folder in memory where the system has one: what is tested is which bytes are there, not that a disk keeps them, and
/// thousands of syncs take their time.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).expect("a folder")
}
