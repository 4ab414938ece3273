//! What the system says of this process and of its files.

use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::allocations::allocations;

/// What this process has used since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Processor time of all threads, user and system.
    pub(super) cpu: Duration,
    /// Bytes handed to the system to be written.
    pub(super) written: u64,
    /// Bytes that went to the device: whole pages.
    pub(super) device: u64,
    /// Allocations, if they are counted.
    pub(super) allocations: Option<u64>,
}

impl Usage {
    /// What was used until now.
    pub(super) fn now() -> Self {
        let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
        let field = |name| after(&io, name).and_then(|rest| rest.parse().ok()).unwrap_or(0);
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let (seconds, nanos) = (u64::try_from(cpu.tv_sec), u32::try_from(cpu.tv_nsec));
        Self {
            cpu: Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0)),
            written: field("wchar:"),
            device: field("write_bytes:"),
            allocations: allocations(),
        }
    }

    /// What was used since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            written: self.written.saturating_sub(earlier.written),
            device: self.device.saturating_sub(earlier.device),
            allocations: self.allocations.zip(earlier.allocations).map(|(now, then)| now - then),
        }
    }

    /// Adds what was used elsewhere.
    pub(super) fn add(&mut self, other: &Self) {
        self.cpu += other.cpu;
        self.written += other.written;
        self.device += other.device;
        let sum = self.allocations.unwrap_or(0) + other.allocations.unwrap_or(0);
        self.allocations = other.allocations.map(|_| sum);
    }
}

/// Resident memory of this process, in bytes.
pub(super) fn rss_bytes() -> u64 {
    memory("VmRSS:")
}

/// The most resident memory this process ever had, in bytes.
pub(super) fn rss_peak_bytes() -> u64 {
    memory("VmHWM:")
}

fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = after(&status, name).and_then(|rest| rest.trim_end_matches(" kB").parse().ok());
    kib.unwrap_or(0_u64) * 1024
}

/// What stands behind a name at the beginning of a line.
fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// Size of a folder with everything in it that `counts`, in bytes as allocated on disk.
pub(super) fn disk_bytes(folder: &Path, counts: fn(&Path) -> bool) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => disk_bytes(&entry.path(), counts),
        Ok(data) if counts(&entry.path()) => data.blocks() * 512,
        Ok(_) | Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_seen() {
        let before = Usage::now();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a"), vec![7; 100_000]).expect("it can be written");
        std::fs::write(folder.path().join("b.jnl"), vec![7; 100_000]).expect("it can be written");
        let used = Usage::now().since(&before);
        assert!(used.written >= 200_000, "{used:?}");
        assert!(used.cpu > Duration::ZERO, "{used:?}");
        let all = disk_bytes(folder.path(), |_| true);
        let some = disk_bytes(folder.path(), |path| path.extension().is_none());
        assert!(all >= 200_000 && some >= 100_000 && some < all, "{all} {some}");
        assert!(rss_bytes() > 0 && rss_peak_bytes() >= rss_bytes() / 2);
    }
}
