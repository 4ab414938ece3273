//! A run goes on after a restart with another program: its graph is the stored one, its functions are found by name.

use nexus_engine::model::event::Event;
use nexus_engine::model::run::RunStatus;
use nexus_engine::prelude::*;

use crate::until::until;

const GO: Signal<u64> = Signal::new("go");

async fn old_first(_: StepCx, n: u64) -> StepResult<String> {
    Ok(format!("old first {n}"))
}

async fn old_last(_: StepCx, (first, go): (String, u64)) -> StepResult<String> {
    Ok(format!("{first}, old last {go}"))
}

async fn new_last(_: StepCx, (first, go): (String, u64)) -> StepResult<String> {
    Ok(format!("{first}, new last {go}"))
}

async fn extra(_: StepCx, last: String) -> StepResult<String> {
    Ok(format!("{last}, extra"))
}

fn old() -> Result<Workflow<u64, String>> {
    Workflow::dag("letter", |d, n| {
        let first = d.step("first", old_first, n);
        let go = d.wait("go", &GO).after(first);
        let last = d.step("last", old_last, (first, go));
        d.step("skipped", extra, last).when(go, |go: &u64| *go > 100);
        last
    })
}

fn new() -> Result<Workflow<u64, String>> {
    Workflow::dag("letter", |d, n| {
        let first = d.step("first", old_first, n);
        let go = d.wait("go", &GO).after(first);
        let last = d.step("last", new_last, (first, go));
        let skipped = d.step("skipped", extra, last).when(go, |go: &u64| *go > 1);
        d.step("extra", extra, last).after(skipped)
    })
}

async fn until_it_waits<T>(run: &RunHandle<T>) {
    let mut events = run.events();
    while let Some(event) = events.next().await.expect("events") {
        if matches!(event.event, Event::StepWaits { .. }) {
            return;
        }
    }
    panic!("it does not wait");
}

#[tokio::test]
async fn the_graph_is_stored_and_the_functions_are_of_the_new_program() {
    let store = tempfile::tempdir().unwrap();
    let first = old().unwrap().version(1);
    let engine = Engine::builder().workflow(&first).open(store.path()).unwrap();
    let run = engine.start(&first, 50).id("letter-1").await.unwrap();
    until_it_waits(&run).await;
    drop(run);
    engine.shutdown().await;

    let second = new().unwrap().version(2);
    assert_ne!(first.plan().hash(), second.plan().hash());
    let engine = Engine::builder().workflow(&second).open(store.path()).unwrap();
    let run = engine.run::<String>("letter-1");
    run.signal(&GO, &7).await.unwrap();
    assert_eq!(run.result().await.unwrap(), "old first 50, new last 7");
    let loaded = engine.handle().load(run.run_id().await.unwrap()).await.unwrap();
    let (plan, state) = loaded.unwrap();
    let ids: Vec<&str> = plan.steps().map(|step| plan.id(step)).collect();
    assert_eq!(ids, ["first", "go", "last", "skipped", "skipped.when"]);
    // The condition is that of the new program.
    assert_eq!(state.step_run(plan.find("skipped").unwrap()).word(), "completed");
    engine.shutdown().await;
}

/// Without the last step, which older runs still have.
fn without_last() -> Result<Workflow<u64, String>> {
    Workflow::dag("letter", |d, n| {
        let first = d.step("first", old_first, n);
        let go = d.wait("go", &GO).after(first);
        d.step("other", |_: StepCx, first: String| async move { Ok(first) }, first).after(go)
    })
}

#[tokio::test]
async fn a_step_whose_function_is_gone_rests_until_it_is_there_again() {
    let store = tempfile::tempdir().unwrap();
    let first = old().unwrap();
    let engine = Engine::builder().workflow(&first).open(store.path()).unwrap();
    let run = engine.start(&first, 50).id("letter-1").await.unwrap();
    until_it_waits(&run).await;
    drop(run);
    engine.shutdown().await;

    let later = without_last().unwrap();
    // However often the store is opened, and though there is room for one attempt only.
    for opened in 0..4 {
        let config = nexus_engine::Config { concurrency: 1, ..nexus_engine::Config::default() };
        let engine = Engine::builder().config(config).workflow(&later).open(store.path()).unwrap();
        let run = engine.run::<String>("letter-1");
        if opened == 0 {
            run.signal(&GO, &7).await.unwrap();
        }
        let id = run.run_id().await.unwrap();
        let handle = engine.handle();
        let missing = async || {
            let (plan, state) = handle.load(id).await.unwrap().unwrap();
            let missing = handle.missing_code(&plan, &state);
            missing.into_iter().find(|missing| plan.id(missing.step) == "last")
        };
        assert_eq!(until("the last step is due", missing).await.handler, "letter.last");
        let other = engine.start(&later, 1).id(format!("letter-{}", opened + 2)).await.unwrap();
        other.signal(&GO, &1).await.unwrap();
        assert_eq!(other.result().await.unwrap(), "old first 1");
        assert_eq!(run.status().await.unwrap(), RunStatus::Running);
        engine.shutdown().await;
    }

    let engine = Engine::builder().workflow(&first).open(store.path()).unwrap();
    let run = engine.run::<String>("letter-1");
    assert_eq!(run.result().await.unwrap(), "old first 50, old last 7");
    let replay = engine.handle().replay(run.run_id().await.unwrap(), None).await.unwrap();
    assert!(replay.agrees(), "{:?}", replay.differences);
    engine.shutdown().await;
}
