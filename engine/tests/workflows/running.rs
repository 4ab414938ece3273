//! How workflows run: outputs, undo, panics, and functions that block.

use nexus_engine::model::event::Event;
use nexus_engine::model::run::RunStatus;
use nexus_engine::prelude::*;

use crate::order::{Order, Parcel, Shop, an_order, order};

fn engine(shop: &Shop, workflow: &Workflow<Order, Parcel>) -> Engine {
    Engine::builder().state(shop.clone()).workflow(workflow).in_memory().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_order_needs_nobody() {
    let (shop, order) = (Shop::default(), order().unwrap());
    let engine = engine(&shop, &order);
    let run = engine.start(&order, an_order("A-1", 500)).id("order-A-1").label("to", "B").await;
    let run = run.unwrap();
    assert_eq!(run.id(), "order-A-1");
    assert_eq!(run.result().await.unwrap(), Parcel { tracking: "T-A-1".into() });
    let expected = ["reserve A-1", "charge 500 for hold-A-1", "ship hold-A-1", "notify T-A-1"];
    assert_eq!(shop.done(), expected);
    // The same start again is the same run.
    let again = engine.start(&order, an_order("A-1", 500)).id("order-A-1").await.unwrap();
    assert_eq!(again.run_id().await.unwrap(), run.run_id().await.unwrap());
    engine.shutdown().await;
}

/// A current-thread runtime has one thread for the engine, its handlers and whoever asks.
#[tokio::test(flavor = "current_thread")]
async fn one_thread_is_enough_also_with_a_store_on_disk() {
    let (shop, order) = (Shop::default(), order().unwrap());
    let store = tempfile::tempdir().unwrap();
    let builder = Engine::builder().state(shop.clone()).workflow(&order);
    let engine = builder.open(store.path()).unwrap();
    let run = engine.start(&order, an_order("A-2", 200_000)).id("order-A-2").await.unwrap();
    waits_for_approval(&run).await;
    run.approve("approve", "dana").group("ops").await.unwrap();
    assert_eq!(run.result().await.unwrap().tracking, "T-A-2");
    engine.shutdown().await;
}

async fn waits_for_approval<T>(run: &RunHandle<T>) {
    let mut events = run.events();
    while let Some(event) = events.next().await.unwrap() {
        if matches!(event.event, Event::ApprovalRequested { .. }) {
            return;
        }
    }
    panic!("nobody is asked");
}

#[tokio::test]
async fn what_was_done_is_undone_with_what_it_brought() {
    let (shop, order) = (Shop::default(), order().unwrap());
    let engine = engine(&shop, &order);
    let run = engine.start(&order, an_order("lost", 500)).await.unwrap();
    let error = run.result().await.unwrap_err();
    assert_eq!(error.to_string(), "run `wf-001` failed at `ship`: NX3001 no truck");
    assert_eq!(error.code(), Some("NX3001"));
    assert!(matches!(error, Error::Failed { step: Some(step), .. } if step == "ship"));
    let done = shop.done();
    assert_eq!(done.last_chunk().unwrap(), &["refund pay-lost", "release hold-lost"]);
    engine.shutdown().await;
}

#[tokio::test]
async fn who_is_asked_says_no_and_all_is_undone() {
    let (shop, order) = (Shop::default(), order().unwrap());
    let engine = engine(&shop, &order);
    let run = engine.start(&order, an_order("A-3", 200_000)).await.unwrap();
    waits_for_approval(&run).await;
    let stranger = run.approve("approve", "erin").await.unwrap_err();
    assert!(stranger.to_string().contains("may not decide"), "{stranger}");
    let nowhere = run.approve("aprove", "erin").await.unwrap_err();
    assert_eq!(nowhere.to_string(), "NX4180: run `wf-001` has no step `aprove`");
    run.reject("approve", "dana").group("ops").note("too much").await.unwrap();
    assert_eq!(run.result().await.unwrap_err().code(), Some("NX4101"));
    assert_eq!(shop.done().last_chunk().unwrap(), &["refund pay-A-3", "release hold-A-3"]);
    engine.shutdown().await;
}

#[tokio::test]
async fn who_cancels_has_it_undone() {
    let (shop, order) = (Shop::default(), order().unwrap());
    let engine = engine(&shop, &order);
    engine.start(&order, an_order("A-4", 200_000)).id("mine").await.unwrap();
    let run = engine.run::<Parcel>("mine");
    waits_for_approval(&run).await;
    assert_eq!(run.status().await.unwrap(), RunStatus::Running);
    run.cancel("changed my mind").await.unwrap();
    let error = run.result().await.unwrap_err().to_string();
    assert_eq!(error, "run `mine` was cancelled: changed my mind");
    assert_eq!(shop.done().last_chunk().unwrap(), &["refund pay-A-4", "release hold-A-4"]);
    let unknown = engine.run::<Parcel>("yours").result().await.unwrap_err();
    assert_eq!(
        (unknown.code(), unknown.to_string()),
        (Some("NX7011"), "NX7011: there is no run `yours`".into())
    );
    let other = engine.run::<u64>("mine").result().await.unwrap_err();
    assert!(matches!(other, Error::Cancelled { .. }));
    engine.shutdown().await;
}

#[tokio::test]
async fn what_it_is_asked_for_must_be_what_it_brings() {
    let (shop, order) = (Shop::default(), order().unwrap());
    let engine = engine(&shop, &order);
    engine.start(&order, an_order("A-5", 5)).id("a").await.unwrap().result().await.unwrap();
    let error = engine.run::<u64>("a").result().await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        (Some("NX3050"), "NX3050: the output of run `a` is no u64".into())
    );
    engine.shutdown().await;
    let without = Engine::builder().in_memory().unwrap();
    let error = without.start(&order, an_order("A-6", 5)).await.unwrap_err();
    assert_eq!(error.code(), Some("NX3052"));
    let message = "NX3052: the engine was opened without the workflow `order`: nobody offers `order.approve.when`";
    assert_eq!(error.to_string(), message);
    without.shutdown().await;
}

