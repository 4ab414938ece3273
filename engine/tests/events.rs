//! Events between workflows: one run emits, another waits or is started; with a crash after each transition.

use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::definition::{Definition, EventTrigger, OnSignalTimeout, Step, StepKind};
use nexus_engine::model::event::Actor;
use nexus_engine::model::plan::{EMIT_HANDLER, Plan};
use nexus_engine::model::run::RunStatus;
use nexus_engine::testkit::{TestEngine, action, set, sleep};
use nexus_engine::{EmitError, Engine, Handle, StartRequest, TriggerRequest};
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_hours(1);

fn compile(definition: Definition) -> Arc<Plan> {
    Arc::new(Plan::compile(definition).expect("a good definition"))
}

fn emit(id: &str, event: &str, data: &Value, needs: &[&str]) -> Step {
    let mut step = action(id, EMIT_HANDLER, needs);
    step.kind =
        StepKind::Action { uses: EMIT_HANDLER.into(), with: json!({"event": event, "data": data}) };
    step
}

fn wait_for(id: &str, event: &str, matches: Option<&str>, needs: &[&str]) -> Step {
    let mut step = set(id, Value::Null, needs);
    step.kind = StepKind::WaitFor {
        signal: format!("event:{event}"),
        matches: matches.map(str::to_owned),
        timeout_ms: Some(86_400_000),
        on_timeout: OnSignalTimeout::Fail,
    };
    step
}

/// Ships an order and says so.
fn shipping() -> Arc<Plan> {
    let shipped = emit("say", "order.shipped", &json!({"order": "${{ inputs }}"}), &["ship"]);
    compile(Definition {
        name: "shipping".into(),
        input_is_value: true,
        steps: vec![action("ship", "ship", &[]), shipped],
        ..Definition::default()
    })
}

/// Waits until its order is shipped.
fn billing() -> Arc<Plan> {
    let wait = wait_for("shipped", "order.shipped", Some("event.order == inputs"), &["first"]);
    compile(Definition {
        name: "billing".into(),
        input_is_value: true,
        steps: vec![sleep("first", "1m", &[]), wait, action("bill", "bill", &["shipped"])],
        outputs: Some(json!("${{ steps.shipped.output }}")),
        ..Definition::default()
    })
}

/// Is started when an order above ten is shipped.
fn thanking() -> Arc<Plan> {
    let trigger = EventTrigger {
        event: "order.shipped".into(),
        matches: Some("event.order > 10".into()),
        input: Some(json!("${{ event.order }}")),
        name: None,
    };
    compile(Definition {
        name: "thanks".into(),
        input_is_value: true,
        event_triggers: vec![trigger],
        steps: vec![action("thank", "thank", &[])],
        outputs: Some(json!("${{ inputs }}")),
        ..Definition::default()
    })
}

fn shop() -> TestEngine {
    TestEngine::new()
        .mock("ship", json!(null))
        .mock("bill", json!("billed"))
        .mock("thank", json!("thanked"))
}

#[test]
fn a_run_goes_on_when_another_emits_what_it_waits_for() {
    let crashes = shop().crash_everywhere_in(|engine| {
        let bill = engine.start(&billing(), json!(7)).unwrap();
        engine.advance(HOUR);
        engine.start(&shipping(), json!(8)).unwrap();
        engine.settle();
        assert!(!engine.load(bill).1.status.is_terminal(), "that was another order");
        let ship = engine.start(&shipping(), json!(7)).unwrap();
        assert_eq!(engine.finish(ship).word(), "completed");
        assert_eq!(engine.finish(bill).word(), "completed");
        assert_eq!(engine.output(bill), json!({"order": 7}));
        assert_eq!(engine.topic("order.shipped").emitted, 2, "each counts once");
        assert!(engine.topic_replays("order.shipped"));
    });
    assert!(crashes.all_same(), "{crashes}");
    assert!(crashes.transitions > 12, "{}", crashes.transitions);
}

