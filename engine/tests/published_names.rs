//! What is meant by the name of a published workflow: by a call for ever, by schedules and triggers at each start.

#[path = "support/published.rs"]
mod published;
#[path = "support/until.rs"]
mod until;

use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::definition::Definition;
use nexus_engine::model::id::DefinitionHash;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::schedule::{CatchUp, Overlap, Timing};
use nexus_engine::{
    Config, Engine, Handle, ScheduleRequest, StartError, StartRequest, TriggerRequest,
};
use published::{by, publish};
use serde_json::{Value, json};
use until::until;

fn compiled(definition: &Value) -> Arc<Plan> {
    let definition = Definition::from_json(definition.to_string().as_bytes());
    Arc::new(Plan::compile(definition.expect("a definition")).expect("a plan"))
}

/// `score`, which puts out `what` and is started by the event `asked`.
fn score(what: &str) -> Arc<Plan> {
    compiled(&json!({
        "name": "score", "inputs": {"order": {"default": 0}},
        "event_triggers": [{"event": "asked"}],
        "steps": [{"id": "a", "kind": {"set": {"values": {"what": what}}}}],
        "outputs": "${{ steps.a.output.what }}",
    }))
}

/// A workflow that calls another one, and puts out what that did.
fn caller(name: &str, call: &Value) -> Arc<Plan> {
    compiled(&json!({
        "name": name,
        "steps": [{"id": "c", "kind": {"call": call}}],
        "outputs": "${{ steps.c.output }}",
    }))
}

fn open(store: &std::path::Path) -> Engine {
    let config = Config { grace: Duration::from_millis(50), ..Config::default() };
    Engine::builder().config(config).open(store).expect("a store")
}

/// The output of a run, once it has completed.
async fn output(handle: &Handle, request: StartRequest) -> String {
    let run = handle.start(request).await.expect("a run").run;
    let status = handle.wait(run).await.expect("an end");
    format!("{status:?}")
}

