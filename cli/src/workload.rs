//! Workloads: real engines on real stores, measured together with the disk in the same run.
//!
//! Invariants:
//! * Durability is on, results are checked, and only completed work counts.
//! * After each round the same bytes are written again, in groups of the same size: raw, and by bare fjall. Ratios are of such pairs.
//! * The same options give the same work: seeds are fixed.

mod allocations;
mod append;
mod bare;
mod chain;
mod definitions;
mod gauges;
mod graphs;
mod groups;
mod history;
mod ladder;
mod lanes;
mod latencies;
mod meter;
mod mixed;
mod process;
mod raw;
mod recovery;
mod replay;
mod report;
mod signals;
mod sleepers;

use std::path::PathBuf;
use std::time::Duration;

pub use append::{append, append_group, group_bytes, open_log};
pub use chain::{chain, complete, open_engine};
pub use graphs::{Graph, graph};
pub use history::history;
pub use ladder::ladder;
pub use mixed::mixed;
pub use process::Part;
pub use raw::Raw;
pub use recovery::recovery;
pub use replay::replay;
pub use report::Report;
pub use signals::signals;
pub use sleepers::sleepers;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// An empty folder on the disk to be measured.
    pub folder: PathBuf,
    /// Runs under way at one time, transitions in a group, or runs that may be open.
    pub concurrency: usize,
    /// How long a round, or a rest, takes.
    pub time: Duration,
    /// How many runs: in a round, instead of as many as there is time for; or that are open or asleep.
    pub runs: Option<usize>,
    /// Steps of a run, or its rounds.
    pub steps: u32,
    /// Rounds.
    pub rounds: usize,
}

/// Why a workload could not be measured, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Carries out a part of a workload in this process, which was made for it.
///
/// # Errors
/// If the store cannot be opened, or what was to be done could not be.
pub async fn part(part: Part, options: &Options) -> Result<(), Failure> {
    match part {
        Part::Fill => recovery::fill(options).await,
        Part::TakeUp => recovery::take_up(options).await,
        Part::Sleep => sleepers::sleep(options).await,
        Part::Rest => sleepers::rest(options).await,
    }
}

/// A count as a number with a fraction.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
