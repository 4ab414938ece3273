//! Runs of steps in a row, some of them at a time.

use std::path::Path;
use std::sync::Arc;

use nexus_definitions::shapes::Shape;
use nexus_engine::handler::{Data, Handler, HandlerFuture};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::{Config, Engine, Handle, StartRequest, StepCx};

use super::definitions::{chain_with_sets, made};
use super::lanes::runs_of;
use super::meter::Meter;
use super::{Failure, Options, Report, float};

/// Runs whose syncs are counted one by one.
const COUNTED: u64 = 20;

/// A handler that does nothing.
pub(super) struct Nothing;

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
    let config = Config { concurrency: at_least_256(concurrency), ..Config::default() };
    Ok(Engine::builder()
        .config(config)
        .handler("simulate", Arc::new(Nothing))
        .open(folder.join("store"))?)
}

/// Attempts under way at one time: the default, or as many as there are runs.
pub(super) fn at_least_256(concurrency: usize) -> u32 {
    u32::try_from(concurrency.max(256)).unwrap_or(u32::MAX)
}

/// Runs of some steps in a row, `concurrency` of them at a time.
///
/// # Errors
/// If the store cannot be opened or a run does not complete.
pub async fn chain(options: &Options) -> Result<Report, Failure> {
    let plan = made(Shape::Chain, options.steps)?;
    let mut meter = Meter::new(options)?;
    let engine = meter.open(|| open_engine(&options.folder, options.concurrency))?;
    let handle = engine.handle();
    meter.warm(runs_of(handle, &plan, options, options.time / 4)).await?;
    for _ in 0..options.rounds {
        meter.round(runs_of(handle, &plan, options, options.time)).await?;
    }
    let alone = syncs_of_a_run(&meter, handle, &plan).await?;
    let with_sets = chain_with_sets(options.steps)?;
    let with_sets = syncs_of_a_run(&meter, handle, &with_sets).await?;
    engine.shutdown().await;
    // A run of steps, and one of as many with a pure step after each.
    meter.besides(COUNTED * 3 * u64::from(options.steps));
    let mut report = meter.report("chain", "steps")?;
    report.latency_of = "run";
    report.also("syncs_per_run_alone", alone);
    report.also("syncs_per_run_alone_with_sets", with_sets);
    report.said.push(format!(
        "alone    {alone:.1} syncs a run of {} steps, {with_sets:.1} with a pure step after each",
        options.steps
    ));
    if options.concurrency == 1 {
        let syncs = f64::from(options.steps) + 1.0;
        let ratio = report.p50_us / (syncs * report.raw_sync_us);
        report.also("p50_in_raw_syncs", ratio * syncs);
        report.also("p50_to_raw_syncs", ratio);
        report.said.push(format!("alone    p50 is {ratio:.2} times {syncs:.0} raw syncs"));
    }
    Ok(report)
}

async fn syncs_of_a_run(meter: &Meter, handle: &Handle, plan: &Arc<Plan>) -> Result<f64, Failure> {
    let before = meter.groups();
    for _ in 0..COUNTED {
        complete(handle, plan).await?;
    }
    Ok(float(meter.groups().since(&before).groups()) / float(COUNTED))
}

/// Starts a run and waits until it has completed.
///
/// # Errors
/// If it is refused or ends otherwise.
pub async fn complete(handle: &Handle, plan: &Arc<Plan>) -> Result<(), Failure> {
    let started = handle.start(StartRequest::new(Arc::clone(plan))).await?;
    completed(&started.name, &handle.wait(started.run).await?)
}

/// Says whether a run has completed.
pub(super) fn completed(name: &str, status: &RunStatus) -> Result<(), Failure> {
    match status {
        RunStatus::Completed { .. } => Ok(()),
        RunStatus::Running
        | RunStatus::Failing { .. }
        | RunStatus::Cancelling { .. }
        | RunStatus::Failed { .. }
        | RunStatus::Cancelled { .. } => Err(format!("{name} is {}", status.word()).into()),
    }
}
