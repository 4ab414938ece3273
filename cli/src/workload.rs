//! Workloads: real engines on real stores, measured together with the raw disk in the same run.
//!
//! Durability is on, results are checked, and only completed work counts.

mod append;
mod chain;
mod measure;
mod raw;
mod replay;
mod sleepers;

use std::path::PathBuf;

use serde::Serialize;

pub use append::{append, append_group, group_bytes, open_log};
pub use chain::{chain, complete, fanout, graph, open_engine};
pub use measure::{Latencies, rss_bytes};
pub use raw::{Raw, raw_syncs_per_second};
pub use replay::replay;
pub use sleepers::{Asleep, put_to_sleep, reopen};

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// An empty folder on the disk to be measured.
    pub folder: PathBuf,
    /// Runs, or submissions, under way at one time.
    pub concurrency: usize,
    /// How many runs, or submissions, in all.
    pub count: usize,
    /// Rounds; the raw disk is measured before, between and after them.
    pub rounds: usize,
}

/// What was measured. Medians over the rounds, with the smallest and largest.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// `bench/v1`.
    pub kind: &'static str,
    /// The workload.
    pub workload: String,
    /// Runs under way at one time.
    pub concurrency: usize,
    /// Rounds measured.
    pub rounds: usize,
    /// Units of work in a round: steps, records or events.
    pub units: u64,
    /// What a unit is.
    pub unit: &'static str,
    /// Units a second: median.
    pub per_second: f64,
    /// Units a second: slowest round.
    pub per_second_min: f64,
    /// Units a second: fastest round.
    pub per_second_max: f64,
    /// Time from start to end of a run, or of a submission: median, microseconds.
    pub p50_us: f64,
    /// The same, 99 of 100 were faster.
    pub p99_us: f64,
    /// The same, 999 of 1000 were faster.
    pub p999_us: f64,
    /// What the raw disk did in the same minute, in the unit of `ratio_to_raw`.
    pub raw_per_second: f64,
    /// The ratio to the raw disk, and what it compares.
    pub ratio_to_raw: f64,
    /// What the ratio compares, in words.
    pub ratio_means: &'static str,
    /// Resident memory of the process at the end, in bytes.
    pub rss_bytes: u64,
    /// Processor time per unit, user and system, in microseconds.
    pub cpu_us_per_unit: f64,
    /// Size of the store at the end, in bytes.
    pub disk_bytes: u64,
}

/// Why a workload could not be measured, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
