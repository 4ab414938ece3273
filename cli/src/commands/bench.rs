//! `bench`: measures the engine on this disk, beside the raw disk and bare fjall in the same run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::{Args, ValueEnum};
use nexus_cli::workload::{self, Failure, Graph, Options, Part, Report};
use nexus_gateway::api::Problem;
use serde_json::Value;

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Runs of `--steps` steps in a row.
    Chain,
    /// One run that fans out to `--steps` steps and joins.
    Fanout,
    /// One run of a long chain with side branches.
    Deep,
    /// One run of a random graph.
    Dag,
    /// Runs that are told one signal after the other.
    Signals,
    /// Runs of many kinds at once.
    Mixed,
    /// Runs that come at a rising rate, up to twice what can be done.
    Ladder,
    /// One run with a step that is repeated very often.
    History,
    /// Replaying one long history, and short ones.
    Replay,
    /// Very many open runs, and how long a new process needs until they go on.
    Recovery,
    /// Runs that sleep for a day: memory while they do, time to open the store with them.
    Sleepers,
    /// The log alone, in groups of `--concurrency` transitions.
    Append,
}

/// A part of a workload, in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartName {
    Fill,
    TakeUp,
    Sleep,
    Rest,
}

/// Arguments of `bench`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  nexus-engine bench chain --concurrency 256
  nexus-engine bench dag --steps 100000
  nexus-engine bench append --concurrency 64 -o json")]
pub(crate) struct BenchArgs {
    /// What to measure.
    #[arg(value_enum)]
    pub(crate) workload: Workload,
    /// Runs under way at one time; for `append` transitions in a group, for `ladder` runs that may be open [default: depends on
    /// the workload].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) concurrency: Option<u32>,
    /// How long a round takes, or a rest [default: depends on the workload].
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub(crate) seconds: Option<u32>,
    /// Runs in a round, instead of as many as there is time for; runs that are open or asleep.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub(crate) runs: Option<u32>,
    /// Steps of a run, or how often its step is repeated [default: depends on the workload].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) steps: Option<u32>,
    /// Rounds; the disk is measured after each.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Folder on the disk to measure; what is written there is removed afterwards.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Carries out a part of the workload on a store in `--folder`.
    #[arg(long, hide = true, value_enum)]
    pub(crate) part: Option<PartName>,
}

/// Measures.
pub(crate) fn run(context: &Context, args: &BenchArgs) -> Outcome {
    let measured = match args.part {
        Some(part) => {
            context.block_on_two(workload::part(part.into(), &options(args, &args.folder)))
        }
        None => in_folder(&args.folder, |folder| measure(context, args, folder)),
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
    let removed = std::fs::remove_dir_all(&folder)
        .map_err(|error| format!("{} cannot be removed: {error}", folder.display()).into());
    // What went wrong first is why the rest did.
    measured.and(removed)
}

fn measure(context: &Context, args: &BenchArgs, folder: &Path) -> Result<(), Failure> {
    let options = options(args, folder);
    let part = |part: Part, options: &Options| process(args, part, options);
    let report = match args.workload {
        Workload::Recovery => return show_values(workload::recovery(&options, &part)?),
        Workload::Sleepers => return show_values(workload::sleepers(&options, &part)?),
        Workload::Append => context.block_on_two(workload::append(&options)),
        Workload::Chain => context.block_on_two(workload::chain(&options)),
        Workload::Signals => context.block_on_two(workload::signals(&options)),
        Workload::Mixed => context.block_on_two(workload::mixed(&options)),
        Workload::Ladder => context.block_on_two(workload::ladder(&options)),
        Workload::History => context.block_on_two(workload::history(&options)),
        Workload::Replay => context.block_on_two(workload::replay(&options)),
        Workload::Fanout => context.block_on_two(workload::graph(&options, Graph::Fanout)),
        Workload::Dag => context.block_on_two(workload::graph(&options, Graph::Dag)),
        Workload::Deep => context.block_on_two(workload::graph(&options, Graph::Deep)),
    };
    show(&report?);
    Ok(())
}

fn options(args: &BenchArgs, folder: &Path) -> Options {
    let usual = usual(args.workload);
    Options {
        folder: folder.to_owned(),
        concurrency: args.concurrency.unwrap_or(usual.concurrency) as usize,
        time: Duration::from_secs(args.seconds.unwrap_or(usual.seconds).into()),
        runs: args.runs.map(|runs| runs as usize),
        steps: args.steps.unwrap_or(usual.steps),
        rounds: args.rounds as usize,
    }
}

/// What a workload does unless it is told otherwise.
struct Usual {
    concurrency: u32,
    seconds: u32,
    steps: u32,
}

fn usual(workload: Workload) -> Usual {
    let (concurrency, seconds, steps) = match workload {
        Workload::Chain => (1, 2, 10),
        Workload::Signals => (64, 2, 10),
        Workload::Mixed => (64, 3, 10),
        Workload::Ladder => (1_024, 2, 10),
        Workload::Append => (64, 1, 1),
        Workload::Fanout => (1, 0, 1_000),
        Workload::Deep => (1, 0, 25_000),
        Workload::History => (1, 5, 333_333),
        Workload::Dag | Workload::Replay => (1, 0, 100_000),
        Workload::Recovery => (1, 0, 3),
        Workload::Sleepers => (1, 60, 1),
    };
    Usual { concurrency, seconds, steps }
}

/// A process for a part of a workload.
fn process(args: &BenchArgs, part: Part, options: &Options) -> Result<Command, Failure> {
    let workload = args.workload.to_possible_value().ok_or("a workload has a name")?;
    let part = PartName::from(part).to_possible_value().ok_or("a part has a name")?;
    let mut process = Command::new(std::env::current_exe()?);
    process.args(["bench", workload.get_name(), "--part", part.get_name(), "--seconds"]);
    process.arg(options.time.as_secs().to_string());
    if let Some(runs) = options.runs {
        process.args(["--runs", &runs.to_string()]);
    }
    process.arg("--folder").arg(&options.folder);
    Ok(process)
}

impl From<PartName> for Part {
    fn from(name: PartName) -> Self {
        match name {
            PartName::Fill => Self::Fill,
            PartName::TakeUp => Self::TakeUp,
            PartName::Sleep => Self::Sleep,
            PartName::Rest => Self::Rest,
        }
    }
}

impl From<Part> for PartName {
    fn from(part: Part) -> Self {
        match part {
            Part::Fill => Self::Fill,
            Part::TakeUp => Self::TakeUp,
            Part::Sleep => Self::Sleep,
            Part::Rest => Self::Rest,
        }
    }
}

fn show(report: &Report) {
    if output::format().is_json() {
        output::json(report);
    } else {
        report.lines().into_iter().for_each(output::line);
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it ends the arms of a match")]
fn show_values((values, lines): (Value, Vec<String>)) -> Result<(), Failure> {
    if output::format().is_json() {
        output::json(&values);
    } else {
        lines.into_iter().for_each(output::line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_measured_is_said_before_what_could_not_be_removed() {
        let parent = tempfile::tempdir().expect("a folder");
        let gone = |folder: &Path| std::fs::remove_dir_all(folder).expect("it is there");
        let only = in_folder(parent.path(), |folder| {
            gone(folder);
            Ok(())
        });
        assert!(only.expect_err("it is gone").to_string().contains("cannot be removed"));
        let both = in_folder(parent.path(), |folder| {
            gone(folder);
            Err("no run completed".into())
        });
        assert_eq!(both.expect_err("nothing was measured").to_string(), "no run completed");
    }
}
