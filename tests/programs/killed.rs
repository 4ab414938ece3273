//! The example programs as processes of their own, which are killed with `SIGKILL` once a given event is on the disk, and started
//! again.

use std::fmt::Debug;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nexus_engine::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::agent_loop::agent_loop;
use crate::order::{Shop, order, order_as_function};

/// Where the child finds its store, and after which event it is killed.
const STORE: &str = "NEXUS_PROGRAM_STORE";
const KILL_AT: &str = "NEXUS_PROGRAM_KILL_AT";
/// The name of the run.
const NAME: &str = "it";

/// The child: lets the program run, and kills itself where it is told.
async fn live_through<In, Out>(store: &str, workflow: &Workflow<In, Out>, input: In)
where
    In: Serialize,
    Out: DeserializeOwned + 'static,
{
    let kill_at: Option<u32> = std::env::var(KILL_AT).ok().and_then(|at| at.parse().ok());
    let builder = Engine::builder().state(Shop::default()).workflow(workflow);
    let engine = builder.open(store).expect("a store");
    let run = engine.start(workflow, input).id(NAME).await;
    let run = run.expect("a start");
    let mut events = run.events();
    while let Some(event) = events.next().await.expect("an event") {
        if event.kind() == "approval.requested" {
            // The first answer counts; an earlier life may have given it.
            let _ = run.approve("approve", "dana").group("ops").await;
        }
        if kill_at == Some(event.revision) {
            let this = std::process::id().to_string();
            Command::new("kill").args(["-KILL", &this]).status().expect("kill runs");
            std::future::pending::<()>().await;
        }
    }
    run.result().await.expect("an output");
    drop((run, events));
    engine.shutdown().await;
}

fn live(test: &str, store: &Path, kill_at: Option<u32>) -> ExitStatus {
    let tests = std::env::current_exe().expect("the path of this test");
    let mut child = Command::new(tests);
    let this = format!("killed::{test}");
    child.args(["--exact", &this, "--nocapture"]).env(STORE, store);
    if let Some(at) = kill_at {
        child.env(KILL_AT, at.to_string());
    }
    child.output().expect("the child runs").status
}

/// The run in a store that nobody works on: its events by kind, and what it brought.
async fn found<Out: DeserializeOwned + 'static>(store: &Path) -> (Vec<String>, Out) {
    let engine = Engine::builder().open(store).expect("a store");
    let run = engine.run::<Out>(NAME);
    let (mut events, mut kinds) = (run.events(), Vec::new());
    while let Some(event) = events.next().await.expect("an event") {
        kinds.push(event.kind().to_owned());
    }
    let output = tokio::time::timeout(Duration::from_secs(30), run.result()).await;
    let output = output.expect("it has ended").expect("an output");
    drop((run, events));
    engine.shutdown().await;
    (kinds, output)
}

fn count(kinds: &[String], kind: &str) -> usize {
    kinds.iter().filter(|found| *found == kind).count()
}

/// What a program brings, wherever it is killed; `None` in the child.
async fn killed_at_every_event<In, Out>(
    test: &str,
    workflow: &Workflow<In, Out>,
    input: In,
    completed: usize,
) -> Option<Out>
where
    In: Serialize,
    Out: DeserializeOwned + PartialEq + Debug + 'static,
{
    if let Ok(store) = std::env::var(STORE) {
        live_through(&store, workflow, input).await;
        return None;
    }
    let plain = tempfile::tempdir().expect("a folder");
    assert!(live(test, plain.path(), None).success());
    let (kinds, output) = found::<Out>(plain.path()).await;
    assert_eq!(count(&kinds, "step.completed"), completed, "{kinds:?}");
    let events = u32::try_from(kinds.len()).expect("few events");
    for at in 0..events {
        let store = tempfile::tempdir().expect("a folder");
        let killed = live(test, store.path(), Some(at));
        assert!(!killed.success(), "it is killed at event {at}");
        let ended = live(test, store.path(), None);
        assert!(ended.success(), "it ends after it was killed at event {at}");
        let (after, same) = found::<Out>(store.path()).await;
        assert_eq!(same, output, "killed at event {at}");
        for kind in
            ["step.completed", "approval.granted", "run.completed", "run.started", "calls.made"]
        {
            assert_eq!(count(&after, kind), count(&kinds, kind), "{kind}, killed at event {at}");
        }
    }
    Some(output)
}

#[tokio::test]
async fn an_order_that_is_killed_at_every_event_ends_the_same() {
    let this = "an_order_that_is_killed_at_every_event_ends_the_same";
    let order = order().expect("a workflow");
    let parcel = killed_at_every_event(this, &order, crate::an_order(250_000), 6).await;
    assert!(parcel.is_none_or(|parcel| parcel.tracking == "A-1, hold of A-1"));
}

#[tokio::test]
async fn an_order_that_is_a_function_ends_as_the_graph_does() {
    let this = "an_order_that_is_a_function_ends_as_the_graph_does";
    let order = order_as_function().expect("a workflow");
    let parcel = killed_at_every_event(this, &order, crate::an_order(250_000), 5).await;
    assert!(parcel.is_none_or(|parcel| parcel.tracking == "A-1, hold of A-1"));
}

#[tokio::test]
async fn an_agent_loop_that_is_killed_at_every_event_ends_the_same() {
    let this = "an_agent_loop_that_is_killed_at_every_event_ends_the_same";
    let agent = agent_loop().expect("a workflow");
    let report = killed_at_every_event(this, &agent, crate::a_task(100), 7).await;
    assert!(report.is_none_or(|report| (report.spent, report.rounds) == (28, 3)));
}
