//! Recovery: very many open runs, and how long a new process needs until they go on, after a clean end and after `kill -9`.

use std::collections::HashSet;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nexus_definitions::shapes::Shape;
use nexus_engine::handler::{Data, Handler, HandlerFuture};
use nexus_engine::model::id::RunId;
use nexus_engine::{Engine, StepCx};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::definitions::made;
use super::gauges::rss_peak_bytes;
use super::lanes::start_runs;
use super::latencies::Spread;
use super::process::{Ending, Part, Process, say, told_to_end};
use super::report::Report;
use super::{Failure, Options};

/// Steps of a run.
const STEPS: u32 = 3;
/// How long no run ends before one counts as lost.
const STANDSTILL: Duration = Duration::from_mins(1);
/// Runs, unless it is said how many.
pub(super) const RUNS: usize = 100_000;

/// Fills a store with open runs, ends its process, and takes the runs up in another: in each round once after a clean end and once
/// after `kill -9`. `process` makes a process for a part of it, on a store in a folder.
///
/// # Errors
/// If a process fails, or a run is lost.
pub fn recovery(
    options: &Options,
    process: &dyn Fn(Part, &Options) -> Result<Command, Failure>,
) -> Result<(Value, Vec<String>), Failure> {
    let mut taken = [(Ending::Clean, Vec::new()), (Ending::Killed, Vec::new())];
    for at in 0..options.rounds {
        for (ending, taken) in &mut taken {
            let folder = options.folder.join(format!("{at}-{ending:?}"));
            std::fs::create_dir_all(&folder)?;
            let options = Options { folder, ..options.clone() };
            let mut fill = Process::start(process(Part::Fill, &options)?)?;
            fill.hear("filled")?;
            fill.end(*ending)?;
            taken.push(once(&options, process)?);
            std::fs::remove_dir_all(&options.folder)?;
        }
    }
    let mut more = json!({ "runs": options.runs.unwrap_or(RUNS), "rounds": options.rounds });
    let mut lines =
        vec![format!("{} open runs, {} rounds", options.runs.unwrap_or(RUNS), options.rounds)];
    for (ending, taken) in &taken {
        let (name, words) = match ending {
            Ending::Clean => ("clean", "after a clean end"),
            Ending::Killed => ("killed", "after kill -9"),
        };
        let of = |of: fn(&TakenUp) -> f64| Spread::of(taken.iter().map(of));
        let (opened, first) = (of(|it| it.opened), of(|it| it.first));
        let (all, rss) = (of(|it| it.all), of(|it| it.rss));
        more[name] = json!({
            "open_ms": opened.median, "first_step_ms": first.median, "first_step_max_ms": first.max,
            "all_resumed_ms": all.median, "all_resumed_max_ms": all.max,
            "all_completed_ms": of(|it| it.completed).median, "rss_peak_bytes": rss.median,
        });
        lines.push(format!(
            "  {words}: open {:.0} ms, first step {:.0} ms ({:.0} to {:.0}), all resumed {:.0} ms ({:.0} to {:.0}), all completed {:.0} ms, {:.1} MB resident at most",
            opened.median, first.median, first.min, first.max, all.median, all.min, all.max,
            of(|it| it.completed).median, rss.median / 1e6,
        ));
    }
    Ok((Report::apart("recovery", more), lines))
}

/// What taking up took, since the process was started, in milliseconds.
struct TakenUp {
    opened: f64,
    first: f64,
    all: f64,
    completed: f64,
    rss: f64,
}

fn once(
    options: &Options,
    process: &dyn Fn(Part, &Options) -> Result<Command, Failure>,
) -> Result<TakenUp, Failure> {
    let mut take_up = Process::start(process(Part::TakeUp, options)?)?;
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let taken = TakenUp {
        opened: millis(take_up.hear("opened")?.0),
        first: millis(take_up.hear("first")?.0),
        all: millis(take_up.hear("all")?.0),
        completed: millis(take_up.hear("completed")?.0),
        rss: super::float(take_up.hear("rss")?.1),
    };
    take_up.end(Ending::Clean)?;
    Ok(taken)
}

/// Never ends, and counts those that were begun.
struct Hangs(watch::Sender<usize>);

impl Handler for Hangs {
    fn call(&self, _cx: StepCx, _input: Data) -> HandlerFuture {
        self.0.send_modify(|begun| *begun += 1);
        Box::pin(std::future::pending())
    }
}

/// Starts the runs, has as many of them work as may, and waits for its end.
pub(super) async fn fill(options: &Options) -> Result<(), Failure> {
    let plan = made(Shape::Chain, STEPS)?;
    let runs = options.runs.unwrap_or(RUNS);
    let (begun, mut working) = watch::channel(0);
    let engine = Engine::builder()
        .handler("simulate", Arc::new(Hangs(begun)))
        .open(options.folder.join("store"))?;
    start_runs(engine.handle(), &plan, runs, options).await?;
    let room = runs.min(engine.handle().config().concurrency as usize);
    working.wait_for(|begun| *begun >= room).await?;
    say("filled", 0)?;
    told_to_end().await?;
    engine.handle().views().ok_or("there are no views")?;
    engine.shutdown().await;
    Ok(())
}

/// Does nothing, and tells of the first call and of the one after which all runs have had one.
struct Counts {
    runs: usize,
    seen: Mutex<HashSet<RunId>>,
}

impl Handler for Counts {
    fn call(&self, cx: StepCx, _input: Data) -> HandlerFuture {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = seen.insert(cx.info().run);
        let said = match seen.len() {
            _ if !is_new => Ok(()),
            1 if self.runs == 1 => say("first", 0).and_then(|()| say("all", 0)),
            1 => say("first", 0),
            count if count == self.runs => say("all", 0),
            _ => Ok(()),
        };
        drop(seen);
        // Who listens no more ends this process too.
        let _ = said;
        Box::pin(std::future::ready(Ok(Data::null())))
    }
}

/// Takes the runs up and waits until all have completed.
pub(super) async fn take_up(options: &Options) -> Result<(), Failure> {
    let runs = options.runs.unwrap_or(RUNS);
    let counts = Counts { runs, seen: Mutex::default() };
    let engine = Engine::builder()
        .handler("simulate", Arc::new(counts))
        .open(options.folder.join("store"))?;
    say("opened", 0)?;
    let views = engine.handle().views().ok_or("there are no views")?;
    let (mut known, mut progress) = (0, Instant::now());
    loop {
        let seen = views.metrics()?.total;
        let ended = seen.runs_completed + seen.runs_failed + seen.runs_cancelled;
        if ended > known {
            (known, progress) = (ended, Instant::now());
        } else if progress.elapsed() > STANDSTILL {
            return Err(format!("of {runs} runs {ended} have ended, and no more do").into());
        }
        if ended >= runs as u64 {
            if seen.runs_completed != runs as u64 || seen.runs_started != runs as u64 {
                return Err(format!("of {runs} runs {} completed", seen.runs_completed).into());
            }
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    say("completed", 0)?;
    say("rss", rss_peak_bytes())?;
    told_to_end().await?;
    engine.shutdown().await;
    Ok(())
}
