//! Runs with very many events on a real store: a loop of many rounds, and a list of many items.
//!
//! Each prints what a round or item takes in the first and in the last tenth, the most memory the process had by then, and how
//! long it takes to read the run when it has ended. `NEXUS_LONG_RUN` sets how many rounds and items there are.
//!
//! What is expected: the last tenth takes at most twice as long as the first, and reading less than a second.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_benches::{folder, memory_mib, runtime};
use nexus_cli::workload::open_engine;
use nexus_engine::testkit::action;
use nexus_engine::{Engine, StartRequest};
use nexus_model::definition::{Definition, ForEach, OnItemError, Repeat, Step, StepKind};
use nexus_model::event::Event;
use nexus_model::id::RunId;
use nexus_model::plan::Plan;
use serde_json::{Value, json};

/// How many events of a history are read at a time.
const PAGE: usize = 4_096;

fn main() {
    // Cargo asks benchmarks for their tests too.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let count = std::env::var("NEXUS_LONG_RUN").ok().and_then(|text| text.parse().ok());
    let count = count.unwrap_or(50_000);
    measure("repeat", "round", &repeat(count), count);
    measure("for_each", "item", &for_each(count), count);
}

/// A loop of `rounds` rounds, each of which has one step.
fn repeat(rounds: u32) -> Definition {
    let until = format!("round.number >= {rounds}");
    let carry = json!({"seen": "${{ round.number }}"});
    let repeat = Repeat { from: "work".into(), until, limit: rounds, delay_ms: 0, carry };
    let mut again = action("again", "simulate", &["work"]);
    again.kind = StepKind::Repeat(Box::new(repeat));
    workflow(vec![work(json!(null)), again])
}

/// A list of `items` items, 64 at a time.
fn for_each(items: u32) -> Definition {
    let mut each = work(json!("${{ item }}"));
    let items = json!((0..items).collect::<Vec<u32>>());
    let on_item_error = OnItemError::Fail;
    each.for_each =
        Some(ForEach { items, name: ForEach::NAME.into(), concurrency: 64, on_item_error });
    workflow(vec![each])
}

fn workflow(steps: Vec<Step>) -> Definition {
    Definition { name: "long".into(), steps, ..Definition::default() }
}

fn work(with: Value) -> Step {
    let mut step = action("work", "simulate", &[]);
    step.kind = StepKind::Action { uses: "simulate".into(), with };
    step
}

fn measure(name: &str, unit: &str, definition: &Definition, count: u32) {
    let plan = Arc::new(Plan::compile(definition.clone()).expect("a good plan"));
    let folder = folder();
    runtime().block_on(async {
        let engine = open_engine(folder.path(), 256).expect("the store opens");
        let began = Instant::now();
        let run = engine.handle().start(StartRequest::new(plan)).await.expect("it starts").run;
        engine.handle().wait(run).await.expect("it ends");
        let took = began.elapsed();
        let memory = memory_mib("VmHWM");
        let (events, ends) = ends(&engine, run).await;
        let tenth = ends.len() / 10;
        let (first, last) = (spent(&ends[..tenth]), spent(&ends[ends.len() - tenth..]));
        let opened = loaded(&engine, run).await;
        engine.shutdown().await;
        let engine = open_engine(folder.path(), 256).expect("the store opens again");
        let anew = loaded(&engine, run).await;
        engine.shutdown().await;
        writeln!(
            std::io::stdout(),
            "{name} {count}: {events} events in {took:.1?}; a {unit} takes {first:.0?} in the first tenth and {last:.0?} in \
             the last, ratio {:.2}; peak memory {memory} MiB; read in {opened:.1?}, after opening again in {anew:.1?}",
            last.as_secs_f64() / first.as_secs_f64(),
        )
        .expect("somebody reads it");
    });
}

async fn loaded(engine: &Engine, run: RunId) -> Duration {
    let began = Instant::now();
    let (_, run) = engine.handle().load(run).await.expect("it is read").expect("it is there");
    assert!(run.status.is_terminal());
    began.elapsed()
}

/// How many events a run has, and when each of its attempts completed, in microseconds.
async fn ends(engine: &Engine, run: RunId) -> (u32, Vec<i64>) {
    let (mut from, mut ends) = (0, Vec::new());
    loop {
        let page = engine.handle().history(run, from, PAGE).await.expect("it is read");
        let Some(last) = page.last() else { return (from, ends) };
        from = last.revision + 1;
        let done = page.iter().filter(|recorded| {
            matches!(recorded.event, Event::StepCompleted { .. } | Event::ItemCompleted { .. })
        });
        ends.extend(done.map(|recorded| recorded.time.0));
    }
}

/// The time between one end and the next, on average.
fn spent(ends: &[i64]) -> Duration {
    let (Some(first), Some(last)) = (ends.first(), ends.last()) else { return Duration::ZERO };
    let gaps = u32::try_from(ends.len().saturating_sub(1).max(1)).unwrap_or(u32::MAX);
    Duration::from_micros(u64::try_from(last - first).unwrap_or(0)) / gaps
}
