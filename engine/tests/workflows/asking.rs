//! Signals, decisions, items, sleeps, conditions and calls.

use nexus_engine::prelude::*;

const PAID: Signal<u64> = Signal::new("paid");

async fn double(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n * 2)
}

async fn sum(_: StepCx, (list, more): (Vec<u64>, Option<u64>)) -> StepResult<u64> {
    Ok(list.iter().sum::<u64>() + more.unwrap_or(1_000))
}

#[tokio::test]
async fn what_is_skipped_is_nothing_to_read() {
    let workflow = Workflow::dag("skips", |d, n: Node<'_, u64>| {
        let list = d.map("list", n, |n| (1..=n).collect::<Vec<u64>>());
        let doubled = d.each("double", double, list).limit(2);
        let more = d.step("more", double, n).when(n, |n: &u64| *n > 3);
        d.step("sum", sum, (doubled, more))
    })
    .unwrap();
    let engine = Engine::builder().workflow(&workflow).in_memory().unwrap();
    let few = engine.start(&workflow, 3).await.unwrap();
    assert_eq!(few.result().await.unwrap(), 12 + 1_000);
    let many = engine.start(&workflow, 4).await.unwrap();
    assert_eq!(many.result().await.unwrap(), 20 + 8);
    engine.shutdown().await;
}

#[tokio::test]
async fn signals_carry_values_and_time_runs_out() {
    let workflow = Workflow::dag("waits", |d, n: Node<'_, u64>| {
        let rested = d.sleep("rest", std::time::Duration::from_millis(20));
        let paid = d.wait("pay", &PAID).after(rested);
        let late = d
            .wait("late", &Signal::<u64>::new("late"))
            .within(std::time::Duration::from_millis(20));
        d.map("all", (n, paid, late), |(n, paid, late)| (n, paid, late))
    })
    .unwrap();
    let engine = Engine::builder().workflow(&workflow).in_memory().unwrap();
    let run = engine.start(&workflow, 1).await.unwrap();
    run.signal(&PAID, &2_500).await.unwrap();
    assert_eq!(run.result().await.unwrap(), (1, 2_500, None));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_decision_says_who_and_what() {
    let ask = Approval::by("user:dana").ask("Is ${{ inputs }} right?").or_go_on();
    let workflow = Workflow::dag("asks", |d, _: Node<'_, u64>| d.approve("ok", ask)).unwrap();
    let engine = Engine::builder().workflow(&workflow).in_memory().unwrap();
    for approved in [true, false] {
        let run = engine.start(&workflow, 7).await.unwrap();
        let decide = if approved { run.approve("ok", "dana") } else { run.reject("ok", "dana") };
        decide.note("as said").await.unwrap();
        let decision = run.result().await.unwrap();
        assert_eq!((decision.approved, &*decision.by), (approved, "dana"));
        assert_eq!(decision.note, "as said");
    }
    engine.shutdown().await;
}

#[tokio::test]
async fn a_called_workflow_is_a_run_of_its_own() {
    let inner = Workflow::dag("inner", |d, n| d.step("double", double, n)).unwrap();
    let outer = Workflow::dag("outer", |d, n| {
        let once = d.call("once", &inner, n);
        d.call("twice", &inner, once)
    })
    .unwrap();
    let engine = Engine::builder().workflow(&outer).in_memory().unwrap();
    let run = engine.start(&outer, 5).await.unwrap();
    assert_eq!(run.result().await.unwrap(), 20);
    engine.shutdown().await;
}

#[tokio::test]
async fn functions_are_handlers_of_definitions_too() {
    let engine = Engine::builder().handler("double", double).in_memory().unwrap();
    assert_eq!(engine.handle().registry().names().collect::<Vec<_>>(), ["double", "event.emit"]);
    engine.shutdown().await;
}
