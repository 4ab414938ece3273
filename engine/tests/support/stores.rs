//! Stores as a process that ended at some moment would have left them.

use std::path::Path;

use tempfile::TempDir;

/// The file that says how far the log had acknowledged.
const MARK: &str = "high-water";

/// What is on the disk at this moment, in a folder of its own.
///
/// The engine goes on writing meanwhile. What says how far the log had acknowledged is copied first: the log itself may have
/// more than that, as after any crash, but never less.
pub(crate) fn crash(store: &Path) -> TempDir {
    let left = tempfile::tempdir().expect("a folder");
    copy(store, left.path(), &|name| name == MARK);
    copy(store, left.path(), &|name| name != MARK);
    left
}

fn copy(from: &Path, to: &Path, is_wanted: &dyn Fn(&str) -> bool) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (name, kind) = (entry.file_name(), entry.file_type().expect("a kind of file"));
        if kind.is_dir() {
            copy(&entry.path(), &to.join(name), is_wanted);
        } else if kind.is_file() && is_wanted(&name.to_string_lossy()) {
            std::fs::copy(entry.path(), to.join(name)).expect("a file that can be copied");
        }
    }
}
