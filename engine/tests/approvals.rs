//! Approvals and crashes: a run that asks is a row on disk, and a decision counts once, whichever engine is there.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::definition::Definition;
use nexus_engine::model::event::Actor;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::rejection::Rejection;
use nexus_engine::model::run::RunStatus;
use nexus_engine::shard::Refusal;
use nexus_engine::{ApprovalDecision, Config, Engine, Handle, RequestError, StartRequest};
use serde_json::{Value, json};

#[path = "support/due.rs"]
mod due;
#[path = "support/stores.rs"]
mod stores;
#[path = "support/until.rs"]
mod until;

use due::end_until_due;
use stores::crash;

fn plan(approval: &Value) -> Arc<Plan> {
    let json = json!({
        "name": "asks", "input_is_value": true,
        "steps": [{"id": "ok", "kind": {"approve": approval}}],
        "outputs": "${{ steps.ok.output.by }}",
    });
    let definition = Definition::from_json(json.to_string().as_bytes()).unwrap();
    Arc::new(Plan::compile(definition).unwrap())
}

fn open(store: &Path) -> Engine {
    let config = Config { grace: Duration::from_millis(50), ..Config::default() };
    Engine::builder().config(config).open(store).unwrap()
}

async fn decide(handle: &Handle, run: RunId, approved: bool) -> Result<u32, RequestError> {
    let by = Actor { name: "dana".into(), via: "rust".into() };
    let decision = ApprovalDecision { approved, by, ..ApprovalDecision::default() };
    handle.decide_approval(run, StepIndex(0), decision).await.map(|answer| answer.revision)
}

fn output(status: &RunStatus) -> Value {
    let RunStatus::Completed { output } = status else { panic!("{status:?}") };
    serde_json::from_str(&format!("{output:?}")).expect("an output is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_before_and_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let request = StartRequest::new(plan(&json!({"by": "dana"})));
    let run = engine.handle().start(request).await.unwrap().run;
    let asking = crash(folder.path());
    engine.shutdown().await;

    let engine = open(asking.path());
    let (_, state) = engine.handle().load(run).await.unwrap().expect("it goes well");
    assert!(state.is_parked() && state.awaiting().count() == 1);
    decide(engine.handle(), run, true).await.unwrap();
    let decided = crash(asking.path());
    engine.shutdown().await;

    let engine = open(decided.path());
    let again = decide(engine.handle(), run, false).await.unwrap_err();
    assert!(matches!(
        again,
        RequestError::Refused(Refusal::Rejected(Rejection::AlreadyDecided { .. }))
    ));
    assert_eq!(output(&engine.handle().wait(run).await.unwrap()), json!("dana"));
    assert!(engine.handle().replay(run, None).await.unwrap().agrees());
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_answers_at_once_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let request = StartRequest::new(plan(&json!({"by": "dana"})));
    let run = engine.handle().start(request).await.unwrap().run;
    let mut answers = tokio::task::JoinSet::new();
    for at in 0..20 {
        let handle = engine.handle().clone();
        answers.spawn(async move { decide(&handle, run, at % 2 == 0).await.is_ok() });
    }
    let counted = answers.join_all().await.into_iter().filter(|counts| *counts).count();
    assert_eq!(counted, 1);
    engine.handle().wait(run).await.unwrap();
    assert!(engine.handle().replay(run, None).await.unwrap().agrees());
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_over_while_no_engine_is_there_counts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let mut runs = Vec::new();
    for on_timeout in ["fail", "reject"] {
        let approval = json!({"by": "dana", "timeout_ms": 2_000, "on_timeout": on_timeout});
        let request = StartRequest::new(plan(&approval));
        runs.push(engine.handle().start(request).await.unwrap().run);
    }
    let left = crash(folder.path());
    end_until_due(engine, &runs).await;

    let engine = open(left.path());
    for (run, code) in runs.into_iter().zip(["NX4102", "NX4101"]) {
        let RunStatus::Failed { failure, .. } = engine.handle().wait(run).await.unwrap() else {
            panic!("it fails")
        };
        assert_eq!(failure.code, code);
    }
    engine.shutdown().await;
}
