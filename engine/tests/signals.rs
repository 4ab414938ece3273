//! Signals and crashes: a run that waits is a row on disk, and goes on in whichever engine is there.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::definition::{Definition, OnSignalTimeout, StepKind};
use nexus_engine::model::event::Actor;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::rejection::Rejection;
use nexus_engine::model::run::RunStatus;
use nexus_engine::shard::Refusal;
use nexus_engine::{Config, Engine, Handle, RequestError, StartRequest};
use serde_json::{Value, json};

#[path = "support/due.rs"]
mod due;
#[path = "support/stores.rs"]
mod stores;
#[path = "support/until.rs"]
mod until;

use due::end_until_due;
use stores::crash;

fn plan(timeout_ms: Option<u64>, on_timeout: OnSignalTimeout) -> Arc<Plan> {
    let json = json!({
        "name": "waits", "input_is_value": true,
        "steps": [{"id": "paid", "kind": {"set": {"values": {}}}}],
        "outputs": "${{ steps.paid.output }}",
    });
    let mut definition = Definition::from_json(json.to_string().as_bytes()).unwrap();
    definition.steps[0].kind =
        StepKind::WaitFor { signal: "payment".into(), matches: None, timeout_ms, on_timeout };
    Arc::new(Plan::compile(definition).unwrap())
}

fn open(store: &Path) -> Engine {
    let config = Config { grace: Duration::from_millis(50), ..Config::default() };
    Engine::builder().config(config).open(store).unwrap()
}

fn by() -> Actor {
    Actor { name: "test".into(), via: "rust".into() }
}

async fn send(
    handle: &Handle,
    run: nexus_engine::model::id::RunId,
    id: &str,
) -> Result<u32, RequestError> {
    handle
        .signal(run, "payment", &json!({"order": 7}), id, by())
        .await
        .map(|answer| answer.revision)
}

fn output(status: &RunStatus) -> Value {
    let RunStatus::Completed { output } = status else { panic!("{status:?}") };
    serde_json::from_str(&format!("{output:?}")).expect("an output is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_before_and_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let request = StartRequest::new(plan(None, OnSignalTimeout::Fail));
    let run = engine.handle().start(request).await.unwrap().run;
    let waiting = crash(folder.path());
    engine.shutdown().await;

    let engine = open(waiting.path());
    let (_, state) = engine.handle().load(run).await.unwrap().expect("it goes well");
    assert!(state.is_parked() && state.awaiting().count() == 1);
    send(engine.handle(), run, "k1").await.unwrap();
    let delivered = crash(waiting.path());
    engine.shutdown().await;

    let engine = open(delivered.path());
    let again = send(engine.handle(), run, "k1").await.unwrap_err();
    assert!(matches!(
        again,
        RequestError::Refused(Refusal::Rejected(Rejection::AlreadyReceived { .. }))
    ));
    for (name, carries) in [("payment", json!({"order": 8})), ("unpaid", json!({"order": 7}))] {
        let other = engine.handle().signal(run, name, &carries, "k1", Actor::default()).await;
        assert!(
            matches!(
                &other,
                Err(RequestError::Refused(Refusal::Rejected(Rejection::OtherSignal { id })))
                    if id == "k1"
            ),
            "{name}: {other:?}"
        );
    }
    assert_eq!(output(&engine.handle().wait(run).await.unwrap()), json!({"order": 7}));
    assert!(engine.handle().replay(run, None).await.unwrap().agrees());
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_over_while_no_engine_is_there_counts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let start = async |on_timeout| {
        let request = StartRequest::new(plan(Some(2_000), on_timeout));
        engine.handle().start(request).await.unwrap().run
    };
    let fails = start(OnSignalTimeout::Fail).await;
    let goes_on = start(OnSignalTimeout::Continue).await;
    let left = crash(folder.path());
    end_until_due(engine, &[fails, goes_on]).await;

    let engine = open(left.path());
    let RunStatus::Failed { failure, .. } = engine.handle().wait(fails).await.unwrap() else {
        panic!("it fails")
    };
    assert_eq!(failure.code, "NX4001");
    assert_eq!(output(&engine.handle().wait(goes_on).await.unwrap()), Value::Null);
    engine.shutdown().await;
}
