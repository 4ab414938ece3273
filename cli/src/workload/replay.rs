//! Replay: events a second of a long history and of short ones, from the log on disk with all checks; and of the fold alone.

use std::sync::Arc;
use std::time::Instant;

use nexus_definitions::shapes::Shape;
use nexus_engine::model::evolve::evolve;
use nexus_engine::model::id::RunId;
use nexus_engine::model::run::Run;
use nexus_engine::{Engine, Recorded, StartRequest};

use super::chain::{complete, open_engine};
use super::definitions::made;
use super::latencies::{Latencies, Spread};
use super::meter::{Done, Meter};
use super::{Failure, Options, Report, float};

/// How many events of a history are read at a time.
const PAGE: usize = 65_536;
/// Short runs that are replayed.
const SHORT_RUNS: u32 = 2_000;
/// Steps of a short run.
const SHORT_STEPS: u32 = 10;

/// Makes one run of `steps` steps and replays it from the disk in each round; beside it the fold of its events in memory, and
/// short runs, of which there are `runs`.
///
/// # Errors
/// If the store cannot be opened, a run does not complete, or a replay differs.
pub async fn replay(options: &Options) -> Result<Report, Failure> {
    let plan = made(Shape::WideFanIn, options.steps)?;
    let mut meter = Meter::new(options)?;
    let engine = meter.open(|| open_engine(&options.folder, options.concurrency))?;
    let started = engine.handle().start(StartRequest::new(Arc::clone(&plan))).await?;
    engine.handle().wait(started.run).await?;
    let short = short_runs(&engine, options).await?;
    let events = read(&engine, started.run).await?;
    let mut held = events.len() as u64;
    for run in &short {
        held += u64::from(replayed(&engine, *run).await?);
    }
    meter.only_reads(held);
    let (mut folds, mut short_rates) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        meter.round(deep(&engine, started.run)).await?;
        let began = Instant::now();
        let mut run = Run::new(&plan);
        for recorded in &events {
            evolve(&plan, &mut run, &recorded.event, recorded.time);
        }
        folds.push(float(events.len() as u64) / began.elapsed().as_secs_f64());
        if !run.status.is_terminal() {
            return Err("the fold has not ended".into());
        }
        let began = Instant::now();
        for run in &short {
            replayed(&engine, *run).await?;
        }
        short_rates.push(float(short.len() as u64) / began.elapsed().as_secs_f64());
    }
    engine.shutdown().await;
    let (fold, short_rate) = (Spread::of(folds), Spread::of(short_rates));
    let mut report = meter.report("replay", "events")?;
    report.latency_of = "replay";
    report.also("fold_events_per_second", fold.median);
    report.also("fold_events_per_second_min", fold.min);
    report.also("fold_events_per_second_max", fold.max);
    report.also("short_runs_per_second", short_rate.median);
    report.also("short_runs_per_second_min", short_rate.min);
    report.also("short_runs_per_second_max", short_rate.max);
    report.said.push(format!(
        "fold     {:.0} events/s decoded, in memory ({:.0} to {:.0})",
        fold.median, fold.min, fold.max
    ));
    report.said.push(format!(
        "short    {:.0} runs/s of {SHORT_STEPS} steps ({:.0} to {:.0})",
        short_rate.median, short_rate.min, short_rate.max
    ));
    Ok(report)
}

async fn short_runs(engine: &Engine, options: &Options) -> Result<Vec<RunId>, Failure> {
    let plan = made(Shape::Chain, SHORT_STEPS)?;
    let count = options.runs.unwrap_or(SHORT_RUNS as usize);
    let mut runs = Vec::with_capacity(count);
    complete(engine.handle(), &plan).await?;
    while runs.len() < count {
        let group = (count - runs.len()).min(256);
        let mut begun = Vec::with_capacity(group);
        for _ in 0..group {
            begun.push(engine.handle().start(StartRequest::new(Arc::clone(&plan))).await?.run);
        }
        for run in begun {
            engine.handle().wait(run).await?;
            runs.push(run);
        }
    }
    Ok(runs)
}

async fn read(engine: &Engine, run: RunId) -> Result<Vec<Recorded>, Failure> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let from = events.last().map_or(0, |last| last.revision + 1);
        let page = engine.handle().history(run, from, PAGE).await?;
        if page.is_empty() {
            return Ok(events);
        }
        events.extend(page);
    }
}

async fn deep(engine: &Engine, run: RunId) -> Result<Done, Failure> {
    let began = Instant::now();
    let events = replayed(engine, run).await?;
    let mut latencies = Latencies::default();
    latencies.add(began.elapsed());
    Ok(Done { units: u64::from(events), latencies, took: Some(began.elapsed()) })
}

async fn replayed(engine: &Engine, run: RunId) -> Result<u32, Failure> {
    let replay = engine.handle().replay(run, None).await?;
    if replay.agrees() { Ok(replay.events) } else { Err("the replay differs".into()) }
}
