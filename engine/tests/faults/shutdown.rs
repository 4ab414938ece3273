//! The end: in order where that is possible, and in any case soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nexus_engine::model::definition::Definition;
use nexus_engine::shard::Refusal;
use nexus_engine::testkit::{action, compile, plan, sleep};
use nexus_engine::{Registry, RequestError, StartError, StartRequest, StepCx, handler_fn};
use serde_json::{Value, json};

use crate::life::{Life, by, config, is_completed, until, within};
use crate::log::memory;

fn stubborn(began: &'static AtomicU32) -> Registry {
    let mut registry = Registry::new();
    let handler = move |_: StepCx, _: Value| async move {
        began.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
        Ok(())
    };
    registry.insert("stubborn", handler_fn(handler));
    registry
}

#[tokio::test]
async fn a_handler_that_ignores_the_stop_does_not_hold_up_the_end() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    let memory = memory();
    let life = Life::begin(&memory, config(), stubborn(&BEGAN));
    let run = life.start(&plan(vec![action("a", "stubborn", &[])])).await;
    until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == 1).await;
    let handle = life.handle().clone();
    let waits = tokio::spawn(async move { handle.wait(run).await });
    tokio::task::yield_now().await;
    within(life.engine.shutdown()).await;
    let refused = within(waits).await.unwrap();
    assert!(matches!(refused, Err(RequestError::Refused(Refusal::ShuttingDown))), "{refused:?}");

    let mut registry = Registry::new();
    registry.insert("stubborn", handler_fn(|cx: StepCx, _: Value| async move { Ok(cx.attempt()) }));
    let next = Life::begin(&memory, config(), registry);
    assert!(is_completed(&next.end_of(run).await));
    let events = next.handle().history(run, 0, 100).await.unwrap();
    let text = format!("{events:?}");
    assert!(text.contains("how: ShutDown"), "{text}");
}

#[tokio::test]
async fn an_attempt_may_outlive_any_number_of_orderly_ends() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    let memory = memory();
    let mut life = Life::begin(&memory, config(), stubborn(&BEGAN));
    let run = life.start(&plan(vec![action("a", "stubborn", &[])])).await;
    for times in 1..6 {
        until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == times).await;
        within(life.engine.shutdown()).await;
        life = Life::begin(&memory, config(), stubborn(&BEGAN));
    }
    let (_, state) = life.handle().load(run).await.unwrap().unwrap();
    assert!(!state.status.is_terminal(), "{:?}", state.status);
}

#[tokio::test]
async fn a_log_that_does_not_answer_does_not_hold_up_the_end() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    let life = Life::begin(&memory(), config(), stubborn(&BEGAN));
    let run = life.start(&plan(vec![action("a", "stubborn", &[])])).await;
    let log = Arc::clone(&life.log);
    log.faults.blocked.store(true, Ordering::SeqCst);
    let submitted = log.faults.submitted.load(Ordering::SeqCst);
    let handle = life.handle().clone();
    let pause = tokio::spawn(async move { handle.pause(run, by(), String::new()).await });
    let is_submitted = || log.faults.submitted.load(Ordering::SeqCst) > submitted;
    until("the pause is with the log", is_submitted).await;
    let began = Instant::now();
    within(life.engine.shutdown()).await;
    assert!(began.elapsed() < Duration::from_secs(15));
    let unknown = within(pause).await.unwrap();
    assert!(matches!(unknown, Err(RequestError::Unknown)), "{unknown:?}");
    log.faults.gone.store(true, Ordering::SeqCst);
}

#[tokio::test]
async fn requests_that_come_too_late_are_told_so() {
    let life = Life::begin(&memory(), config(), Registry::new());
    let sleeper = plan(vec![sleep("z", "1h", &[])]);
    let run = life.start(&sleeper).await;
    let handle = life.handle().clone();
    within(life.engine.shutdown()).await;
    let late = |error: &RequestError| matches!(error, RequestError::Refused(Refusal::ShuttingDown));
    assert!(late(&within(handle.pause(run, by(), String::new())).await.unwrap_err()));
    assert!(late(&within(handle.wait(run)).await.unwrap_err()));
    let start = within(handle.start(StartRequest::new(sleeper))).await;
    assert!(matches!(&start, Err(StartError::Request(error)) if late(error)), "{start:?}");
}

#[tokio::test]
async fn an_engine_whose_log_has_gone_ends_with_it() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    let life = Life::begin(&memory(), config(), stubborn(&BEGAN));
    let run = life.start(&plan(vec![action("a", "stubborn", &[])])).await;
    let handle = life.handle().clone();
    let waits = tokio::spawn({
        let handle = handle.clone();
        async move { handle.wait(run).await }
    });
    life.log.faults.gone.store(true, Ordering::SeqCst);
    let unknown = within(handle.pause(run, by(), String::new())).await;
    assert!(matches!(unknown, Err(RequestError::Unknown)), "{unknown:?}");
    assert!(within(waits).await.unwrap().is_err());
    within(life.engine.shutdown()).await;
}

/// The end of the run needs a payload that has to be read first.
#[tokio::test]
async fn an_outcome_that_waits_for_a_payload_is_recorded_before_the_end() {
    static BEGAN: AtomicBool = AtomicBool::new(false);
    let mut registry = Registry::new();
    let large = |_: StepCx, _: Value| async move { Ok("x".repeat(100_000)) };
    registry.insert("large", handler_fn(large));
    let last = |cx: StepCx, _: Value| async move {
        BEGAN.store(true, Ordering::SeqCst);
        cx.cancelled().await;
        Ok(1)
    };
    registry.insert("last", handler_fn(last));
    let life = Life::begin(&memory(), config(), registry);
    let plan = compile(Definition {
        steps: vec![action("x", "large", &[]), action("a", "last", &["x"])],
        outputs: Some(json!("${{ steps.x.output | length }}")),
        ..Definition::default()
    });
    let run = life.start(&plan).await;
    until("an attempt has begun", || BEGAN.load(Ordering::SeqCst)).await;
    life.log.faults.read_us.store(100_000, Ordering::SeqCst);
    let handle = life.handle().clone();
    within(life.engine.shutdown()).await;
    let (_, state) = handle.load(run).await.unwrap().unwrap();
    assert!(is_completed(&state.status), "{:?}", state.status);
}

#[tokio::test]
async fn the_handlers_of_a_dropped_engine_end_with_it() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    static ENDED: AtomicU32 = AtomicU32::new(0);
    struct Ends;
    impl Drop for Ends {
        fn drop(&mut self) {
            ENDED.fetch_add(1, Ordering::SeqCst);
        }
    }
    let mut registry = Registry::new();
    let handler = |_: StepCx, _: Value| async move {
        let _ends = Ends;
        BEGAN.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
        Ok(())
    };
    registry.insert("forever", handler_fn(handler));
    let life = Life::begin(&memory(), config(), registry);
    life.start(&plan(vec![action("a", "forever", &[])])).await;
    until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == 1).await;
    life.crash();
    until("the attempt has ended", || ENDED.load(Ordering::SeqCst) == 1).await;
}
