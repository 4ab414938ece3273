//! What an engine makes of runs that an earlier one left.

use std::sync::atomic::{AtomicU32, Ordering};

use nexus_engine::log::Revision;
use nexus_engine::model::codec;
use nexus_engine::model::run::RunStatus;
use nexus_engine::shard::Refusal;
use nexus_engine::tables::stream;
use nexus_engine::testkit::{action, plan, sleep};
use nexus_engine::{Config, Drive, Registry, RequestError, StepCx, handler_fn};
use serde_json::Value;

use crate::gate::Gate;
use crate::life::{Life, by, config, is_completed, until, within};
use crate::log::{FaultyLog, memory};

/// `long` works until it is told to stop, or that it may end; `one` ends at once.
fn registry(began: &'static AtomicU32, may_end: &'static Gate) -> Registry {
    let mut registry = Registry::new();
    registry.insert("one", handler_fn(|_: StepCx, _: Value| async move { Ok(1) }));
    let long = move |cx: StepCx, _: Value| async move {
        began.fetch_add(1, Ordering::SeqCst);
        cx.or_cancelled(may_end.pass()).await
    };
    registry.insert("long", handler_fn(long));
    registry
}

#[tokio::test]
async fn an_engine_that_drives_nothing_can_pause_and_cancel_what_was_left_at_work() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    static END: Gate = Gate::shut();
    let memory = memory();
    let first = Life::begin(&memory, config(), registry(&BEGAN, &END));
    let run = first.start(&plan(vec![action("a", "long", &[])])).await;
    until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == 1).await;
    first.crash();
    let nothing = Config { drive: Drive::Nothing, ..config() };
    let second = Life::begin(&memory, nothing, Registry::new());
    within(second.handle().pause(run, by(), String::new())).await.unwrap();
    within(second.handle().cancel(run, by(), "enough".into())).await.unwrap();
    let end = second.end_of(run).await;
    assert_eq!(end, RunStatus::Cancelled { reason: "enough".into() });
    within(second.engine.shutdown()).await;
}

#[tokio::test]
async fn a_run_that_is_being_cancelled_when_its_engine_ends_is_cancelled_by_the_next() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    static END: Gate = Gate::shut();
    let memory = memory();
    let mut stubborn = registry(&BEGAN, &END);
    let handler = |_: StepCx, _: Value| async move {
        BEGAN.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
        Ok(())
    };
    stubborn.insert("long", handler_fn(handler));
    let first = Life::begin(
        &memory,
        Config { grace: std::time::Duration::from_mins(1), ..config() },
        stubborn,
    );
    let run = first.start(&plan(vec![action("a", "long", &[])])).await;
    until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == 1).await;
    within(first.handle().cancel(run, by(), "enough".into())).await.unwrap();
    first.crash();
    let second = Life::begin(&memory, config(), registry(&BEGAN, &END));
    assert_eq!(second.end_of(run).await, RunStatus::Cancelled { reason: "enough".into() });
    assert_eq!(BEGAN.load(Ordering::SeqCst), 1, "its handler is not called again");
    within(second.engine.shutdown()).await;
}

#[tokio::test]
async fn a_run_whose_definition_is_not_understood_does_not_stop_the_others() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    static END: Gate = Gate::shut();
    let memory = memory();
    let first = Life::begin(&memory, config(), registry(&BEGAN, &END));
    let run = first.start(&plan(vec![action("a", "long", &[])])).await;
    until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == 1).await;
    first.crash();
    let log = FaultyLog::over(&memory, 1);
    log.faults.definitions_garbled.store(true, Ordering::SeqCst);
    let second = Life::on(log, config(), registry(&BEGAN, &END));
    let other = second.start(&plan(vec![action("b", "one", &[])])).await;
    assert!(is_completed(&second.end_of(other).await));
    let unreadable = |error: &_| matches!(error, RequestError::Refused(Refusal::Unreadable { .. }));
    assert!(unreadable(&within(second.handle().wait(run)).await.unwrap_err()));
    assert!(unreadable(
        &within(second.handle().pause(run, by(), String::new())).await.unwrap_err()
    ));
    within(second.engine.shutdown()).await;
}

/// An attempt that may be what ends the process runs alone. What waits for that can be cancelled meanwhile, and its room
/// comes back.
#[tokio::test]
async fn a_call_that_waits_for_another_to_end_can_be_cancelled() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    static END: Gate = Gate::shut();
    let memory = memory();
    let two = Config { concurrency: 2, interruptions_max: 9, ..config() };
    let mut life = Life::begin(&memory, two, registry(&BEGAN, &END));
    let suspect = life.start(&plan(vec![action("a", "long", &[])])).await;
    for times in 1..=2 {
        until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == times).await;
        life.crash();
        life = Life::begin(&memory, two, registry(&BEGAN, &END));
    }
    until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == 3).await;
    let waits = life.start(&plan(vec![action("b", "long", &[])])).await;
    within(life.handle().cancel(waits, by(), "enough".into())).await.unwrap();
    assert!(matches!(life.end_of(waits).await, RunStatus::Cancelled { .. }));
    assert_eq!(BEGAN.load(Ordering::SeqCst), 3, "it was never called");
    END.open();
    assert!(is_completed(&life.end_of(suspect).await));
    for _ in 0..3 {
        let run = life.start(&plan(vec![action("a", "one", &[]), action("b", "one", &[])])).await;
        assert!(is_completed(&life.end_of(run).await));
    }
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn an_attempt_that_is_cut_off_too_often_fails() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    static END: Gate = Gate::shut();
    let memory = memory();
    let mut life = Life::begin(&memory, config(), registry(&BEGAN, &END));
    let run = life.start(&plan(vec![action("a", "long", &[])])).await;
    for times in 1..=3 {
        until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == times).await;
        life.crash();
        life = Life::begin(&memory, config(), registry(&BEGAN, &END));
    }
    let RunStatus::Failed { failure, .. } = life.end_of(run).await else { panic!("it fails") };
    assert_eq!(failure.code, "NX3013");
    assert_eq!(BEGAN.load(Ordering::SeqCst), 3);
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn a_snapshot_that_is_garbage_or_ahead_of_the_log_is_ignored() {
    let life = Life::begin(&memory(), config(), Registry::new());
    let run = life.start(&plan(vec![sleep("z", "1h", &[])])).await;
    let (plan, state) = life.handle().load(run).await.unwrap().unwrap();
    let mut ahead = state.clone();
    ahead.revision += 10;
    let views = life.handle().views().unwrap().clone();
    let snapshots = [b"garbage".to_vec(), codec::encode_run(&plan, &ahead)];
    for (revision, bytes) in (1..).zip(snapshots) {
        views.put_snapshot(stream(run), Revision(revision), bytes.clone());
        let is_kept =
            || views.snapshot(stream(run)).unwrap().is_some_and(|(_, kept)| kept == bytes);
        until("the snapshot is kept", is_kept).await;
        let (_, read) = life.handle().load(run).await.unwrap().unwrap();
        assert_eq!(read, state);
    }
    within(life.engine.shutdown()).await;
}
