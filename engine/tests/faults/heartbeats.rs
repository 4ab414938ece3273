//! Heartbeats: attempts that are alive, attempts that are silent, and how far they were.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nexus_engine::model::definition::Retry;
use nexus_engine::model::event::Event;
use nexus_engine::model::id::RunId;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{Run, RunStatus};
use nexus_engine::testkit::{action, compile};
use nexus_engine::{Registry, StartRequest, StepCx, StepError, StepResult, handler_fn};
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::life::{Life, config, until, within};
use crate::log::memory;

/// One step with a handler of this name, three attempts, and a heartbeat.
fn plan_of(uses: &str, heartbeat_ms: u64) -> Arc<Plan> {
    let mut step = action("a", uses, &[]);
    step.heartbeat_ms = Some(heartbeat_ms);
    step.retry = Retry { max_attempts: 3, initial_ms: 1, jitter: false, ..Retry::default() };
    let outputs = Some(json!("${{ steps.a.output }}"));
    compile(nexus_engine::model::definition::Definition {
        steps: vec![step],
        outputs,
        ..Default::default()
    })
}

/// Says how far it is and falls silent; the next attempt returns what it was told.
async fn silent(cx: StepCx, _: Value) -> StepResult<Value> {
    if cx.attempt() == 1 {
        assert_eq!(cx.progress::<Value>()?, None);
        cx.heartbeat(json!({"row": 6}))?;
        cx.heartbeat(json!({"row": 7}))?;
        cx.cancelled().await;
        std::future::pending::<()>().await;
    }
    Ok(cx.progress()?.unwrap_or_default())
}

/// Says how far it is and fails; each attempt goes on where the last one was.
async fn stumbles(cx: StepCx, _: Value) -> StepResult<u32> {
    let from = cx.progress::<u32>()?.unwrap_or(0);
    if from >= 2 {
        return Ok(from);
    }
    cx.heartbeat(from + 1)?;
    Err(StepError::retry("it stumbles"))
}

static IS_RECORDED: Gate = Gate::shut();

/// Says it ten thousand times, and waits until one of them is recorded.
async fn talks(cx: StepCx, _: Value) -> StepResult<()> {
    for row in 0..10_000 {
        cx.heartbeat(row)?;
        if row % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    IS_RECORDED.pass().await;
    Ok(())
}

async fn says_too_much(cx: StepCx, _: Value) -> StepResult<()> {
    cx.heartbeat("x".repeat(70_000))
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.insert("silent", handler_fn(silent));
    registry.insert("stumbles", handler_fn(stumbles));
    registry.insert("talks", handler_fn(talks));
    registry.insert("says_too_much", handler_fn(says_too_much));
    registry
}

async fn events(life: &Life, run: RunId) -> Vec<Event> {
    let history = life.handle().history(run, 0, 1_000).await.unwrap();
    history.into_iter().map(|recorded| recorded.event).collect()
}

fn output(end: &RunStatus) -> String {
    let RunStatus::Completed { output } = end else { panic!("{end:?}") };
    format!("{output:?}")
}

#[tokio::test]
async fn a_silent_attempt_fails_and_the_next_goes_on_where_it_was() {
    let life = Life::begin(&memory(), config(), registry());
    let run = life.start(&plan_of("silent", 40)).await;
    assert_eq!(output(&life.end_of(run).await), r#"{"row":7}"#);
    let failures: Vec<String> = events(&life, run)
        .await
        .into_iter()
        .filter_map(|event| {
            let Event::AttemptFailed { failure, .. } = event else { return None };
            Some(format!("{}: {}", failure.code, failure.message))
        })
        .collect();
    assert_eq!(failures, ["NX3024: no heartbeat for 40ms"]);
    let (_, state) = life.handle().load(run).await.unwrap().unwrap();
    assert!(state.progress.is_empty(), "it is of no use any more");
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn however_often_a_handler_says_it_few_are_recorded() {
    let life = Life::begin(&memory(), config(), registry());
    let began = std::time::Instant::now();
    let run = life.start(&plan_of("talks", 20_000)).await;
    let says_so = |state: &Run| !state.progress.is_empty();
    life.until(run, "a heartbeat is recorded", says_so).await;
    IS_RECORDED.open();
    assert_eq!(output(&life.end_of(run).await), "null");
    let recorded = events(&life, run).await;
    let beats =
        recorded.iter().filter(|event| matches!(event, Event::HeartbeatRecorded { .. })).count();
    assert!(beats >= 1 && beats as u64 <= 2 + began.elapsed().as_secs(), "{beats}");
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn progress_that_is_too_large_ends_the_attempts() {
    let life = Life::begin(&memory(), config(), registry());
    let run = life.start(&plan_of("says_too_much", 20_000)).await;
    let RunStatus::Failed { failure, .. } = life.end_of(run).await else { panic!("it fails") };
    assert_eq!((failure.code.as_str(), failure.fatal), ("NX3025", true));
    within(life.engine.shutdown()).await;
}

/// The engine ends after every single transition in turn; what comes out is the same.
#[tokio::test]
async fn progress_survives_the_end_of_the_process_at_any_point() {
    let plan = plan_of("stumbles", 20_000);
    let request = StartRequest { name: Some("x".into()), ..StartRequest::new(plan) };
    let mut after = 1;
    loop {
        let memory = memory();
        let first = Life::begin(&memory, config(), registry());
        first.log.faults.gone_after.store(after, Ordering::SeqCst);
        let (handle, again) = (first.handle().clone(), request.clone());
        let ends = tokio::spawn(async move {
            let run = handle.start(again).await.ok()?.run;
            handle.wait(run).await.ok()
        });
        let faults = Arc::clone(&first.log.faults);
        until("it ends", || ends.is_finished() || faults.gone.load(Ordering::SeqCst)).await;
        if !faults.gone.load(Ordering::SeqCst) {
            assert!(after > 6, "start, two failures with their heartbeats and timers, the end");
            assert_eq!(output(&ends.await.unwrap().unwrap()), "2");
            return;
        }
        ends.abort();
        first.crash();
        let second = Life::begin(&memory, config(), registry());
        let run = within(second.handle().start(request.clone())).await.unwrap().run;
        assert_eq!(output(&second.end_of(run).await), "2", "crash after transition {after}");
        within(second.engine.shutdown()).await;
        after += 1;
    }
}
