//! Events that are emitted while something is wrong with a run that waits for them.

use std::sync::atomic::Ordering;

use nexus_engine::model::definition::{OnSignalTimeout, Step, StepKind};
use nexus_engine::testkit::{plan, set};
use nexus_engine::{Config, Drive, Handle, Registry};
use serde_json::{Value, json};

use crate::life::{Life, by, config, is_completed, within};
use crate::log::{FaultyLog, memory};

/// Waits for the event `paid`; the output makes each definition another one.
fn waits(output: &str) -> Vec<Step> {
    let kind = StepKind::WaitFor {
        signal: "event:paid".into(),
        matches: None,
        timeout_ms: None,
        on_timeout: OnSignalTimeout::Fail,
    };
    vec![Step { kind, ..set("wait", Value::Null, &[]) }, set("say", json!(output), &["wait"])]
}

async fn emit(handle: &Handle, id: &str) {
    let existed = within(handle.emit("paid", &json!(1), id, by())).await.unwrap();
    assert!(!existed);
}

#[tokio::test]
async fn an_engine_that_drives_named_runs_delivers_what_was_emitted_for_them() {
    let memory = memory();
    let nothing = Config { drive: Drive::Nothing, ..config() };
    let first = Life::begin(&memory, nothing, Registry::new());
    let run = first.start(&plan(waits("a"))).await;
    emit(first.handle(), "e1").await;
    within(first.engine.shutdown()).await;

    let second = Life::begin(&memory, Config { drive: Drive::Named, ..config() }, Registry::new());
    second.handle().drive(run);
    assert!(is_completed(&second.end_of(run).await));
    within(second.engine.shutdown()).await;
}

#[tokio::test]
async fn a_run_that_cannot_be_read_keeps_an_event_from_nobody_else() {
    let memory = memory();
    let first = Life::begin(&memory, config(), Registry::new());
    let lost = first.start(&plan(waits("a"))).await;
    within(first.engine.shutdown()).await;

    let log = FaultyLog::over(&memory, 1);
    log.faults.definitions_garbled.store(true, Ordering::SeqCst);
    let second = Life::on(log, config(), Registry::new());
    let other = second.start(&plan(waits("b"))).await;
    emit(second.handle(), "e1").await;
    assert!(is_completed(&second.end_of(other).await));
    let topic = loop {
        let topic = within(second.handle().topic("paid")).await.unwrap().expect("it was emitted");
        if topic.undelivered.is_empty() {
            break topic;
        }
        tokio::task::yield_now().await;
    };
    let failure = topic.failure.expect("what could not be done is told");
    assert_eq!((failure.number, &*failure.code), (1, "NX5004"));
    assert!(failure.message.contains(&lost.to_string()), "{}", failure.message);
    within(second.engine.shutdown()).await;
}