#[tokio::test]
async fn a_workflow_that_is_a_function_is_not_started_where_nobody_has_it() {
    async fn twice(_: Cx, n: u64) -> Result<u64> {
        Ok(n * 2)
    }
    let code = Workflow::code("twice", twice).unwrap();
    let outer = Workflow::dag("outer", |d, n| d.call("call", &code, n)).unwrap();
    let without = Engine::builder().in_memory().unwrap();
    for (workflow, name) in [(&code, "twice"), (&outer, "outer")] {
        let error = without.start(workflow, 2).id(name).await.unwrap_err();
        assert_eq!(error.code(), Some("NX3052"));
        let message = format!(
            "NX3052: the engine was opened without the workflow `{name}`: nobody offers `twice`"
        );
        assert_eq!(error.to_string(), message);
        let nothing = without.run::<u64>(name).result().await.unwrap_err();
        assert_eq!(nothing.code(), Some("NX7011"), "a run was recorded");
    }
    without.shutdown().await;
    let with = Engine::builder().workflow(&outer).in_memory().unwrap();
    assert_eq!(with.start(&outer, 2).await.unwrap().result().await.unwrap(), 4);
    with.shutdown().await;
}

#[tokio::test]
async fn a_panic_fails_the_attempt_and_says_where() {
    async fn shaky(cx: StepCx, n: u64) -> StepResult<u64> {
        assert!(cx.attempt() > 1, "the first time goes wrong");
        Ok(n)
    }
    #[expect(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "steps are so")]
    fn blocks(cx: StepCx, n: u64) -> StepResult<u64> {
        assert!(cx.attempt() > 1, "it blocks and panics");
        assert!(std::thread::current().name() != Some("main"));
        Ok(n + 1)
    }
    let twice = Retry::constant(2, std::time::Duration::from_millis(1));
    let workflow = Workflow::dag("shaky", |d, n| {
        let n = d.step("shaky", shaky.retry(twice.clone()), n);
        d.step("blocks", Step::blocking(blocks).retry(twice), n)
    })
    .unwrap();
    let engine = Engine::builder().workflow(&workflow).in_memory().unwrap();
    let run = engine.start(&workflow, 41).await.unwrap();
    assert_eq!(run.result().await.unwrap(), 42);
    let mut events = run.events();
    let mut panics = Vec::new();
    while let Some(event) = events.next().await.unwrap() {
        if let Event::AttemptFailed { failure, .. } = event.event {
            panics.push((failure.message, failure.details.unwrap()));
        }
    }
    let messages: Vec<&str> = panics.iter().map(|(message, _)| message.as_str()).collect();
    let expected = [
        "the handler panicked: the first time goes wrong",
        "the handler panicked: it blocks and panics",
    ];
    assert_eq!(messages, expected);
    for ((_, details), function) in panics.iter().zip(["shaky", "blocks"]) {
        assert!(details.starts_with("at engine/tests/workflows/running.rs:"), "{details}");
        assert!(details.contains(function), "{details}");
    }
    engine.shutdown().await;
}
