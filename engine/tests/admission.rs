//! How many runs run, and how many are let in.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "support/until.rs"]
mod until;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nexus_engine::model::definition::{Definition, Step};
use nexus_engine::model::event::Actor;
use nexus_engine::model::limit::Size;
use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{action, sleep};
use nexus_engine::{
    Builder, Config, Engine, Handle, StartError, StartRequest, Started, StepCx, StepError,
    StepResult, handler_fn,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use until::until;

/// Steps wait for it, and count how many do at one time.
struct Gate {
    pass: Semaphore,
    now: AtomicU64,
    most: AtomicU64,
    /// Whether steps that may fail do.
    fails: AtomicBool,
}

impl Gate {
    fn new() -> Arc<Self> {
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { pass: Semaphore::new(0), now, most, fails: AtomicBool::new(true) })
    }
}

async fn wait(cx: StepCx, _: Value) -> StepResult<()> {
    let gate = cx.state::<Arc<Gate>>().unwrap();
    let now = gate.now.fetch_add(1, Ordering::SeqCst) + 1;
    gate.most.fetch_max(now, Ordering::SeqCst);
    gate.pass.acquire().await.unwrap().forget();
    gate.now.fetch_sub(1, Ordering::SeqCst);
    Ok(())
}

async fn fail(cx: StepCx, input: Value) -> StepResult<()> {
    if cx.state::<Arc<Gate>>()?.fails.load(Ordering::SeqCst) {
        return Err(StepError::fatal("it fails"));
    }
    wait(cx, input).await
}

fn open(folder: &Path, gate: &Arc<Gate>, open_runs_max: Option<u64>) -> Engine {
    builder(gate, open_runs_max).open(folder).unwrap()
}

fn builder(gate: &Arc<Gate>, open_runs_max: Option<u64>) -> Builder {
    let grace = Duration::from_millis(50);
    Engine::builder()
        .config(Config { open_runs_max, grace, ..Config::default() })
        .state(Arc::clone(gate))
        .handler("wait", handler_fn(wait))
        .handler("fail", handler_fn(fail))
}

fn plan(name: &str) -> Arc<Plan> {
    plan_of(name, vec![action("a", "wait", &[])])
}

fn plan_of(name: &str, steps: Vec<Step>) -> Arc<Plan> {
    let name = name.into();
    let definition = Definition { name, input_is_value: true, steps, ..Definition::default() };
    Arc::new(Plan::compile(definition).unwrap())
}

async fn set(handle: &Handle, limit: &str, slots: Option<u32>) {
    let by = Actor { name: "test".into(), via: "rust".into() };
    let size = slots.map(|slots| Size { slots: Some(slots), rate: None });
    handle.set_limit(limit, size, by).await.unwrap();
}

async fn start(handle: &Handle, plan: &Arc<Plan>, name: &str) -> Result<Started, StartError> {
    handle.start(StartRequest::new(Arc::clone(plan)).name(name)).await
}

