//! Names: one run each, however many ask for it.

use std::sync::Arc;

use nexus_engine::model::definition::Definition;
use nexus_engine::testkit::{action, compile, plan};
use nexus_engine::{Registry, StartError, StartRequest, StepCx, handler_fn};
use serde_json::{Value, json};

use crate::life::{Life, config, within};
use crate::log::memory;

fn one() -> Registry {
    let mut registry = Registry::new();
    registry.insert("one", handler_fn(|_: StepCx, _: Value| async move { Ok(1) }));
    registry
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_start_the_same_run_at_once_get_the_same_run() {
    let life = Life::begin(&memory(), config(), one());
    let plan = plan(vec![action("a", "one", &[])]);
    let starts: Vec<_> = (0..60)
        .map(|at| {
            let (handle, plan) = (life.handle().clone(), Arc::clone(&plan));
            let input = json!(at % 3 == 2);
            tokio::spawn(async move {
                handle.start(StartRequest::new(plan).name("x").input(input)).await
            })
        })
        .collect();
    let (mut made, mut existing, mut conflicts) = (Vec::new(), Vec::new(), Vec::new());
    for start in starts {
        match within(start).await.unwrap() {
            Ok(started) if started.existing => existing.push(started.run),
            Ok(started) => made.push(started.run),
            Err(StartError::Conflict { run, .. }) => conflicts.push(run),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(made.len(), 1);
    assert_eq!(existing.len() + conflicts.len(), 59);
    assert!(conflicts.len() == 20 || conflicts.len() == 40, "{}", conflicts.len());
    assert!(existing.iter().chain(&conflicts).all(|run| *run == made[0]));
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn made_names_go_on_after_a_crash_and_pass_by_those_taken() {
    let memory = memory();
    let plan = plan(vec![action("a", "one", &[])]);
    let first = Life::begin(&memory, config(), one());
    let named = StartRequest::new(Arc::clone(&plan)).name("wf-003");
    within(first.handle().start(named)).await.unwrap();
    for wanted in ["wf-001", "wf-002", "wf-004"] {
        let request = StartRequest::new(Arc::clone(&plan));
        assert_eq!(within(first.handle().start(request)).await.unwrap().name, wanted);
    }
    first.crash();
    let second = Life::begin(&memory, config(), one());
    let request = StartRequest::new(plan);
    assert_eq!(within(second.handle().start(request)).await.unwrap().name, "wf-005");
    within(second.engine.shutdown()).await;
}

#[tokio::test]
async fn a_definition_names_its_runs() {
    let life = Life::begin(&memory(), config(), one());
    let plan = compile(Definition {
        steps: vec![action("a", "one", &[])],
        run_id: Some("order-${{ inputs.n }}".into()),
        ..Definition::default()
    });
    let start = |n: Value| {
        life.handle().start(StartRequest::new(Arc::clone(&plan)).input(json!({ "n": n })))
    };
    let first = within(start(json!(7))).await.unwrap();
    assert_eq!((first.name.as_str(), first.existing), ("order-7", false));
    let again = within(start(json!(7))).await.unwrap();
    assert_eq!((again.run, again.existing), (first.run, true));
    let bad = within(start(json!("a/b"))).await;
    assert!(matches!(bad, Err(StartError::Name(_))), "{bad:?}");
    let empty = life.handle().start(StartRequest::new(plan.clone()).name("")).await;
    assert!(matches!(empty, Err(StartError::Name(_))), "{empty:?}");
    within(life.engine.shutdown()).await;
}