#[test]
fn an_event_counts_that_came_before_the_step_waited_but_not_one_from_before_the_run() {
    let crashes = shop().crash_everywhere_in(|engine| {
        engine.emit("order.shipped", &json!({"order": 7, "note": "too early"})).unwrap();
        engine.advance(HOUR);
        let bill = engine.start(&billing(), json!(7)).unwrap();
        engine.settle();
        engine.emit("order.shipped", &json!({"order": 7, "note": "in time"})).unwrap();
        engine.emit("order.shipped", &json!({"order": 7, "note": "late"})).unwrap();
        assert_eq!(engine.finish(bill).word(), "completed");
        assert_eq!(engine.output(bill), json!({"order": 7, "note": "in time"}));
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn an_event_starts_the_workflows_that_have_a_trigger_for_it_once() {
    let crashes = shop().crash_everywhere_in(|engine| {
        engine.emit("order.shipped", &json!({"order": 99})).unwrap();
        engine.set_trigger(&thanking(), 0).unwrap();
        for order in [3, 12] {
            let ship = engine.start(&shipping(), json!(order)).unwrap();
            assert_eq!(engine.finish(ship).word(), "completed");
        }
        engine.settle();
        let ending = engine.ending();
        let runs: Vec<&str> = ending.runs.keys().map(String::as_str).collect();
        assert_eq!(runs, ["thanks@order.shipped:3", "wf-001", "wf-002"]);
        let thanks = &ending.runs["thanks@order.shipped:3"];
        assert_eq!((thanks.status, &thanks.output), ("completed", &json!(12)));
        assert_eq!(engine.topic("order.shipped").started, 1);
        assert!(engine.topic_replays("order.shipped"));
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn one_event_reaches_everybody_who_waits_and_a_paused_run_when_it_is_resumed() {
    let crashes = shop().crash_everywhere_in(|engine| {
        let runs: Vec<_> = (0..3).map(|_| engine.start(&billing(), json!(7)).unwrap()).collect();
        engine.advance(HOUR);
        engine.pause(runs[1]).unwrap();
        engine.cancel(runs[2]).unwrap();
        engine.emit("order.shipped", &json!({"order": 7})).unwrap();
        assert_eq!(engine.finish(runs[0]).word(), "completed");
        assert!(!engine.load(runs[1]).1.status.is_terminal());
        engine.resume(runs[1]).unwrap();
        assert_eq!(engine.finish(runs[1]).word(), "completed");
        assert_eq!(engine.finish(runs[2]).word(), "cancelled");
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn without_the_event_the_step_times_out() {
    let mut engine = shop();
    let bill = engine.start(&billing(), json!(7)).unwrap();
    assert_eq!(engine.finish(bill).word(), "failed");
    let RunStatus::Failed { failure, .. } = engine.load(bill).1.status else { panic!("failed") };
    assert_eq!(failure.code, "NX4120");
}

#[test]
fn a_run_that_cannot_be_started_is_said_and_holds_nothing_up() {
    let mut strict = thanking().definition().clone();
    strict.input_is_value = false;
    strict.event_triggers[0].input = None;
    strict.outputs = None;
    let mut engine = shop();
    engine.set_trigger(&compile(strict), 0).unwrap();
    engine.emit("order.shipped", &json!({"order": 12})).unwrap();
    engine.emit("order.shipped", &json!({"order": 1})).unwrap();
    engine.settle();
    let topic = engine.topic("order.shipped");
    assert_eq!(
        topic.failure.map(|failure| (failure.number, failure.code)),
        Some((1, "NX1205".into()))
    );
    assert!(topic.undelivered.is_empty());
}

fn by() -> Actor {
    Actor { name: "eva".into(), via: "test".into() }
}

fn live() -> Engine {
    Engine::builder()
        .handler("ship", nexus_engine::handler_fn(async |_, value: Value| Ok(value)))
        .handler("bill", nexus_engine::handler_fn(async |_, value: Value| Ok(value)))
        .handler("thank", nexus_engine::handler_fn(async |_, value: Value| Ok(value)))
        .in_memory()
        .expect("an engine in memory")
}

async fn start(handle: &Handle, plan: Arc<Plan>, input: Value) -> nexus_engine::Started {
    handle.start(StartRequest::new(plan).input(input)).await.expect("it starts")
}

/// Waits for this order at once.
fn waiting() -> Arc<Plan> {
    compile(Definition {
        name: "waiting".into(),
        input_is_value: true,
        steps: vec![wait_for("shipped", "order.shipped", Some("event.order == inputs"), &[])],
        outputs: Some(json!("${{ steps.shipped.output }}")),
        ..Definition::default()
    })
}

#[tokio::test]
async fn a_real_engine_does_it_as_well() {
    let engine = live();
    let handle = engine.handle();
    let plan = thanking();
    let (callees, follows) = (Vec::new(), false);
    let request = TriggerRequest { plan, callees, at: 0, follows, folder: None, by: by() };
    handle.set_trigger(request).await.unwrap();
    let waits = start(handle, waiting(), json!(12)).await;
    let ships = start(handle, shipping(), json!(12)).await;
    assert_eq!(handle.wait(ships.run).await.unwrap().word(), "completed");
    assert_eq!(handle.wait(waits.run).await.unwrap().word(), "completed");
    // It is started after those that wait were told.
    let thanks = loop {
        match handle.find("thanks@order.shipped:1").await.unwrap() {
            Some(run) => break run,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(handle.wait(thanks).await.unwrap().word(), "completed");
    handle.remove_trigger("order.shipped", "thanks", by()).await.unwrap();
    assert!(handle.topic("order.shipped").await.unwrap().unwrap().triggers.is_empty());
    engine.shutdown().await;
}

#[tokio::test]
async fn what_is_emitted_from_outside_counts_once_for_each_id() {
    let engine = live();
    let handle = engine.handle();
    let waits = start(handle, waiting(), json!(1)).await;
    let emit = |order: u32, id: &'static str| {
        let handle = handle.clone();
        async move { handle.emit("order.shipped", &json!({"order": order}), id, by()).await }
    };
    assert!(!emit(1, "a").await.unwrap());
    assert_eq!(handle.wait(waits.run).await.unwrap().word(), "completed");
    assert!(emit(1, "a").await.unwrap(), "it was emitted before");
    let conflict = emit(2, "a").await.unwrap_err();
    assert!(matches!(conflict, EmitError::Conflict { .. }), "{conflict}");
    let both = futures_util::future::join(emit(3, "b"), emit(3, "b")).await;
    assert_eq!(usize::from(both.0.unwrap()) + usize::from(both.1.unwrap()), 1);
    let large = json!("x".repeat(70_000));
    let error = handle.emit("order.shipped", &large, "c", by()).await.unwrap_err();
    assert!(error.to_string().contains("more than 65536"), "{error}");
    let error = handle.emit("no name", &json!(1), "d", by()).await.unwrap_err();
    assert!(matches!(error, EmitError::Rejected(_)), "{error}");
    assert_eq!(handle.topic("order.shipped").await.unwrap().unwrap().emitted, 2);
    engine.shutdown().await;
}
