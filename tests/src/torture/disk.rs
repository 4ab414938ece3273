//! A disk that can be full: a file system in memory, which only root may mount.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Its size when it is not full.
const ROOMY: &str = "size=2g";

/// A file system in memory, mounted until this is dropped.
#[derive(Debug)]
pub(super) struct Disk(PathBuf);

impl Disk {
    /// Mounts one, if this process may.
    pub(super) fn mount(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).ok()?;
        let path = folder.to_str()?;
        run(&["mount", "-t", "tmpfs", "-o", ROOMY, "nexus-torture", path])
            .then(|| Self(folder.to_owned()))
    }

    /// Leaves so many bytes of room.
    pub(super) fn leave(&self, bytes: u64) {
        let Some(used) = self.used() else { return };
        self.resize(&format!("size={}", used + bytes));
    }

    /// Makes room again.
    pub(super) fn free(&self) {
        self.resize(ROOMY);
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,{size}");
        run(&["mount", "-o", &options, &self.0.to_string_lossy()]);
    }

    fn used(&self) -> Option<u64> {
        df(&self.0, "used")
    }
}

/// The room on the disk of this folder, in MiB.
pub(super) fn free_mib(folder: &Path) -> Option<u64> {
    df(folder, "avail").map(|bytes| bytes >> 20)
}

fn df(folder: &Path, column: &str) -> Option<u64> {
    let asked = format!("--output={column}");
    let output = Command::new("df").args([&asked, "-B1"]).arg(folder).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().last()?.trim().parse().ok()
}

impl Drop for Disk {
    fn drop(&mut self) {
        run(&["umount", "-l", &self.0.to_string_lossy()]);
    }
}

fn run(words: &[&str]) -> bool {
    let status = Command::new(words[0])
        .args(&words[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
