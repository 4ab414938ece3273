//! The engine as a program uses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nexus_engine::model::definition::{Definition, Retry, StepKind};
use nexus_engine::model::event::Actor;
use nexus_engine::model::payload::Payload;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::testkit::{action, plan, step};
use nexus_engine::{
    Config, Drive, Engine, StartError, StartRequest, StepCx, StepError, StepResult, handler_fn,
};
use serde_json::{Value, json};

async fn one(_: StepCx, _: Value) -> StepResult<u32> {
    Ok(1)
}

fn by() -> Actor {
    Actor { name: "test".into(), via: "rust".into() }
}

#[tokio::test]
async fn a_chain_runs_to_its_end_and_replays_to_the_same_hash() {
    let engine = Engine::builder().handler("one", handler_fn(one)).in_memory().unwrap();
    let mut steps = vec![action("s0", "one", &[])];
    for at in 1..10 {
        steps.push(action(&format!("s{at}"), "one", &[&format!("s{}", at - 1)]));
    }
    let handle = engine.handle().clone();
    let started = handle.start(StartRequest::new(plan(steps))).await.unwrap();
    assert_eq!(started.name, "wf-001");
    let end = handle.wait(started.run).await.unwrap();
    assert_eq!(end, RunStatus::Completed { output: Payload::Null });
    let replay = handle.replay(started.run, None).await.unwrap();
    assert!(replay.agrees(), "{:?}", replay.differences);
    assert_eq!(replay.recorded, Some(replay.state));
    assert_eq!(replay.events, 22);
    engine.shutdown().await;
}

#[tokio::test]
async fn outputs_flow_and_failures_are_tried_again() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    async fn flaky(cx: StepCx, input: Value) -> StepResult<Value> {
        CALLS.fetch_add(1, Ordering::SeqCst);
        if cx.attempt() < 3 {
            return Err(StepError::retry("not yet"));
        }
        Ok(
            json!({ "doubled": input["n"].as_i64().unwrap_or(0) * 2, "keyed": cx.idempotency_key().ends_with("/b") }),
        )
    }
    let engine = Engine::builder()
        .handler("one", handler_fn(one))
        .handler("flaky", handler_fn(flaky))
        .in_memory()
        .unwrap();
    let with = json!({ "n": "${{ inputs.n + steps.a.output }}" });
    let mut flaky = step("b", StepKind::Action { uses: "flaky".into(), with }, &[]);
    flaky.retry = Retry { max_attempts: 5, initial_ms: 5, jitter: false, ..Retry::default() };
    let definition = Definition {
        name: "math".into(),
        input_is_value: true,
        steps: vec![action("a", "one", &[]), flaky],
        outputs: Some(json!("${{ steps.b.output }}")),
        ..Definition::default()
    };
    let plan = Arc::new(Plan::compile(definition).unwrap());
    let handle = engine.handle().clone();
    let started =
        handle.start(StartRequest::new(plan).input(json!({ "n": 20 })).name("m-1")).await.unwrap();
    let RunStatus::Completed { output } = handle.wait(started.run).await.unwrap() else {
        panic!("it completes")
    };
    assert_eq!(format!("{output:?}"), r#"{"doubled":42,"keyed":true}"#);
    assert_eq!(CALLS.load(Ordering::SeqCst), 3);
    assert!(handle.replay(started.run, None).await.unwrap().agrees());
}

#[tokio::test]
async fn the_same_name_and_input_answers_with_the_same_run() {
    let engine = Engine::builder().handler("one", handler_fn(one)).in_memory().unwrap();
    let plan = plan(vec![action("a", "one", &[])]);
    let handle = engine.handle();
    let request = || StartRequest::new(Arc::clone(&plan)).name("order-1").input(json!({ "n": 1 }));
    let first = handle.start(request()).await.unwrap();
    let again = handle.start(request()).await.unwrap();
    assert_eq!((again.run, again.existing), (first.run, true));
    let other = handle.start(request().input(json!({ "n": 2 }))).await;
    assert!(
        matches!(other, Err(StartError::Conflict { run, .. }) if run == first.run),
        "{other:?}"
    );
}

