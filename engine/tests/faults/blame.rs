//! Who is to blame when the process ends: what was at work, and nothing else.

use std::sync::atomic::{AtomicU32, Ordering};

use nexus_engine::model::event::Event;
use nexus_engine::model::id::RunId;
use nexus_engine::model::run::RunStatus;
use nexus_engine::testkit::{action, plan};
use nexus_engine::{Registry, StepCx, handler_fn};
use serde_json::Value;

use crate::gate::Gate;
use crate::life::{Life, config, is_completed, until};
use crate::log::memory;

/// `long` works until it may end.
fn registry(began: &'static AtomicU32, may_end: &'static Gate) -> Registry {
    let long = move |cx: StepCx, _: Value| async move {
        began.fetch_add(1, Ordering::SeqCst);
        cx.or_cancelled(may_end.pass()).await
    };
    let mut registry = Registry::new();
    registry.insert("long", handler_fn(long));
    registry
}

async fn events(life: &Life, run: RunId) -> Vec<Event> {
    let history = life.handle().history(run, 0, 1_000).await.unwrap();
    history.into_iter().map(|recorded| recorded.event).collect()
}

fn is_cut(event: &Event) -> bool {
    matches!(event, Event::AttemptsInterrupted { .. })
}

#[tokio::test]
async fn nothing_is_started_while_an_attempt_runs_alone() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    static END: Gate = Gate::shut();
    let memory = memory();
    let mut life = Life::begin(&memory, config(), registry(&BEGAN, &END));
    let suspect = life.start(&plan(vec![action("a", "long", &[])])).await;
    for times in 1..=2 {
        until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == times).await;
        life.crash();
        life = Life::begin(&memory, config(), registry(&BEGAN, &END));
    }
    until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == 3).await;
    let other = life.start(&plan(vec![action("b", "long", &[])])).await;
    assert_eq!(events(&life, other).await.len(), 1, "it is started, its step is not");
    life.crash();
    let life = Life::begin(&memory, config(), registry(&BEGAN, &END));
    let RunStatus::Failed { failure, .. } = life.end_of(suspect).await else { panic!("it fails") };
    assert_eq!(failure.code, "NX3013");
    END.open();
    assert!(is_completed(&life.end_of(other).await));
    assert_eq!(events(&life, other).await.into_iter().filter(is_cut).count(), 0);
    assert_eq!(BEGAN.load(Ordering::SeqCst), 4);
}

/// Two attempts are suspects. While the first runs alone the second rests, so that only the first is out after the next end.
#[tokio::test]
async fn an_attempt_that_waits_to_run_alone_is_not_blamed_for_the_one_before_it() {
    static BEGAN: AtomicU32 = AtomicU32::new(0);
    static END: Gate = Gate::shut();
    let memory = memory();
    let mut life = Life::begin(&memory, config(), registry(&BEGAN, &END));
    let mut runs = Vec::new();
    for _ in 0..2 {
        runs.push(life.start(&plan(vec![action("a", "long", &[])])).await);
    }
    for times in [2, 4, 5] {
        until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == times).await;
        life.crash();
        life = Life::begin(&memory, config(), registry(&BEGAN, &END));
    }
    until("an attempt has begun", || BEGAN.load(Ordering::SeqCst) == 6).await;
    END.open();
    let mut completed = 0;
    for run in runs {
        let end = life.end_of(run).await;
        if let RunStatus::Failed { failure, .. } = &end {
            assert_eq!(failure.code, "NX3013");
        }
        completed += u32::from(is_completed(&end));
    }
    assert_eq!((completed, BEGAN.load(Ordering::SeqCst)), (1, 6));
}
