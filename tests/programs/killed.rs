//! The order as a process of its own, which is killed with `SIGKILL` once a given event is on the disk, and started again.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nexus_engine::prelude::*;

use crate::order::{Parcel, Shop, order};

/// Where the child finds its store, and after which event it is killed.
const STORE: &str = "NEXUS_ORDER_STORE";
const KILL_AT: &str = "NEXUS_ORDER_KILL_AT";

/// The child: orders, and kills itself where it is told.
async fn order_once(store: &str) {
    let kill_at: Option<u32> = std::env::var(KILL_AT).ok().and_then(|at| at.parse().ok());
    let order = order().expect("a workflow");
    let builder = Engine::builder().state(Shop::default()).workflow(&order);
    let engine = builder.open(store).expect("a store");
    let run = engine.start(&order, crate::an_order(250_000)).id("order-A-1").await;
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
    run.result().await.expect("a parcel");
    drop((run, events));
    engine.shutdown().await;
}

fn live(store: &Path, kill_at: Option<u32>) -> ExitStatus {
    let test = std::env::current_exe().expect("the path of this test");
    let mut child = Command::new(test);
    let this = "killed::an_order_that_is_killed_at_every_event_ends_the_same";
    child.args(["--exact", this, "--nocapture"]).env(STORE, store);
    if let Some(at) = kill_at {
        child.env(KILL_AT, at.to_string());
    }
    child.output().expect("the child runs").status
}

/// The run in a store that nobody works on: its events by kind, and what it brought.
async fn found(store: &Path) -> (Vec<String>, Parcel) {
    let engine = Engine::builder().open(store).expect("a store");
    let run = engine.run::<Parcel>("order-A-1");
    let (mut events, mut kinds) = (run.events(), Vec::new());
    while let Some(event) = events.next().await.expect("an event") {
        kinds.push(event.kind().to_owned());
    }
    let parcel = tokio::time::timeout(Duration::from_secs(30), run.result()).await;
    let parcel = parcel.expect("it has ended").expect("a parcel");
    drop((run, events));
    engine.shutdown().await;
    (kinds, parcel)
}

fn count(kinds: &[String], kind: &str) -> usize {
    kinds.iter().filter(|found| *found == kind).count()
}

#[tokio::test]
async fn an_order_that_is_killed_at_every_event_ends_the_same() {
    if let Ok(store) = std::env::var(STORE) {
        return order_once(&store).await;
    }
    let plain = tempfile::tempdir().expect("a folder");
    assert!(live(plain.path(), None).success());
    let (kinds, parcel) = found(plain.path()).await;
    assert_eq!(parcel.tracking, "A-1, hold of A-1");
    assert_eq!(count(&kinds, "step.completed"), 6, "{kinds:?}");
    let events = u32::try_from(kinds.len()).expect("few events");
    for at in 0..events {
        let store = tempfile::tempdir().expect("a folder");
        assert!(!live(store.path(), Some(at)).success(), "it is killed at event {at}");
        assert!(live(store.path(), None).success(), "it ends after it was killed at event {at}");
        let (after, same) = found(store.path()).await;
        assert_eq!(same, parcel, "killed at event {at}");
        for kind in ["step.completed", "approval.granted", "run.completed", "run.started"] {
            assert_eq!(count(&after, kind), count(&kinds, kind), "{kind}, killed at event {at}");
        }
    }
}
