//! One run with very many events: what a step takes at the beginning and at the end, and how long it takes to look at the run.

use std::time::{Duration, Instant};

use nexus_engine::model::event::Event;
use nexus_engine::model::id::RunId;
use nexus_engine::{Engine, StartRequest};
use nexus_gateway::{Service, Setup};

use super::chain::{completed, open_engine};
use super::definitions::rounds;
use super::latencies::{Latencies, Spread};
use super::meter::{Done, Meter};
use super::{Failure, Options, Report, float};

/// How many events of a history are read at a time.
const PAGE: usize = 4_096;
/// A tenth of fewer has no time between two of its steps.
const STEPS_MIN: u32 = 20;
/// How often the run is looked at.
const LOOKS: usize = 5;

/// One run in each round, with one step that is repeated `steps` times.
///
/// # Errors
/// If the store cannot be opened or a run does not complete.
pub async fn history(options: &Options) -> Result<Report, Failure> {
    if options.steps < STEPS_MIN {
        return Err(format!("a history needs at least {STEPS_MIN} steps").into());
    }
    let plan = rounds(options.steps)?;
    let mut meter = Meter::new(options)?;
    let engine = meter.open(|| open_engine(&options.folder, options.concurrency))?;
    let mut runs = Vec::new();
    let mut while_open = Vec::new();
    for _ in 0..options.rounds {
        let work = async {
            let (handle, began) = (engine.handle(), Instant::now());
            let started = handle.start(StartRequest::new(plan.clone())).await?;
            let mut wait = std::pin::pin!(handle.wait(started.run));
            let status = loop {
                match tokio::time::timeout(options.time, &mut wait).await {
                    Ok(status) => break status?,
                    Err(_) => while_open.push(look(&engine, &started.name).await?),
                }
            };
            completed(&started.name, &status)?;
            let took = Some(began.elapsed());
            runs.push((started.run, started.name));
            Ok(Done { units: u64::from(options.steps), latencies: Latencies::default(), took })
        };
        meter.round(Box::pin(work)).await?;
    }
    let (mut events, mut parts) = (0, Vec::new());
    for (run, _) in &runs {
        let (count, ends) = ends(&engine, *run).await?;
        if ends.len() != options.steps as usize {
            return Err(format!("{} steps of {} completed", ends.len(), options.steps).into());
        }
        let tenth = ends.len() / 10;
        parts.push((between(&ends[..tenth]), between(&ends[ends.len() - tenth..])));
        events = count;
    }
    let last = runs.last().map(|(_, name)| name.clone()).ok_or("there is no round")?;
    let ended = looks(&engine, &last).await?;
    engine.shutdown().await;
    let engine = meter.open(|| open_engine(&options.folder, options.concurrency))?;
    let first_look = look(&engine, &last).await?;
    engine.shutdown().await;

    let first = Spread::of(parts.iter().map(|(first, _)| *first)).median;
    let end = Spread::of(parts.iter().map(|(_, last)| *last)).median;
    let ratio = Spread::of(parts.iter().map(|(first, last)| last / first));
    let open = Spread::of(while_open.iter().copied());
    let mut report = meter.report("history", "steps")?;
    report.also("events", events);
    report.also("first_tenth_us", first);
    report.also("last_tenth_us", end);
    report.also("last_to_first", ratio.median);
    report.also("last_to_first_max", ratio.max);
    report.also("get_ms", ended);
    report.also("get_open_ms", open.median);
    report.also("get_open_max_ms", open.max);
    report.also("get_reopened_ms", first_look);
    report.said.push(format!(
        "history  {events} events; a step takes {first:.1} us in the first tenth, {end:.1} us in the last: ratio {:.3} ({:.3} to {:.3})",
        ratio.median, ratio.min, ratio.max,
    ));
    report.said.push(format!(
        "get      {:.1} ms while it runs (at most {:.1} of {}), {ended:.1} ms when it has ended, {first_look:.1} ms after opening the store again",
        open.median, open.max, while_open.len(),
    ));
    Ok(report)
}

/// How long `get` takes, in milliseconds.
async fn look(engine: &Engine, name: &str) -> Result<f64, Failure> {
    let service = Service::new(engine.handle().clone(), Setup::default());
    let began = Instant::now();
    let view = service.get(name).await.map_err(|problem| problem.message)?;
    let took = began.elapsed();
    if view.id != name {
        return Err(format!("asked for {name}, got {}", view.id).into());
    }
    Ok(millis(took))
}

async fn looks(engine: &Engine, name: &str) -> Result<f64, Failure> {
    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        looks.push(look(engine, name).await?);
    }
    Ok(Spread::of(looks).median)
}

/// How many events a run has, and when each of its attempts completed, in microseconds.
async fn ends(engine: &Engine, run: RunId) -> Result<(u32, Vec<i64>), Failure> {
    let (mut from, mut ends) = (0, Vec::new());
    loop {
        let page = engine.handle().history(run, from, PAGE).await?;
        let Some(last) = page.last() else { return Ok((from, ends)) };
        from = last.revision + 1;
        let done = page.iter().filter(
            |recorded| matches!(&recorded.event, Event::StepCompleted { step, .. } if step.0 == 0),
        );
        ends.extend(done.map(|recorded| recorded.time.0));
    }
}

/// The time between one end and the next, on average, in microseconds.
fn between(ends: &[i64]) -> f64 {
    let (Some(first), Some(last)) = (ends.first(), ends.last()) else { return 0.0 };
    let gaps = float(ends.len().saturating_sub(1).max(1) as u64);
    float(u64::try_from(last - first).unwrap_or(0)) / gaps
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
