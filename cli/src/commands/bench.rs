//! `bench`: measures the engine on this disk, beside the raw disk in the same run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use nexus_cli::workload::{self, Failure, Options, Report};
use nexus_definitions::shapes::{Shape, shape};
use nexus_gateway::api::Problem;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output;

/// How long sleeping runs rest before memory is read.
const REST: Duration = Duration::from_mins(1);

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Runs of ten steps in a row.
    Chain,
    /// One run that fans out and joins.
    Fanout,
    /// One run of a random graph.
    Dag,
    /// One run of a long chain with side branches.
    Deep,
    /// The log alone, in groups of `--concurrency` transitions.
    Append,
    /// Replaying one long history.
    Replay,
    /// Runs that sleep for a day: time to start them, memory while they sleep, time to open the store with them.
    Sleepers,
}

/// Arguments of `bench`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  nexus-engine bench chain --concurrency 256
  nexus-engine bench append --concurrency 64 -o json")]
pub(crate) struct BenchArgs {
    /// What to measure.
    #[arg(value_enum)]
    pub(crate) workload: Workload,
    /// Runs under way at one time, or transitions in a group.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) concurrency: u32,
    /// Runs, steps, groups or sleepers in a round [default: depends on the workload].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) count: Option<u32>,
    /// Rounds; the raw disk is measured before, between and after them.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Folder on the disk to measure; what is written there is removed afterwards.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Opens a store of sleepers, in a process of its own.
    #[arg(long, hide = true)]
    pub(crate) reopen: Option<PathBuf>,
}

/// Measures.
pub(crate) fn run(context: &Context, args: &BenchArgs) -> Outcome {
    let measured = if let Some(store) = &args.reopen {
        context.block_on_two(workload::reopen(store, 0, REST)).map(|asleep| output::json(&asleep))
    } else {
        in_folder(&args.folder, |folder| measure(context, args, folder))
    };
    measured.map(|()| Code::Done).map_err(|error| {
        Problem::new(
            "NX6006",
            Code::Unreachable as u8,
            format!("the workload could not be measured: {error}"),
        )
        .hint("--folder names a folder on the disk to measure, with room for the store")
    })
}

/// Makes a folder for the time of the measurement.
fn in_folder(
    parent: &Path,
    measure: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let folder = parent.join(format!(".nexus-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(context: &Context, args: &BenchArgs, folder: &Path) -> Result<(), Failure> {
    let concurrency = usize::try_from(args.concurrency)?;
    let count = args.count.map_or_else(|| default_count(args), |count| count as usize);
    let options =
        Options { folder: folder.to_owned(), concurrency, count, rounds: args.rounds as usize };
    let size = u32::try_from(count)?;
    let report = match args.workload {
        Workload::Sleepers => return sleepers(context, folder, count),
        Workload::Append => workload::append(&options)?,
        Workload::Chain => context.block_on_two(workload::chain(&options))?,
        Workload::Fanout => context.block_on_two(workload::fanout(&options))?,
        Workload::Replay => context.block_on_two(workload::replay(&options))?,
        Workload::Dag => context.block_on_two(workload::graph(
            &options,
            "dag",
            shape(Shape::RandomDag, size, 1),
        ))?,
        Workload::Deep => {
            context.block_on_two(workload::graph(&options, "deep", shape(Shape::Deep, size, 1)))?
        }
    };
    show(&report);
    Ok(())
}

fn default_count(args: &BenchArgs) -> usize {
    match args.workload {
        Workload::Chain => (args.concurrency as usize * 40).max(300),
        Workload::Fanout => 1_000,
        Workload::Dag | Workload::Deep => 10_000,
        Workload::Append => 200,
        Workload::Replay | Workload::Sleepers => 100_000,
    }
}

fn show(report: &Report) {
    if output::format().is_json() {
        output::json(report);
        return;
    }
    let Report {
        workload,
        concurrency,
        unit,
        rounds,
        per_second,
        per_second_min,
        per_second_max,
        ..
    } = report;
    output::line(format!(
        "{workload} at {concurrency}: {per_second:.0} {unit}/s (median of {rounds}, {per_second_min:.0} to {per_second_max:.0})"
    ));
    output::line(format!(
        "  took     p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us",
        report.p50_us, report.p99_us, report.p999_us
    ));
    if report.raw_per_second > 0.0 {
        output::line(format!("  raw disk {:.0}/s in the same run", report.raw_per_second));
        output::line(format!("  ratio    {:.2}  {}", report.ratio_to_raw, report.ratio_means));
    }
    output::line(format!(
        "  cost     {:.1} us of processor time per unit, {:.1} MB resident, {:.1} MB on disk",
        report.cpu_us_per_unit,
        megabytes(report.rss_bytes),
        megabytes(report.disk_bytes),
    ));
}

/// Puts runs to sleep, and opens the store with them in a process of its own.
fn sleepers(context: &Context, folder: &Path, count: usize) -> Result<(), Failure> {
    let asleep = context.block_on_two(workload::put_to_sleep(folder, count, REST))?;
    let again = std::process::Command::new(std::env::current_exe()?)
        .args(["-o", "json", "bench", "sleepers", "--reopen"])
        .arg(folder)
        .output()?;
    let reopened: serde_json::Value = serde_json::from_slice(&again.stdout)?;
    if output::format().is_json() {
        output::json(
            &json!({ "kind": "bench/v1", "workload": "sleepers", "started": asleep, "reopened": reopened }),
        );
        return Ok(());
    }
    output::line(format!(
        "{count} runs asleep: started in {} ms, {:.1} MB resident a minute later, {:.1} MB on disk",
        asleep.took_ms,
        megabytes(asleep.rss_bytes),
        megabytes(asleep.disk_bytes),
    ));
    output::line(format!(
        "opened again in {} ms, {:.1} MB resident a minute later",
        reopened["took_ms"],
        megabytes(reopened["rss_bytes"].as_u64().unwrap_or(0)),
    ));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes are shown with one digit")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