#[tokio::test]
async fn a_wide_graph_keeps_to_the_limit_of_concurrency() {
    static NOW: AtomicU32 = AtomicU32::new(0);
    static MOST: AtomicU32 = AtomicU32::new(0);
    async fn busy(_: StepCx, _: Value) -> StepResult<()> {
        let now = NOW.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(now, Ordering::SeqCst);
        tokio::task::yield_now().await;
        NOW.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
    let config = Config { concurrency: 7, ..Config::default() };
    let engine =
        Engine::builder().config(config).handler("busy", handler_fn(busy)).in_memory().unwrap();
    let ids: Vec<String> = (0..200).map(|at| format!("s{at}")).collect();
    let mut steps: Vec<_> = ids.iter().map(|id| action(id, "busy", &[])).collect();
    steps.push(action("join", "busy", &ids.iter().map(String::as_str).collect::<Vec<_>>()));
    let started = engine.handle().start(StartRequest::new(plan(steps))).await.unwrap();
    let end = engine.handle().wait(started.run).await.unwrap();
    assert!(matches!(end, RunStatus::Completed { .. }), "{end:?}");
    assert!(MOST.load(Ordering::SeqCst) <= 7);
}

#[tokio::test]
async fn a_paused_run_starts_nothing_and_a_cancelled_one_stops_its_handlers() {
    async fn until_stopped(cx: StepCx, _: Value) -> StepResult<()> {
        cx.cancelled().await;
        Err(StepError::retry("stopped"))
    }
    let engine = Engine::builder()
        .handler("one", handler_fn(one))
        .handler("long", handler_fn(until_stopped))
        .in_memory()
        .unwrap();
    let plan = plan(vec![action("a", "long", &[]), action("b", "one", &["a"])]);
    let handle = engine.handle().clone();
    let run = handle.start(StartRequest::new(plan)).await.unwrap().run;
    handle.pause(run, by(), "look".into()).await.unwrap();
    assert!(handle.pause(run, by(), "look".into()).await.is_err());
    handle.resume(run, by()).await.unwrap();
    handle.cancel(run, by(), "enough".into()).await.unwrap();
    assert_eq!(handle.wait(run).await.unwrap(), RunStatus::Cancelled { reason: "enough".into() });
    assert!(handle.replay(run, None).await.unwrap().agrees());
}

#[tokio::test]
async fn a_handler_that_panics_or_takes_too_long_fails_its_attempt() {
    async fn panics(_: StepCx, _: Value) -> StepResult<()> {
        panic!("on purpose")
    }
    async fn hangs(_: StepCx, _: Value) -> StepResult<()> {
        std::future::pending().await
    }
    let config = Config { grace: Duration::from_millis(10), ..Config::default() };
    let engine = Engine::builder()
        .config(config)
        .handler("panics", handler_fn(panics))
        .handler("hangs", handler_fn(hangs))
        .in_memory()
        .unwrap();
    let mut hangs = action("b", "hangs", &[]);
    hangs.timeout_ms = Some(20);
    for (step, code) in [(action("a", "panics", &[]), "NX3012"), (hangs, "NX3002")] {
        let run = engine.handle().start(StartRequest::new(plan(vec![step]))).await.unwrap().run;
        let RunStatus::Failed { failure, .. } = engine.handle().wait(run).await.unwrap() else {
            panic!("it fails")
        };
        assert_eq!(failure.code, code);
    }
}

#[tokio::test]
async fn a_failed_run_goes_on_when_it_is_retried() {
    static FAIL: AtomicU32 = AtomicU32::new(1);
    async fn sometimes(_: StepCx, _: Value) -> StepResult<()> {
        if FAIL.load(Ordering::SeqCst) == 1 { Err(StepError::fatal("down")) } else { Ok(()) }
    }
    let engine = Engine::builder()
        .handler("one", handler_fn(one))
        .handler("sometimes", handler_fn(sometimes))
        .in_memory()
        .unwrap();
    let plan = plan(vec![
        action("a", "one", &[]),
        action("b", "sometimes", &["a"]),
        action("c", "one", &["b"]),
    ]);
    let handle = engine.handle().clone();
    let run = handle.start(StartRequest::new(plan)).await.unwrap().run;
    assert!(matches!(handle.wait(run).await.unwrap(), RunStatus::Failed { .. }));
    FAIL.store(0, Ordering::SeqCst);
    handle.retry(run, by()).await.unwrap();
    assert!(matches!(handle.wait(run).await.unwrap(), RunStatus::Completed { .. }));
    assert!(handle.replay(run, None).await.unwrap().agrees());
}

#[tokio::test]
async fn sleeping_runs_wake_up_and_leave_memory_meanwhile() {
    let engine = Engine::builder().handler("one", handler_fn(one)).in_memory().unwrap();
    let plan = plan(vec![
        step("z", StepKind::Sleep { duration: json!("50ms") }, &[]),
        action("a", "one", &["z"]),
    ]);
    let run = engine.handle().start(StartRequest::new(plan)).await.unwrap().run;
    assert!(matches!(engine.handle().wait(run).await.unwrap(), RunStatus::Completed { .. }));
}

#[tokio::test]
async fn a_large_output_is_stored_beside_the_events_and_one_too_large_is_refused() {
    async fn big(_: StepCx, n: usize) -> StepResult<String> {
        Ok("x".repeat(n))
    }
    let config = Config { payload_bytes_max: 300_000, ..Config::default() };
    let engine =
        Engine::builder().config(config).handler("big", handler_fn(big)).in_memory().unwrap();
    for (bytes, ends_well) in [(200_000, true), (400_000, false)] {
        let definition = Definition {
            name: "big".into(),
            input_is_value: true,
            steps: vec![step(
                "a",
                StepKind::Action { uses: "big".into(), with: json!(bytes) },
                &[],
            )],
            outputs: Some(json!("${{ steps.a.output | length }}")),
            ..Definition::default()
        };
        let plan = Arc::new(Plan::compile(definition).unwrap());
        let run = engine.handle().start(StartRequest::new(plan)).await.unwrap().run;
        match engine.handle().wait(run).await.unwrap() {
            RunStatus::Completed { output } => {
                assert_eq!((format!("{output:?}"), ends_well), ("200000".into(), true));
            }
            RunStatus::Failed { failure, .. } => {
                assert_eq!((failure.code.as_str(), ends_well), ("NX3006", false));
            }
            other @ (RunStatus::Running
            | RunStatus::Failing { .. }
            | RunStatus::Cancelling { .. }
            | RunStatus::Cancelled { .. }) => panic!("{other:?}"),
        }
        assert!(engine.handle().replay(run, None).await.unwrap().agrees());
    }
}

#[tokio::test]
async fn an_engine_that_drives_nothing_records_and_does_not_call() {
    let config = Config { drive: Drive::Nothing, ..Config::default() };
    let engine =
        Engine::builder().config(config).handler("one", handler_fn(one)).in_memory().unwrap();
    let handle = engine.handle().clone();
    let run =
        handle.start(StartRequest::new(plan(vec![action("a", "one", &[])]))).await.unwrap().run;
    let events = handle.history(run, 0, 100).await.unwrap();
    assert_eq!(events.len(), 1);
    handle.cancel(run, by(), "no".into()).await.unwrap();
    assert!(matches!(handle.wait(run).await.unwrap(), RunStatus::Cancelled { .. }));
}
