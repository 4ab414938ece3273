//! Sleepers: runs that wait for a day, and what they cost while they do, in a process that started them and in those that open
//! the store with them.

use std::process::Command;
use std::time::Duration;

use nexus_engine::Engine;
use serde_json::{Value, json};

use super::definitions::sleeper;
use super::gauges::{disk_bytes, rss_bytes};
use super::lanes::start_runs;
use super::latencies::Spread;
use super::process::{Ending, Part, Process, say, told_to_end};
use super::report::Report;
use super::{Failure, Options};

/// Sleepers, unless it is said how many.
pub(super) const RUNS: usize = 100_000;

/// What one process says of itself.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Until all were started, or the store was open, since the process began, in milliseconds.
    ready_ms: f64,
    start_p99_us: f64,
    rss: f64,
    disk: f64,
}

/// Puts runs to sleep and opens the store with them, in each round once after a clean end and once after `kill -9`; and a store
/// without any. Each process rests for `time` before its memory is read.
///
/// # Errors
/// If a process fails, or a run is lost.
pub fn sleepers(
    options: &Options,
    process: &dyn Fn(Part, &Options) -> Result<Command, Failure>,
) -> Result<(Value, Vec<String>), Failure> {
    let (mut started, mut clean, mut killed, mut empty) = (vec![], vec![], vec![], vec![]);
    for at in 0..options.rounds {
        let folder = |name: &str| {
            let folder = options.folder.join(format!("{at}-{name}"));
            std::fs::create_dir_all(&folder)?;
            Ok::<_, Failure>(Options { folder, ..options.clone() })
        };
        let of = folder("clean")?;
        started.push(once(Part::Sleep, &of, process, Ending::Clean)?);
        clean.push(once(Part::Rest, &of, process, Ending::Clean)?);
        std::fs::remove_dir_all(&of.folder)?;
        let of = folder("killed")?;
        // The rest was measured with the other one.
        let no_rest = Options { time: Duration::ZERO, ..of.clone() };
        once(Part::Sleep, &no_rest, process, Ending::Killed)?;
        killed.push(once(Part::Rest, &of, process, Ending::Clean)?);
        std::fs::remove_dir_all(&of.folder)?;
        let of = Options { runs: Some(0), ..folder("empty")? };
        once(Part::Sleep, &Options { time: Duration::ZERO, ..of.clone() }, process, Ending::Clean)?;
        empty.push(once(Part::Rest, &of, process, Ending::Clean)?);
        std::fs::remove_dir_all(&of.folder)?;
    }
    let runs = options.runs.unwrap_or(RUNS);
    Ok(report(
        runs,
        options.rounds,
        &[("started", started), ("clean", clean), ("killed", killed), ("empty", empty)],
    ))
}

fn report(runs: usize, rounds: usize, parts: &[(&str, Vec<Seen>); 4]) -> (Value, Vec<String>) {
    let mut more = json!({ "runs": runs, "rounds": rounds });
    let mut lines = vec![format!("{runs} runs asleep, {rounds} rounds")];
    let [.., (_, empty)] = parts;
    let empty = Spread::of(empty.iter().map(|seen| seen.rss)).median;
    for (name, seen) in parts {
        let of = |of: fn(&Seen) -> f64| Spread::of(seen.iter().map(of));
        let (ready, rss) = (of(|seen| seen.ready_ms), of(|seen| seen.rss));
        more[name] = json!({
            "ready_ms": ready.median, "ready_min_ms": ready.min, "ready_max_ms": ready.max,
            "rss_bytes": rss.median, "rss_over_empty_bytes": rss.median - empty,
            "disk_bytes": of(|seen| seen.disk).median,
            "start_p99_us": of(|seen| seen.start_p99_us).median,
        });
        let words = match *name {
            "started" => "started in",
            "clean" => "opened after a clean end in",
            "killed" => "opened after kill -9 in",
            _ => "an empty store opened in",
        };
        lines.push(format!(
            "  {words} {:.0} ms ({:.0} to {:.0}); after a rest {:.1} MB resident ({:.1} to {:.1}), {:+.1} MB over an empty store; {:.1} MB on disk",
            ready.median, ready.min, ready.max, rss.median / 1e6, rss.min / 1e6, rss.max / 1e6,
            (rss.median - empty) / 1e6, of(|seen| seen.disk).median / 1e6,
        ));
    }
    (Report::apart("sleepers", more), lines)
}

fn once(
    part: Part,
    options: &Options,
    process: &dyn Fn(Part, &Options) -> Result<Command, Failure>,
    ending: Ending,
) -> Result<Seen, Failure> {
    let mut process = Process::start(process(part, options)?)?;
    let ready_ms = process.hear("ready")?.0.as_secs_f64() * 1e3;
    let start_p99_us = super::float(process.hear("p99")?.1) / 1e3;
    let rss = super::float(process.hear("rss")?.1);
    process.end(ending)?;
    let disk = super::float(disk_bytes(&options.folder, |_| true));
    Ok(Seen { ready_ms, start_p99_us, rss, disk })
}

/// Starts the runs, rests, and says what it has.
pub(super) async fn sleep(options: &Options) -> Result<(), Failure> {
    let plan = sleeper("1d")?;
    let runs = options.runs.unwrap_or(RUNS);
    let engine = Engine::builder().open(options.folder.join("store"))?;
    let mut latencies = start_runs(engine.handle(), &plan, runs, options).await?;
    say("ready", 0)?;
    let p99 = Duration::from_secs_f64(latencies.at_us(990) / 1e6);
    drop(latencies);
    rested(options, p99).await?;
    engine.shutdown().await;
    Ok(())
}

/// Opens the store, sees that all are there, rests, and says what it has.
pub(super) async fn rest(options: &Options) -> Result<(), Failure> {
    let engine = Engine::builder().open(options.folder.join("store"))?;
    say("ready", 0)?;
    let seen = engine.handle().views().ok_or("there are no views")?.metrics()?.total;
    let runs = options.runs.unwrap_or(RUNS) as u64;
    if seen.runs_started != runs || seen.runs_completed != 0 {
        return Err(format!("of {runs} sleepers {} are there", seen.runs_started).into());
    }
    rested(options, Duration::ZERO).await?;
    engine.shutdown().await;
    Ok(())
}

async fn rested(options: &Options, p99: Duration) -> Result<(), Failure> {
    tokio::time::sleep(options.time).await;
    say("p99", u64::try_from(p99.as_nanos())?)?;
    say("rss", rss_bytes())?;
    told_to_end().await
}