/// The definition of the run of this name, once it has ended.
async fn definition(handle: &Handle, name: &str) -> DefinitionHash {
    let run = until("it is started", async || handle.find(name).await.expect("a log")).await;
    handle.wait(run).await.expect("an end");
    let (plan, _) = handle.load(run).await.expect("a log").expect("a run");
    plan.hash()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_means_the_version_that_is_current_when_it_is_taken_or_the_one_it_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let handle = engine.handle();
    let current = caller("top", &json!({"workflow": "score", "with": {"order": 7}}));
    let start = |plan: &Arc<Plan>| StartRequest::new(Arc::clone(plan));
    let error = handle.start(start(&current)).await.expect_err("nothing is published");
    assert!(matches!(error, StartError::Unresolved { .. }), "{error:?}");

    publish(handle, &score("one")).await;
    assert!(output(handle, start(&current)).await.contains("one"));
    // A workflow that is published keeps what it calls.
    publish(handle, &caller("kept", &json!({"workflow": "score", "with": null}))).await;
    publish(handle, &score("two")).await;
    assert!(output(handle, start(&current)).await.contains("two"));
    let first = caller("first", &json!({"workflow": "score", "version": "1", "with": null}));
    assert!(output(handle, start(&first)).await.contains("one"));
    let kept = caller("deep", &json!({"workflow": "kept", "with": null}));
    assert!(output(handle, start(&kept)).await.contains("one"));

    let third = caller("third", &json!({"workflow": "score", "version": "3", "with": null}));
    let error = handle.start(start(&third)).await.expect_err("there is no third");
    assert!(matches!(&error, StartError::Unresolved { workflow, .. } if workflow == "score@3"));
    let misfit = caller("misfit", &json!({"workflow": "score", "with": {"odrer": 1}}));
    let error = handle.start(start(&misfit)).await.expect_err("there is no such input");
    assert!(matches!(&error, StartError::CallMisfit { code: "NX1184", .. }), "{error:?}");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_called_file_calls_by_name_is_pinned_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let handle = engine.handle();
    publish(handle, &score("one")).await;
    let middle = caller("middle", &json!({"workflow": "score", "with": null}));
    let call = json!({
        "workflow": "./middle.workflow.yaml", "definition": middle.hash().to_string(), "with": null,
    });
    let request = StartRequest::new(caller("top", &call)).callees([middle]);
    assert!(output(handle, request).await.contains("one"));
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_and_triggers_made_by_name_follow_what_is_current() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let handle = engine.handle();
    let (one, two) = (score("one"), score("two"));
    publish(handle, &one).await;
    for (name, follows) in [("follows", true), ("pinned", false)] {
        let request = ScheduleRequest {
            name: name.into(),
            timing: Timing::Every { ms: 86_400_000 },
            plan: Arc::clone(&one),
            callees: Vec::new(),
            follows,
            input: json!({}),
            folder: None,
            catch_up: CatchUp::Latest,
            overlap: Overlap::Skip,
            replace: false,
            by: by(),
        };
        handle.put_schedule(request).await.expect("a schedule");
    }
    let trigger = |follows| TriggerRequest {
        plan: Arc::clone(&one),
        callees: Vec::new(),
        at: 0,
        follows,
        folder: None,
        by: by(),
    };
    handle.set_trigger(trigger(true)).await.expect("a trigger");
    publish(handle, &two).await;

    for (name, expected) in [("follows", &two), ("pinned", &one)] {
        let triggered = handle.trigger_schedule(name, by()).await.expect("it is due");
        let nexus_engine::ScheduledRun::Requested(run) = triggered else { panic!("{triggered:?}") };
        assert_eq!(definition(handle, &run).await, expected.hash(), "{name}");
    }
    handle.emit("asked", &json!({}), "e-1", by()).await.expect("an event");
    assert_eq!(definition(handle, "score@asked:1").await, two.hash());
    handle.set_trigger(trigger(false)).await.expect("it is changed");
    handle.emit("asked", &json!({}), "e-2", by()).await.expect("an event");
    assert_eq!(definition(handle, "score@asked:2").await, one.hash());
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_current_version_does_not_name_starts_nothing_and_that_is_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let handle = engine.handle();
    let one = score("one");
    publish(handle, &one).await;
    let trigger = TriggerRequest {
        plan: Arc::clone(&one),
        callees: Vec::new(),
        at: 0,
        follows: true,
        folder: None,
        by: by(),
    };
    handle.set_trigger(trigger).await.expect("a trigger");
    let renamed = json!({
        "name": "score", "event_triggers": [{"event": "asked", "name": "other"}],
        "steps": [{"id": "a", "kind": {"set": {"values": {}}}}],
    });
    publish(handle, &compiled(&renamed)).await;
    handle.emit("asked", &json!({}), "e-1", by()).await.expect("an event");
    let failure = async || handle.topic("asked").await.expect("a log")?.failure;
    until("the topic says so", failure).await;
    publish(handle, &one).await;
    handle.emit("asked", &json!({}), "e-2", by()).await.expect("an event");
    assert_eq!(definition(handle, "score@asked:2").await, one.hash());
    assert_eq!(handle.find("score@asked:1").await.expect("a log"), None);
    let topic = handle.topic("asked").await.expect("a log").expect("a topic");
    let failure = topic.failure.expect("it says that nothing was started");
    assert_eq!((failure.number, &*failure.trigger, &*failure.code), (1, "score", "NX4188"));
    let wanted = "score@2, which is current, has no such trigger for this event";
    assert_eq!(failure.message, wanted);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_start_is_the_same_run_whatever_is_published_in_between() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path());
    let handle = engine.handle();
    publish(handle, &score("one")).await;
    let top = caller("top", &json!({"workflow": "score", "with": {"order": 7}}));
    let keyed = compiled(&json!({
        "name": "keyed", "dedupe": {"key": "k", "within_ms": 1},
        "steps": [{"id": "c", "kind": {"call": {"workflow": "score", "with": {"order": 7}}}}],
    }));
    let starts = [(&top, "named"), (&keyed, "keyed")];
    let start = |(plan, name): (&Arc<Plan>, &str)| {
        handle.start(StartRequest::new(Arc::clone(plan)).name(name))
    };
    let first = [start(starts[0]).await.expect("a run"), start(starts[1]).await.expect("a run")];
    // One that takes the same, and one that does not take what it is handed.
    let strict = json!({"name": "score", "steps": [{"id": "a", "kind": {"set": {"values": {}}}}]});
    for changed in [score("two"), compiled(&strict)] {
        publish(handle, &changed).await;
        for (asked, first) in starts.into_iter().zip(&first) {
            let again = start(asked).await.expect("the run that is there");
            assert_eq!((again.run, again.existing), (first.run, true), "{}", asked.1);
        }
    }
    let error = handle.start(StartRequest::new(top).name("other")).await;
    assert!(matches!(error, Err(StartError::CallMisfit { .. })), "{error:?}");
    let taken = handle.start(StartRequest::new(score("one")).name("named")).await;
    assert!(matches!(taken, Err(StartError::Conflict { .. })), "{taken:?}");
    engine.shutdown().await;
}
