//! Signals: runs that wait for one after the other, told by as many senders.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_engine::model::event::Actor;
use nexus_engine::model::plan::Plan;
use nexus_engine::{Handle, StartRequest};
use serde_json::json;
use tokio::task::JoinSet;

use super::chain::{completed, open_engine, share};
use super::definitions::{SIGNAL, told};
use super::latencies::Latencies;
use super::meter::{Done, Meter};
use super::{Failure, Options, Report};

/// `concurrency` runs at a time, each told `steps` signals one after the other; a signal counts when it is durable and its step done.
///
/// # Errors
/// If the store cannot be opened, a signal is refused, or a run does not complete.
pub async fn signals(options: &Options) -> Result<Report, Failure> {
    let plan = told(options.steps)?;
    let mut meter = Meter::new(options)?;
    let engine = meter.open(|| open_engine(&options.folder, options.concurrency))?;
    meter.warm(round(engine.handle(), &plan, options, options.time / 4)).await?;
    for _ in 0..options.rounds {
        meter.round(round(engine.handle(), &plan, options, options.time)).await?;
    }
    engine.shutdown().await;
    let mut report = meter.report("signals", "signals")?;
    report.latency_of = "signal";
    Ok(report)
}

async fn round(
    handle: &Handle,
    plan: &Arc<Plan>,
    options: &Options,
    time: Duration,
) -> Result<Done, Failure> {
    let until = Instant::now() + time;
    let mut lanes = JoinSet::new();
    for at in 0..options.concurrency {
        let (handle, plan, steps) = (handle.clone(), Arc::clone(plan), options.steps);
        let runs = options.runs.map(|runs| share(runs, at, options.concurrency));
        lanes.spawn(async move {
            let (mut done, mut count) = (Done::default(), 0);
            while runs.map_or_else(|| Instant::now() < until, |runs| count < runs) {
                tell(&handle, &plan, steps, &mut done.latencies).await?;
                done.units += u64::from(steps);
                count += 1;
            }
            Ok::<_, Failure>(done)
        });
    }
    let mut all = Done::default();
    while let Some(done) = lanes.join_next().await {
        let done = done??;
        all.units += done.units;
        all.latencies.extend(&done.latencies);
    }
    Ok(all)
}

/// Starts a run, tells it all it waits for, and sees it end.
pub(super) async fn tell(
    handle: &Handle,
    plan: &Arc<Plan>,
    signals: u32,
    latencies: &mut Latencies,
) -> Result<(), Failure> {
    let started = handle.start(StartRequest::new(Arc::clone(plan))).await?;
    for at in 0..signals {
        let began = Instant::now();
        let by = Actor { name: "bench".into(), via: "api".into() };
        handle.signal(started.run, SIGNAL, &json!(at), &format!("signal-{at}"), by).await?;
        latencies.add(began.elapsed());
    }
    completed(&started.name, &handle.wait(started.run).await?)
}
