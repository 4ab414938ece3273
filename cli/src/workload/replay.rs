//! Replay: events a second of a long history, from the log on disk.

use std::sync::Arc;
use std::time::Instant;

use nexus_definitions::shapes::{Shape, shape};
use nexus_engine::handler::{Data, handler_fn};
use nexus_engine::model::plan::Plan;
use nexus_engine::{Engine, StartRequest, StepCx, StepResult};
use serde_json::Value;

use super::measure::{Latencies, Round, cpu_time, disk_bytes};
use super::{Failure, Options, Report};

async fn nothing(_: StepCx, _: Value) -> StepResult<()> {
    let _: Data = Data::null();
    Ok(())
}

/// Makes one run of `count` steps that one more step waits for, and replays it `rounds` times.
///
/// # Errors
/// If the store cannot be opened, the run does not complete, or a replay differs.
pub async fn replay(options: &Options) -> Result<Report, Failure> {
    let steps = u32::try_from(options.count).unwrap_or(u32::MAX);
    let plan =
        Plan::compile(shape(Shape::WideFanIn, steps, 1)).map_err(|errors| format!("{errors:?}"))?;
    let engine = Engine::builder()
        .handler("simulate", handler_fn(nothing))
        .open(options.folder.join("store"))?;
    let started = engine.handle().start(StartRequest::new(Arc::new(plan))).await?;
    engine.handle().wait(started.run).await?;
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        let (began, cpu) = (Instant::now(), cpu_time());
        let replay = engine.handle().replay(started.run, None).await?;
        if !replay.agrees() {
            return Err("the replay differs".into());
        }
        let mut latencies = Latencies::default();
        latencies.add(began.elapsed());
        let cpu = cpu_time().saturating_sub(cpu);
        rounds.push(Round {
            units: u64::from(replay.events),
            took: began.elapsed(),
            cpu,
            latencies,
        });
    }
    let report = Round::report(&rounds, "replay".into(), "events");
    engine.shutdown().await;
    Ok(Report {
        disk_bytes: disk_bytes(&options.folder.join("store")),
        ratio_means: "none",
        ..report
    })
}
