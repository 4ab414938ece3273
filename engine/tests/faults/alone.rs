//! A run that is alone: the driver itself waits for the disk, where it may.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{action, plan};
use nexus_engine::{Registry, StepCx, handler_fn};
use serde_json::Value;

use crate::life::{Life, config, is_completed};
use crate::log::memory;

/// Steps of a run.
const STEPS: usize = 40;

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.insert("one", handler_fn(|_: StepCx, _: Value| async { Ok(1) }));
    registry
}

/// Steps in a row.
fn chain() -> Arc<Plan> {
    let names: Vec<String> = (0..STEPS).map(|at| format!("s{at}")).collect();
    let needs = |at: usize| at.checked_sub(1).map(|before| names[before].as_str());
    plan(
        names
            .iter()
            .enumerate()
            .map(|(at, name)| action(name, "one", needs(at).as_slice()))
            .collect(),
    )
}

/// How many submissions of a run came from one who would wait, and how many in all.
async fn submissions() -> (usize, usize) {
    let life = Life::begin(&memory(), config(), registry());
    let run = life.start(&chain()).await;
    assert!(is_completed(&life.end_of(run).await));
    let faults = &life.log.faults;
    (faults.here.load(Ordering::SeqCst), faults.submitted.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_driver_waits_for_the_disk_when_it_has_nothing_else_to_do() {
    let (here, all) = submissions().await;
    assert!(here > STEPS / 2, "{here} of {all}");
    assert!(here < all, "not at once: {here} of {all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_does_not_where_nobody_would_go_on() {
    assert_eq!(submissions().await.0, 0);
}

#[tokio::test]
async fn nor_on_the_thread_of_its_program() {
    assert_eq!(submissions().await.0, 0);
}