/// Waits until `holds`.
async fn until_so(what: &str, holds: impl AsyncFn() -> bool) {
    until(what, async || holds().await.then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_runs_run_than_the_store_allows_also_after_it_was_closed() {
    let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::new());
    let engine = open(folder.path(), &gate, None);
    set(engine.handle(), "@runs", Some(3)).await;
    set(engine.handle(), "@runs/b", Some(1)).await;
    engine.shutdown().await;
    let engine = open(folder.path(), &gate, None);
    let handle = engine.handle();
    let mut runs = Vec::new();
    for at in 0..4 {
        for workflow in ["a", "b"] {
            let name = format!("{workflow}-{at}");
            runs.push(start(handle, &plan(workflow), &name).await.unwrap().run);
        }
    }
    let waits = async |limit: &str, count: usize| {
        handle.limit(limit).await.unwrap().is_some_and(|limit| limit.queue.len() == count)
    };
    until_so("one of b runs, three wait", async || waits("@runs/b", 3).await).await;
    until_so("three run, two of a wait", async || waits("@runs", 2).await).await;
    until_so("three are at work", async || gate.now.load(Ordering::SeqCst) == 3).await;
    gate.pass.add_permits(4);
    set(handle, "@runs", None).await;
    set(handle, "@runs/b", None).await;
    gate.pass.add_permits(4);
    for run in runs {
        assert_eq!(handle.wait(run).await.unwrap().word(), "completed");
    }
    assert!(gate.most.load(Ordering::SeqCst) >= 3);
    let free = start(handle, &plan("b"), "free").await.unwrap().run;
    gate.pass.add_permits(1);
    assert_eq!(handle.wait(free).await.unwrap().word(), "completed");
    until_so("no slot is left", async || {
        handle.limit("@runs").await.unwrap().is_some_and(|limit| limit.is_idle())
    })
    .await;
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_than_the_limit_run_at_one_time() {
    let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::new());
    let engine = open(folder.path(), &gate, None);
    let handle = engine.handle();
    set(handle, "@runs", Some(2)).await;
    gate.pass.add_permits(20);
    let mut runs = Vec::new();
    for at in 0..20 {
        runs.push(start(handle, &plan("a"), &format!("a-{at}")).await.unwrap().run);
    }
    for run in runs {
        assert_eq!(handle.wait(run).await.unwrap().word(), "completed");
    }
    assert!(gate.most.load(Ordering::SeqCst) <= 2);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_too_many_is_refused_and_leaves_nothing_and_open_runs_go_on() {
    let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::new());
    let engine = open(folder.path(), &gate, Some(3));
    let handle = engine.handle();
    let plan = plan("a");
    let starts = (0..40).map(|at| {
        let (handle, plan) = (handle.clone(), Arc::clone(&plan));
        tokio::spawn(async move { start(&handle, &plan, &format!("r-{at}")).await })
    });
    let mut let_in = Vec::new();
    for started in starts.collect::<Vec<_>>() {
        match started.await.unwrap() {
            Ok(started) => let_in.push(started),
            Err(StartError::Full { open, open_max: 3, retry_ms }) => {
                assert!(open >= 3 && retry_ms > 0, "{open} open, again in {retry_ms}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(let_in.len(), 3, "{let_in:?}");
    let again = start(handle, &plan, &let_in[0].name).await.unwrap();
    assert!(again.existing, "a run that is there is no new one");
    let refused = start(handle, &plan, "late").await.unwrap_err();
    assert!(matches!(refused, StartError::Full { .. }), "{refused}");
    assert_eq!(handle.find("late").await.unwrap(), None, "nothing was recorded");
    gate.pass.add_permits(1);
    until_so("there is room again", async || start(handle, &plan, "late").await.is_ok()).await;
    gate.pass.add_permits(10);
    for started in let_in {
        assert_eq!(handle.wait(started.run).await.unwrap().word(), "completed");
    }
    engine.shutdown().await;
    let engine = open(folder.path(), &gate, Some(1));
    until_so("what has ended needs no place", async || {
        start(engine.handle(), &plan, "next").await.is_ok()
    })
    .await;
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_of_one_name_share_a_place_and_are_one_run() {
    let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::new());
    let engine = open(folder.path(), &gate, Some(1));
    let plan = plan("a");
    let starts = (0..40).map(|_| {
        let (handle, plan) = (engine.handle().clone(), Arc::clone(&plan));
        tokio::spawn(async move { start(&handle, &plan, "one").await })
    });
    let mut existing = 0;
    let mut runs = Vec::new();
    for started in starts.collect::<Vec<_>>() {
        let started = started.await.unwrap().unwrap();
        existing += u32::from(started.existing);
        runs.push(started.run);
    }
    runs.dedup();
    assert_eq!((existing, runs.len()), (39, 1));
    let other = start(engine.handle(), &plan, "two").await.unwrap_err();
    assert!(matches!(other, StartError::Full { open: 1, .. }), "{other}");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_in_memory_keeps_to_the_limit_too() {
    let gate = Gate::new();
    let engine = builder(&gate, Some(1)).in_memory().unwrap();
    let (handle, plan) = (engine.handle(), plan("a"));
    let one = start(handle, &plan, "one").await.unwrap().run;
    let refused = start(handle, &plan, "two").await.unwrap_err();
    assert!(matches!(refused, StartError::Full { open: 1, open_max: 1, .. }), "{refused}");
    gate.pass.add_permits(2);
    assert_eq!(handle.wait(one).await.unwrap().word(), "completed");
    until_so("there is room again", async || start(handle, &plan, "two").await.is_ok()).await;
    engine.shutdown().await;
}

/// How many runs are open, as a start is told that is refused for it.
async fn open_now(handle: &Handle) -> u64 {
    match start(handle, &plan("a"), "too-many").await {
        Err(StartError::Full { open, .. }) => open,
        other => panic!("{other:?}"),
    }
}

/// Whatever opens a run or ends it: also a call, somebody who retries or cancels, and what another process did.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_are_open_are_counted_whatever_opens_and_ends_them() {
    let by = || Actor { name: "test".into(), via: "rust".into() };
    let called = plan_of("called", vec![sleep("z", "1h", &[])]);
    let call: Step = serde_json::from_value(json!({
        "id": "c", "needs": ["a"],
        "kind": {"call": {
            "workflow": "./called.yaml", "definition": called.hash().to_string(), "with": null,
        }},
    }))
    .unwrap();
    let keeps = plan_of("keeps", vec![sleep("z", "1h", &[])]);
    let calls = plan_of("calls", vec![action("a", "wait", &[]), call]);
    let fails = plan_of("fails", vec![action("a", "fail", &[])]);

    let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::new());
    let engine = open(folder.path(), &gate, None);
    let handle = engine.handle();
    let kept = start(handle, &keeps, "kept").await.unwrap().run;
    let request = StartRequest::new(calls).callees([called]).name("caller");
    let caller = handle.start(request).await.unwrap().run;
    let failed = start(handle, &fails, "failed").await.unwrap().run;
    assert_eq!(handle.wait(failed).await.unwrap().word(), "failed");
    engine.shutdown().await;

    let engine = open(folder.path(), &gate, Some(1));
    let handle = engine.handle();
    assert_eq!(open_now(handle).await, 2, "the one that failed is not open");
    gate.fails.store(false, Ordering::SeqCst);
    handle.retry(failed, by()).await.unwrap();
    assert_eq!(open_now(handle).await, 3, "it was retried");
    gate.pass.add_permits(2);
    assert_eq!(handle.wait(failed).await.unwrap().word(), "completed");
    until_so("it is over, and a run is called", async || open_now(handle).await == 3).await;
    handle.cancel(caller, by(), "enough".into()).await.unwrap();
    until_so("the caller and the called are cancelled", async || open_now(handle).await == 1).await;
    engine.shutdown().await;

    let engine = open(folder.path(), &gate, Some(1));
    let handle = engine.handle();
    assert_eq!(open_now(handle).await, 1);
    handle.cancel(kept, by(), "enough".into()).await.unwrap();
    assert_eq!(handle.wait(kept).await.unwrap().word(), "cancelled");
    start(handle, &plan("a"), "next").await.unwrap();
    engine.shutdown().await;
}
