//! Requests that nobody waits for any more, and those that others overtake: each counts as the log has it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nexus_engine::model::id::StepIndex;
use nexus_engine::model::limit::Size;
use nexus_engine::remote::{Poll, Stage, TaskId};
use nexus_engine::testkit::{action, plan, sleep};
use nexus_engine::{
    Config, Engine, Registry, StartError, StartRequest, StepCx, StepError, StepResult, handler_fn,
};
use serde_json::Value;

use crate::life::{Life, by, config, until, within};
use crate::log::memory;

fn registry() -> Registry {
    let mut registry = Registry::new();
    let fails = |_: StepCx, _: Value| async { StepResult::<Value>::Err(StepError::fatal("no")) };
    registry.insert("fails", handler_fn(fails));
    registry.insert("works", handler_fn(|_: StepCx, _: Value| async { Ok(1) }));
    registry
}

/// On one thread, so that nobody answers the worker before it is asked a second time.
#[tokio::test]
async fn a_task_goes_to_the_next_worker_if_the_one_that_asked_is_gone() {
    let config = Config { worker_lease: Duration::from_hours(1), ..config() };
    let life = Life::begin(&memory(), config, registry());
    let run = life.start(&plan(vec![action("a", "worker/x", &[])])).await;
    let workers = life.handle().workers();
    let id = TaskId { run, step: StepIndex(0), item: None };
    until("it waits for a worker", || workers.standing(id).is_some()).await;
    let poll =
        Poll { worker: "w".into(), handlers: vec!["x".into()], wait: Duration::from_mins(1) };
    let mut asks = Box::pin(workers.poll(&poll));
    tokio::select! {
        biased;
        task = &mut asks => panic!("{task:?} without waiting for it"),
        () = std::future::ready(()) => {}
    }
    let is_held =
        || workers.standing(id).is_some_and(|task| matches!(task.stage, Stage::Held { .. }));
    until("the worker has it", is_held).await;
    drop(asks);
    let task = within(workers.poll(&poll)).await.unwrap().expect("it waits for a worker again");
    assert_eq!(task.id, id);
    life.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_set_a_limit_on_runs_the_later_one_counts() {
    let life = Life::begin(&memory(), config(), registry());
    let plan = plan(vec![action("a", "works", &[])]);
    let handle = life.handle();
    for slots in 1..=100 {
        let size = Size { slots: Some(1_000 + slots), rate: None };
        let (_, _) = tokio::join!(
            handle.set_limit("@runs", None, by()),
            handle.set_limit("@runs", Some(size), by())
        );
        let is_set = handle.limit("@runs").await.unwrap().unwrap().set.is_some();
        let run = life.start(&plan).await;
        let (_, state) = handle.load(run).await.unwrap().unwrap();
        assert_eq!(!state.started.unwrap().limits.is_empty(), is_set, "at {slots}");
        within(handle.wait(run)).await.unwrap();
    }
    life.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_given_up_keeps_its_place() {
    let config = Config { open_runs_max: Some(1), ..config() };
    let life = Life::begin(&memory(), config, registry());
    let plan = plan(vec![sleep("z", "1h", &[])]);
    let start = || {
        let (handle, plan) = (life.handle().clone(), Arc::clone(&plan));
        tokio::spawn(async move { handle.start(StartRequest::new(plan)).await })
    };
    life.log.faults.blocked.store(true, Ordering::SeqCst);
    let given_up = start();
    until("the start is with the log", || life.log.faults.submitted.load(Ordering::SeqCst) > 0)
        .await;
    given_up.abort();
    let _ = given_up.await;
    let second = within(start()).await.unwrap();
    assert!(matches!(second, Err(StartError::Full { open: 1, .. })), "at once: {second:?}");
    life.log.faults.blocked.store(false, Ordering::SeqCst);
    life.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_end_of_a_run_is_told_though_a_retry_is_refused_meanwhile() {
    let life = Life::begin(&memory(), config(), registry());
    let run = life.start(&plan(vec![action("a", "fails", &[])])).await;
    let end = life.end_of(run).await;
    let other = life.start(&plan(vec![action("a", "works", &[])])).await;
    life.end_of(other).await;
    let faults = &life.log.faults;
    faults.blocked.store(true, Ordering::SeqCst);
    let submitted = faults.submitted.load(Ordering::SeqCst);
    let handle = life.handle().clone();
    let retry = tokio::spawn(async move { handle.retry(run, by()).await });
    until("the retry is with the log", || faults.submitted.load(Ordering::SeqCst) > submitted)
        .await;
    let mut wait = Box::pin(within(life.handle().wait(run)));
    tokio::select! {
        biased;
        end = &mut wait => panic!("{end:?} before the retry is decided"),
        // Asked after it: once this is answered, the other has arrived.
        end = life.handle().wait(other) => drop(end.unwrap()),
    }
    faults.refused_percent.store(100, Ordering::SeqCst);
    faults.blocked.store(false, Ordering::SeqCst);
    assert!(within(retry).await.unwrap().is_err());
    assert_eq!(wait.await.unwrap(), end);
    faults.refused_percent.store(0, Ordering::SeqCst);
    life.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_an_open_run_end_when_the_engine_does() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder().registry(registry()).open(folder.path()).unwrap();
    let request = StartRequest::new(plan(vec![sleep("z", "1h", &[])]));
    let started = engine.handle().start(request).await.unwrap();
    let mut events = engine.handle().run::<Value>(&started.name).events();
    assert_eq!(events.next().await.unwrap().unwrap().revision, 0);
    let rest = tokio::spawn(async move { while let Ok(Some(_)) = events.next().await {} });
    engine.shutdown().await;
    within(rest).await.unwrap();
    Engine::builder().open(folder.path()).unwrap().shutdown().await;
}
