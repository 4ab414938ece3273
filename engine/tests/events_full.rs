//! Events whose triggers find no room: those before are delivered, and none is handled twice, whatever is published meanwhile.

#[path = "support/published.rs"]
mod published;
#[path = "support/until.rs"]
mod until;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::definition::Definition;
use nexus_engine::model::plan::Plan;
use nexus_engine::{Config, Engine, Handle, StartRequest, TriggerRequest};
use published::{by, publish};
use serde_json::{Value, json};
use until::until;

fn compiled(definition: &Value) -> Arc<Plan> {
    let definition = Definition::from_json(definition.to_string().as_bytes());
    Arc::new(Plan::compile(definition.expect("a definition")).expect("a plan"))
}

/// `index`, which is started by the event `changed`.
fn index(rest: &Value) -> Arc<Plan> {
    let mut definition = json!({
        "name": "index", "event_triggers": [{"event": "changed"}],
        "steps": [{"id": "a", "kind": {"set": {"values": {}}}}],
    });
    for (key, value) in rest.as_object().expect("a map") {
        definition[key] = value.clone();
    }
    compiled(&definition)
}

/// `mirror`, which is started by the event `changed` and open until it has its signal.
fn mirror() -> Arc<Plan> {
    compiled(&json!({
        "name": "mirror", "event_triggers": [{"event": "changed"}],
        "steps": [{"id": "a", "kind": {"wait_for": {"signal": "go"}}}],
    }))
}

fn open(store: &Path, open_runs_max: u64) -> Engine {
    let grace = Duration::from_millis(50);
    let config = Config { grace, open_runs_max: Some(open_runs_max), ..Config::default() };
    Engine::builder().config(config).open(store).expect("a store")
}

async fn set_trigger(handle: &Handle, plan: &Arc<Plan>) {
    let request = TriggerRequest {
        plan: Arc::clone(plan),
        callees: Vec::new(),
        at: 0,
        follows: true,
        folder: None,
        by: by(),
    };
    handle.set_trigger(request).await.expect("a trigger");
}

async fn emit(handle: &Handle, id: &str) {
    handle.emit("changed", &json!({}), id, by()).await.expect("an event");
}

/// Waits until so many events are not delivered.
async fn undelivered(handle: &Handle, count: usize) {
    until("events are delivered", async || {
        let topic = handle.topic("changed").await.expect("a log")?;
        (topic.undelivered.len() == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_before_one_that_waits_for_room_are_delivered() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), 1);
    let handle = engine.handle();
    let plan = mirror();
    publish(handle, &plan).await;
    set_trigger(handle, &plan).await;
    let first = handle.start(StartRequest::new(plan).name("first")).await.expect("a run");
    for id in ["e-1", "e-2", "e-3"] {
        emit(handle, id).await;
    }
    undelivered(handle, 3).await;
    handle.signal(first.run, "go", &json!(null), "", by()).await.expect("a signal");
    undelivered(handle, 2).await;
    let run = handle.find("mirror@changed:1").await.expect("a log").expect("a run");
    handle.signal(run, "go", &json!(null), "", by()).await.expect("a signal");
    undelivered(handle, 1).await;
    assert_eq!(handle.topic("changed").await.expect("a log").expect("one").started, 2);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_handled_is_not_handled_again_with_what_is_published_later() {
    for restarts in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut engine = open(folder.path(), 1);
        let rule = json!({"debounce": {"key": "s", "wait_ms": 86_400_000}});
        for plan in [index(&rule), mirror()] {
            publish(engine.handle(), &plan).await;
            set_trigger(engine.handle(), &plan).await;
        }
        let first = engine.handle().start(StartRequest::new(mirror()).name("first")).await;
        let first = first.expect("a run").run;
        emit(engine.handle(), "e-1").await;
        until("it is kept", async || {
            engine.handle().start_key("index/s").await.expect("a log")?.kept
        })
        .await;
        publish(engine.handle(), &index(&json!({}))).await;
        if restarts {
            engine.shutdown().await;
            engine = open(folder.path(), 1);
        }
        let handle = engine.handle();
        handle.signal(first, "go", &json!(null), "", by()).await.expect("a signal");
        undelivered(handle, 0).await;
        assert!(handle.find("mirror@changed:1").await.expect("a log").is_some());
        assert_eq!(handle.find("index@changed:1").await.expect("a log"), None, "{restarts}");
        let key = handle.start_key("index/s").await.expect("a log").expect("a key");
        assert_eq!(key.kept.expect("a start").starts, 1);
        assert_eq!(handle.topic("changed").await.expect("a log").expect("one").started, 2);
        engine.shutdown().await;
    }
}
