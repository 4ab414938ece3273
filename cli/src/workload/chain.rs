//! Whole runs: chains at some concurrency, one wide graph, any graph.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_definitions::shapes::{Shape, shape};
use nexus_engine::handler::{Data, Handler, HandlerFuture};
use nexus_engine::model::definition::Definition;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::{Config, Engine, Handle, StartRequest, StepCx};

use super::measure::{Latencies, Round, cpu_time, disk_bytes, spread};
use super::raw::raw_syncs_per_second;
use super::{Failure, Options, Report};

/// Bytes of the journal for one step that completes and the next that starts, alone in its group.
const STEP_BYTES: usize = 420;
/// How long the raw disk is measured each time.
const RAW_TIME: Duration = Duration::from_millis(400);

/// A handler that does nothing.
struct Nothing;

impl Handler for Nothing {
    fn call(&self, _cx: StepCx, _input: Data) -> HandlerFuture {
        Box::pin(std::future::ready(Ok(Data::null())))
    }
}

/// Opens an engine whose steps do nothing, on a store in `folder`.
///
/// # Errors
/// If the store cannot be opened.
pub fn open_engine(folder: &Path, concurrency: usize) -> Result<Engine, Failure> {
    let concurrency = u32::try_from(concurrency.max(256)).unwrap_or(u32::MAX);
    let config = Config { concurrency, ..Config::default() };
    Ok(Engine::builder()
        .config(config)
        .handler("simulate", Arc::new(Nothing))
        .open(folder.join("store"))?)
}

fn compile(definition: Definition) -> Result<Arc<Plan>, Failure> {
    let plan = Plan::compile(definition).map_err(|errors| format!("{errors:?}"))?;
    Ok(Arc::new(plan))
}

/// Runs of ten steps in a row, `concurrency` of them at a time.
///
/// The ratio is, alone: the time of 11 raw syncs over the time of a run (11 transitions); with others: steps a second over
/// raw syncs a second.
///
/// # Errors
/// If the store cannot be opened or a run does not complete.
pub async fn chain(options: &Options) -> Result<Report, Failure> {
    let plan = compile(shape(Shape::Chain, 10, 1))?;
    let engine = open_engine(&options.folder, options.concurrency)?;
    let mut rounds = Vec::new();
    let mut raw = vec![raw_syncs_per_second(&options.folder, STEP_BYTES, RAW_TIME)?];
    for _ in 0..options.rounds {
        rounds.push(round(engine.handle(), &plan, options).await?);
        raw.push(raw_syncs_per_second(&options.folder, STEP_BYTES, RAW_TIME)?);
    }
    let mut report = Round::report(&rounds, "chain".into(), "steps");
    report.concurrency = options.concurrency;
    report.raw_per_second = spread(&raw).1;
    (report.ratio_to_raw, report.ratio_means) = if options.concurrency == 1 {
        let raw_run_us = 11.0 / report.raw_per_second * 1e6;
        (report.p50_us / raw_run_us, "time of a run over the time of 11 raw syncs")
    } else {
        (report.per_second / report.raw_per_second, "steps a second over raw syncs a second")
    };
    engine.shutdown().await;
    report.disk_bytes = disk_bytes(&options.folder.join("store"));
    Ok(report)
}

async fn round(handle: &Handle, plan: &Arc<Plan>, options: &Options) -> Result<Round, Failure> {
    let (began, cpu) = (Instant::now(), cpu_time());
    let share = options.count / options.concurrency.max(1);
    let lane = |handle: Handle, plan: Arc<Plan>| async move {
        let mut latencies = Latencies::default();
        for _ in 0..share {
            let began = Instant::now();
            complete(&handle, &plan).await?;
            latencies.add(began.elapsed());
        }
        Ok::<_, Failure>(latencies)
    };
    let lanes: Vec<_> = (0..options.concurrency)
        .map(|_| tokio::spawn(lane(handle.clone(), Arc::clone(plan))))
        .collect();
    let mut latencies = Latencies::default();
    for lane in lanes {
        latencies.extend(&lane.await??);
    }
    let units = (share * options.concurrency) as u64 * u64::from(plan.step_count());
    Ok(Round { units, took: began.elapsed(), cpu: cpu_time().saturating_sub(cpu), latencies })
}

/// Starts a run and waits until it has completed.
///
/// # Errors
/// If it is refused or ends otherwise.
pub async fn complete(handle: &Handle, plan: &Arc<Plan>) -> Result<(), Failure> {
    let started = handle.start(StartRequest::new(Arc::clone(plan))).await?;
    match handle.wait(started.run).await? {
        RunStatus::Completed { .. } => Ok(()),
        other @ (RunStatus::Running
        | RunStatus::Failing { .. }
        | RunStatus::Cancelling { .. }
        | RunStatus::Failed { .. }
        | RunStatus::Cancelled { .. }) => {
            Err(format!("{} is {}", started.name, other.word()).into())
        }
    }
}

/// One run that fans out to `count` steps and joins.
///
/// # Errors
/// As [`chain`].
pub async fn fanout(options: &Options) -> Result<Report, Failure> {
    let width = u32::try_from(options.count).unwrap_or(u32::MAX);
    graph(options, "fanout", shape(Shape::ForkJoin, width, 1)).await
}

/// One run of any graph, `rounds` times.
///
/// # Errors
/// As [`chain`].
pub async fn graph(
    options: &Options,
    name: &str,
    definition: Definition,
) -> Result<Report, Failure> {
    let plan = compile(definition)?;
    let engine = open_engine(&options.folder, options.concurrency)?;
    let mut rounds = Vec::new();
    let mut raw = vec![raw_syncs_per_second(&options.folder, STEP_BYTES, RAW_TIME)?];
    for _ in 0..options.rounds {
        let (began, cpu) = (Instant::now(), cpu_time());
        complete(engine.handle(), &plan).await?;
        let mut latencies = Latencies::default();
        latencies.add(began.elapsed());
        let cpu = cpu_time().saturating_sub(cpu);
        rounds.push(Round {
            units: u64::from(plan.step_count()),
            took: began.elapsed(),
            cpu,
            latencies,
        });
        raw.push(raw_syncs_per_second(&options.folder, STEP_BYTES, RAW_TIME)?);
    }
    let mut report = Round::report(&rounds, name.into(), "steps");
    report.concurrency = options.concurrency;
    report.raw_per_second = spread(&raw).1;
    report.ratio_to_raw = report.per_second / report.raw_per_second;
    report.ratio_means = "steps a second over raw syncs a second";
    engine.shutdown().await;
    report.disk_bytes = disk_bytes(&options.folder.join("store"));
    Ok(report)
}
