//! Nothing happens before the log says so, and nothing is lost when it says no.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nexus_engine::RequestError;
use nexus_engine::handler::HandlerFuture;
use nexus_engine::model::run::RunStatus;
use nexus_engine::shard::Refusal;
use nexus_engine::testkit::{action, plan, sleep};
use nexus_engine::{
    Data, Handler, Registry, StartError, StartRequest, StepCx, StepResult, handler_fn,
};
use serde_json::Value;

use crate::gate::Gate;
use crate::life::{Life, config, is_completed, until, within};
use crate::log::memory;

fn counting(calls: &'static AtomicU32) -> Registry {
    let mut registry = Registry::new();
    let handler = move |_: StepCx, _: Value| async move {
        calls.fetch_add(1, Ordering::SeqCst);
        Ok(1)
    };
    registry.insert("one", handler_fn(handler));
    registry
}

#[tokio::test]
async fn no_handler_and_no_answer_before_the_log_has_answered() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let life = Life::begin(&memory(), config(), counting(&CALLS));
    let plan = plan(vec![action("a", "one", &[])]);
    let earlier = life.start(&plan).await;
    life.end_of(earlier).await;
    let faults = &life.log.faults;
    faults.blocked.store(true, Ordering::SeqCst);
    let submitted = faults.submitted.load(Ordering::SeqCst);
    let mut start = Box::pin(life.handle().start(StartRequest::new(plan)));
    let something_else = async {
        until("the start is with the log", || faults.submitted.load(Ordering::SeqCst) > submitted)
            .await;
        // What has no need of the log is answered meanwhile.
        life.end_of(earlier).await;
    };
    tokio::select! {
        biased;
        answer = &mut start => panic!("{answer:?} before the log has answered"),
        () = something_else => {}
    }
    assert_eq!(CALLS.load(Ordering::SeqCst), 1, "the one of the earlier run");
    faults.blocked.store(false, Ordering::SeqCst);
    let run = within(start).await.unwrap().run;
    assert!(is_completed(&life.end_of(run).await));
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
    life.engine.shutdown().await;
}

#[tokio::test]
async fn outcomes_outlive_a_full_disk_and_every_handler_is_called_once() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    static IS_FULL: Gate = Gate::shut();
    let mut registry = counting(&CALLS);
    let slow = |_: StepCx, _: Value| async move {
        CALLS.fetch_add(1, Ordering::SeqCst);
        IS_FULL.pass().await;
        Ok(2)
    };
    registry.insert("slow", handler_fn(slow));
    let life = Life::begin(&memory(), config(), registry);
    let plan = plan(vec![
        action("a", "slow", &[]),
        action("b", "slow", &[]),
        sleep("z", "50ms", &[]),
        action("c", "one", &["a"]),
        action("d", "one", &["a", "b", "z"]),
    ]);
    let run = life.start(&plan).await;
    life.log.faults.refused_percent.store(100, Ordering::SeqCst);
    let refused = life.handle().start(StartRequest::new(Arc::clone(&plan))).await;
    let disk = |error: &_| matches!(error, RequestError::Refused(Refusal::DiskNearlyFull(_)));
    assert!(matches!(&refused, Err(StartError::Request(error)) if disk(error)), "{refused:?}");
    IS_FULL.open();
    let faults = &life.log.faults;
    let submitted = faults.submitted.load(Ordering::SeqCst);
    let is_tried_again = || faults.submitted.load(Ordering::SeqCst) > submitted + 6;
    until("what has been refused is tried again", is_tried_again).await;
    life.log.faults.refused_percent.store(0, Ordering::SeqCst);
    assert!(is_completed(&life.end_of(run).await));
    assert_eq!(CALLS.load(Ordering::SeqCst), 4);
    life.engine.shutdown().await;
}

/// Its `call` itself panics, not the future it returns.
struct Panics;

impl Handler for Panics {
    fn call(&self, _: StepCx, _: Data) -> HandlerFuture {
        panic!("before the first step")
    }
}

/// Its future panics when it is dropped.
struct PanicsLate;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("on the way out")
    }
}

impl Handler for PanicsLate {
    fn call(&self, _: StepCx, _: Data) -> HandlerFuture {
        Box::pin(async {
            let _bomb = Bomb;
            let never: StepResult<Data> = std::future::pending().await;
            never
        })
    }
}

#[tokio::test]
async fn a_handler_reports_whatever_it_does() {
    let mut registry = Registry::new();
    registry.insert("panics", Arc::new(Panics));
    registry.insert("late", Arc::new(PanicsLate));
    let life = Life::begin(&memory(), config(), registry);
    let mut late = action("a", "late", &[]);
    late.timeout_ms = Some(10);
    for step in [action("a", "panics", &[]), late] {
        let run = life.start(&plan(vec![step])).await;
        let RunStatus::Failed { failure, .. } = life.end_of(run).await else { panic!("it fails") };
        assert_eq!(failure.code, "NX3012");
    }
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn timers_fire_although_their_rows_could_not_be_read_at_first() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let memory = memory();
    let first = Life::begin(&memory, config(), counting(&CALLS));
    let run = first.start(&plan(vec![sleep("z", "100ms", &[]), action("a", "one", &["z"])])).await;
    first.crash();
    let log = crate::log::FaultyLog::over(&memory, 2);
    log.faults.rows_failing.store(3, Ordering::SeqCst);
    let second = Life::on(log, config(), counting(&CALLS));
    assert!(is_completed(&second.end_of(run).await));
    until("the rows are read", || second.log.faults.rows_failing.load(Ordering::SeqCst) == 0).await;
    within(second.engine.shutdown()).await;
}
