//! Many runs that wait: for timers, and for room.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nexus_engine::model::id::RunId;
use nexus_engine::testkit::{action, plan, sleep};
use nexus_engine::{Config, Registry, StartRequest, StepCx, StepResult, handler_fn};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::life::{Life, by, config, is_completed, until, within};
use crate::log::{FaultyLog, memory};

fn one() -> Registry {
    let mut registry = Registry::new();
    registry.insert("one", handler_fn(|_: StepCx, _: Value| async move { Ok(1) }));
    registry
}

#[tokio::test]
async fn runs_that_wake_at_the_same_time_are_read_a_few_at_a_time() {
    let memory = memory();
    let plan = plan(vec![sleep("z", "300ms", &[]), action("a", "one", &["z"])]);
    let first = Life::begin(&memory, config(), one());
    let mut runs = Vec::new();
    for _ in 0..1_500 {
        runs.push(first.start(&plan).await);
    }
    let last = *runs.last().expect("some were started");
    let (_, state) = first.handle().load(last).await.unwrap().expect("it is there");
    let (clock, due) =
        (*first.handle().clock(), state.timers.values().map(|timer| timer.due).max());
    first.crash();
    until("the last of them is due", || due.is_none_or(|due| clock.now() > due)).await;
    let second = Life::begin(&memory, config(), one());
    second.log.faults.read_us.store(20, Ordering::SeqCst);
    for run in runs {
        assert!(is_completed(&within(second.handle().wait(run)).await.unwrap()));
    }
    let most = second.log.faults.reading_most.load(Ordering::SeqCst);
    assert!(most <= 5, "{most} reads at one time, the views' own among them");
    within(second.engine.shutdown()).await;
}

fn hangs() -> Registry {
    let mut registry = Registry::new();
    let hangs = |_: StepCx, _: Value| async move { std::future::pending::<StepResult<()>>().await };
    registry.insert("hangs", handler_fn(hangs));
    registry
}

/// An engine that takes up so many runs, of which one is at work and all others wait for room. Reading one takes a while.
async fn taking_up(count: usize, read_us: u32) -> (Life, Vec<RunId>) {
    let (memory, config) = (memory(), Config { concurrency: 1, ..config() });
    let plan = plan(vec![action("a", "hangs", &[])]);
    let first = Life::begin(&memory, config, hangs());
    let mut starts = JoinSet::new();
    for _ in 0..count {
        let (handle, plan) = (first.handle().clone(), Arc::clone(&plan));
        starts.spawn(async move { handle.start(StartRequest::new(plan)).await.unwrap().run });
    }
    let mut runs = within(starts.join_all()).await;
    runs.sort_unstable();
    first.crash();
    let log = FaultyLog::over(&memory, 1);
    log.faults.read_us.store(read_us, Ordering::SeqCst);
    (Life::on(log, config, hangs()), runs)
}

#[tokio::test]
async fn a_run_that_is_asked_something_is_not_read_behind_all_that_are_taken_up() {
    let (life, runs) = taking_up(2_000, 200).await;
    let last = *runs.last().expect("some were started");
    within(life.handle().pause(last, by(), String::new())).await.unwrap();
    let reads = life.log.faults.reads.load(Ordering::SeqCst);
    assert!(reads < 1_200, "{reads} runs of 2000 were read before");
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn all_runs_are_looked_at_although_none_gets_any_further() {
    let (life, runs) = taking_up(4_500, 0).await;
    let reads = || life.log.faults.reads.load(Ordering::SeqCst);
    until("each was read", || reads() > runs.len()).await;
    assert_eq!(reads(), runs.len() + 1, "each once, and the pauses of the store");
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn runs_over_budget_that_wait_for_room_are_not_read_in_vain() {
    let config = Config { concurrency: 1, resident_bytes_max: 0, ..config() };
    let life = Life::begin(&memory(), config, one());
    let plan = plan(vec![action("a", "one", &[]), action("b", "one", &["a"])]);
    let mut runs = Vec::new();
    for _ in 0..200 {
        runs.push(life.start(&plan).await);
    }
    for run in runs {
        assert!(is_completed(&within(life.handle().wait(run)).await.unwrap()));
    }
    let reads = life.log.faults.reads.load(Ordering::SeqCst);
    assert!(reads < 200 * 20, "{reads} reads for 200 runs of two steps");
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn those_who_wait_for_a_run_that_is_not_in_memory_hear_of_its_end() {
    let life = Life::begin(&memory(), config(), one());
    let run = life.start(&plan(vec![sleep("z", "2500ms", &[])])).await;
    let handle = life.handle().clone();
    let patient = tokio::spawn({
        let handle = handle.clone();
        async move { handle.wait(run).await }
    });
    for _ in 0..300 {
        let _ = tokio::time::timeout(Duration::from_micros(10), handle.wait(run)).await;
    }
    assert!(is_completed(&within(patient).await.unwrap().unwrap()));
    assert!(is_completed(&life.end_of(run).await), "also afterwards");
    drop(Arc::clone(&life.log));
    within(life.engine.shutdown()).await;
}
