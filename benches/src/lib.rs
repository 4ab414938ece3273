//! What the benchmarks share: a runtime and a folder on the disk to be measured.
//!
//! The workloads themselves are those of `nexus-engine bench`, which prints ratios to the raw disk; these benchmarks follow
//! parts of them over time.

use std::path::PathBuf;

use tokio::runtime::Runtime;

/// A runtime with two threads, as the command line uses.
///
/// # Panics
/// If the system has no room for two threads.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("room for two threads")
}

/// A temporary folder on the disk to be measured: in `NEXUS_BENCH_FOLDER`, or in `target`.
///
/// # Panics
/// If it cannot be made.
pub fn folder() -> tempfile::TempDir {
    let base = std::env::var_os("NEXUS_BENCH_FOLDER").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench-stores")),
        PathBuf::from,
    );
    std::fs::create_dir_all(&base).expect("a folder for the benchmark");
    tempfile::tempdir_in(base).expect("a temporary folder")
}

/// Memory of this process in MiB as Linux counts it: `VmRSS` is what is in use, `VmHWM` the most that ever was. 0 elsewhere.
#[must_use]
pub fn memory_mib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
