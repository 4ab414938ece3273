//! Signals: runs that wait for one after the other, told by as many senders.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_engine::model::event::Actor;
use nexus_engine::model::plan::Plan;
use nexus_engine::{Handle, StartRequest};
use serde_json::json;

use super::chain::{completed, open_engine};
use super::definitions::{SIGNAL, told};
use super::lanes::lanes;
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
    let steps = options.steps;
    let lane = |_| {
        let (handle, plan) = (handle.clone(), Arc::clone(plan));
        move |_| {
            let (handle, plan) = (handle.clone(), Arc::clone(&plan));
            async move { tell(&handle, &plan, steps).await }
        }
    };
    lanes(options, time, lane).await
}

/// Starts a run, tells it all it waits for, and sees it end. Signals are the units; each is an operation.
pub(super) async fn tell(handle: &Handle, plan: &Arc<Plan>, signals: u32) -> Result<Done, Failure> {
    let mut done = Done { units: u64::from(signals), ..Done::default() };
    let started = handle.start(StartRequest::new(Arc::clone(plan))).await?;
    for at in 0..signals {
        let began = Instant::now();
        let by = Actor { name: "bench".into(), via: "api".into() };
        handle.signal(started.run, SIGNAL, &json!(at), &format!("signal-{at}"), by).await?;
        done.latencies.add(began.elapsed());
    }
    completed(&started.name, &handle.wait(started.run).await?)?;
    Ok(done)
}
