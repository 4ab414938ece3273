//! Runs that call other runs, over crashes: nothing is lost and nothing is started twice.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use nexus_engine::log::MemoryLog;
use nexus_engine::model::definition::{Definition, InputSpec, Retry, Step, StepKind};
use nexus_engine::model::event::Event;
use nexus_engine::model::id::RunId;
use nexus_engine::model::pauses::Scope;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{Run, RunStatus};
use nexus_engine::testkit::{action, step};
use nexus_engine::{Config, Handle, Registry, StartRequest, StepCx, StepError, handler_fn};
use serde_json::{Value, json};

use crate::life::{Life, by, config, is_completed, within};
use crate::log::{FaultyLog, memory};
use crate::until::until;

fn call(id: &str, callee: &Plan, with: Value, needs: &[&str]) -> Step {
    let (workflow, definition) = (callee.definition().name.clone(), Some(callee.hash()));
    step(id, StepKind::Call { workflow, version: None, definition, with }, needs)
}

fn named(name: &str, steps: Vec<Step>, outputs: Value) -> Arc<Plan> {
    let outputs = Some(outputs).filter(|outputs| !outputs.is_null());
    let definition = Definition {
        name: name.into(),
        input_is_value: true,
        steps,
        outputs,
        ..Definition::default()
    };
    Arc::new(Plan::compile(definition).unwrap())
}

/// A run, and those it calls.
struct Family {
    parent: Arc<Plan>,
    callees: Vec<Arc<Plan>>,
}

impl Family {
    fn request(&self) -> StartRequest {
        let callees = self.callees.iter().map(Arc::clone);
        StartRequest::new(Arc::clone(&self.parent)).callees(callees).name("top")
    }
}

/// `top` calls `middle`, which calls `bottom`; each works before and after.
fn three_levels() -> Family {
    let bottom = named("bottom", vec![action("x", "one", &[])], json!("${{ steps.x.output }}"));
    let inner = call("c", &bottom, json!(1), &["a"]);
    let last = action("b", "fails_once", &["c"]);
    let middle = named(
        "middle",
        vec![action("a", "one", &[]), inner, last],
        json!({"b": "${{ steps.b.output }}", "c": "${{ steps.c.output }}"}),
    );
    let mut outer = call("m", &middle, json!({"n": "${{ steps.a.output }}"}), &["a"]);
    outer.retry = Retry { max_attempts: 2, initial_ms: 1, max_ms: 1, ..Retry::default() };
    let steps = vec![action("a", "one", &[]), outer, action("z", "one", &["m"])];
    Family {
        parent: named("top", steps, json!("${{ steps.m.output }}")),
        callees: vec![middle, bottom],
    }
}

/// A called run that waits for ever.
fn waiting() -> Family {
    let callee = named("waits", vec![action("x", "one", &[]), signal("s", &["x"])], Value::Null);
    let steps = vec![call("w", &callee, Value::Null, &[]), action("z", "one", &["w"])];
    Family { parent: named("top", steps, Value::Null), callees: vec![callee] }
}

fn signal(id: &str, needs: &[&str]) -> Step {
    let kind = StepKind::WaitFor {
        signal: "go".into(),
        matches: None,
        timeout_ms: None,
        on_timeout: nexus_engine::model::definition::OnSignalTimeout::Fail,
    };
    step(id, kind, needs)
}

/// What the handlers did: run and step of each call.
type Calls = Arc<Mutex<Vec<String>>>;

fn registry(calls: &Calls, failing: u32) -> Registry {
    let left = Arc::new(AtomicU32::new(failing));
    let mut registry = Registry::new();
    let (one, two) = (Arc::clone(calls), Arc::clone(calls));
    registry.insert(
        "one",
        handler_fn(move |cx: StepCx, _: Value| {
            one.lock().unwrap().push(format!("{}:{}", cx.info().run_name, cx.info().step_id));
            async move { Ok(1) }
        }),
    );
    registry.insert(
        "fails_once",
        handler_fn(move |cx: StepCx, _: Value| {
            two.lock().unwrap().push(format!("{}:{}", cx.info().run_name, cx.info().step_id));
            let fails = left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok();
            async move { if fails { Err(StepError::fatal("not yet")) } else { Ok(2) } }
        }),
    );
    registry
}

fn three_drivers() -> Config {
    Config { drivers: 3, ..config() }
}

/// Lives on until the log takes no more, or `done` says so.
async fn live_until_the_log_is_gone(life: &Life, done: impl Fn() -> bool) {
    let faults = Arc::clone(&life.log.faults);
    let over = || faults.gone.load(Ordering::SeqCst) || done();
    until("the log is gone", async || over().then_some(())).await;
}

fn life_with(memory: &Arc<MemoryLog>, taken_max: u32, registry: Registry) -> Life {
    let log = FaultyLog::over(memory, 1);
    log.faults.taken_left.store(taken_max, Ordering::SeqCst);
    Life::on(log, three_drivers(), registry)
}

async fn events(handle: &Handle, name: &str) -> Vec<Event> {
    let run = handle.find(name).await.unwrap().unwrap_or_else(|| panic!("no run {name}"));
    let history = handle.history(run, 0, 1_000).await.unwrap();
    history.into_iter().map(|recorded| recorded.event).collect()
}

fn count(events: &[Event], wanted: impl Fn(&Event) -> bool) -> usize {
    events.iter().filter(|event| wanted(event)).count()
}

/// How many transitions the log has taken of a start to the end.
async fn transitions_of(family: &Family, failing: u32) -> u32 {
    let calls = Calls::default();
    let life = life_with(&memory(), u32::MAX, registry(&calls, failing));
    let run = within(life.handle().start(family.request())).await.unwrap().run;
    assert!(is_completed(&life.end_of(run).await));
    let taken = u32::MAX - life.log.faults.taken_left.load(Ordering::SeqCst);
    within(life.engine.shutdown()).await;
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_after_every_transition_loses_nothing_and_starts_nothing_twice() {
    let family = three_levels();
    let all = transitions_of(&family, 1).await;
    assert!(all > 12, "{all} transitions");
    for taken in 0..=all {
        let memory = memory();
        let calls = Calls::default();
        let first = life_with(&memory, taken, registry(&calls, 1));
        let handle = first.handle().clone();
        let request = family.request();
        let ends = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&ends);
        let started = tokio::spawn(async move {
            let run = handle.start(request).await.unwrap().run;
            let _ = handle.wait(run).await;
            told.store(1, Ordering::SeqCst);
        });
        live_until_the_log_is_gone(&first, || ends.load(Ordering::SeqCst) == 1).await;
        started.abort();
        first.crash();

        let failed_before = calls.lock().unwrap().iter().any(|call| call == "top/m:b");
        let second = life_with(&memory, u32::MAX, registry(&calls, u32::from(!failed_before)));
        let run = within(second.handle().start(family.request())).await.unwrap().run;
        let end = second.end_of(run).await;
        let RunStatus::Completed { output } = end else { panic!("crash after {taken}: {end:?}") };
        assert_eq!(format!("{output:?}"), r#"{"b":2,"c":1}"#, "crash after {taken}");
        for (name, of_these) in [("top", 3), ("top/m", 3), ("top/m/c", 1)] {
            let events = events(second.handle(), name).await;
            let starts = count(&events, |event| matches!(event, Event::RunStarted(_)));
            let completed = count(&events, |event| matches!(event, Event::StepCompleted { .. }));
            assert_eq!((starts, completed), (1, of_these), "{name}, crash after {taken}");
            let child = second.handle().find(name).await.unwrap().unwrap();
            let replay = second.handle().replay(child, None).await.unwrap();
            assert!(replay.agrees(), "{name}: {:?}", replay.differences);
        }
        assert_eq!(second.handle().find("top/m.2").await.unwrap(), None, "no second run");
        within(second.engine.shutdown()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_run_ends_the_run_it_called_whenever_it_crashes() {
    let family = waiting();
    for taken in 1..=9 {
        let memory = memory();
        let calls = Calls::default();
        let first = life_with(&memory, taken, registry(&calls, 0));
        let handle = first.handle().clone();
        let request = family.request();
        let ends = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&ends);
        let asked = tokio::spawn(async move {
            let run = handle.start(request).await.unwrap().run;
            let _ = handle.cancel(run, by(), "enough".into()).await;
            let _ = handle.wait(run).await;
            told.store(1, Ordering::SeqCst);
        });
        live_until_the_log_is_gone(&first, || ends.load(Ordering::SeqCst) == 1).await;
        asked.abort();
        first.crash();

        let second = life_with(&memory, u32::MAX, registry(&calls, 0));
        let run = within(second.handle().start(family.request())).await.unwrap().run;
        let _ = second.handle().cancel(run, by(), "enough".into()).await;
        let end = second.end_of(run).await;
        assert!(matches!(end, RunStatus::Cancelled { .. }), "crash after {taken}: {end:?}");
        if let Some(child) = second.handle().find("top/w").await.unwrap() {
            let end = second.end_of(child).await;
            assert!(matches!(end, RunStatus::Cancelled { .. }), "crash after {taken}: {end:?}");
        }
        within(second.engine.shutdown()).await;
    }
}

/// Waits until the called run waits for its signal.
async fn until_it_waits(life: &Life, child: RunId) {
    life.until(child, "the called run waits", |run| run.awaiting().next().is_some()).await;
}

/// A life in which a run has called another, which waits; both runs.
async fn with_a_waiting_child(memory: &Arc<MemoryLog>, calls: &Calls) -> (Life, RunId, RunId) {
    let life = life_with(memory, u32::MAX, registry(calls, 0));
    let parent = within(life.handle().start(waiting().request())).await.unwrap().run;
    let is_there = async || life.handle().find("top/w").await.unwrap();
    let child = until("the called run is there", is_there).await;
    until_it_waits(&life, child).await;
    (life, parent, child)
}

/// Waits until the called run is paused together with its parent.
async fn until_it_is_paused(life: &Life, child: RunId) {
    life.until(child, "the pause reaches the called run", |run| run.parent_paused).await;
}

#[tokio::test]
async fn a_pause_reaches_the_called_run_over_a_crash_and_ends_with_that_of_the_parent() {
    let (memory, calls) = (memory(), Calls::default());
    let (first, parent, child) = with_a_waiting_child(&memory, &calls).await;
    // What the pause of the parent asks for is lost with the process.
    first.log.faults.taken_left.store(1, Ordering::SeqCst);
    within(first.handle().pause(parent, by(), "stop".into())).await.unwrap();
    first.crash();

    let second = life_with(&memory, u32::MAX, registry(&calls, 0));
    until_it_is_paused(&second, child).await;
    let refused = within(second.handle().resume(child, by())).await.unwrap_err();
    assert!(refused.to_string().contains("paused together with `top`"), "{refused}");
    within(second.handle().signal(child, "go", &json!(7), "", by())).await.unwrap();
    within(second.handle().resume(parent, by())).await.unwrap();
    assert!(is_completed(&second.end_of(parent).await));
    assert!(is_completed(&second.end_of(child).await));
    within(second.engine.shutdown()).await;
}

#[tokio::test]
async fn a_pause_of_a_workflow_reaches_the_runs_that_its_parked_runs_have_called() {
    let (life, parent, child) = with_a_waiting_child(&memory(), &Calls::default()).await;
    let plan = within(life.handle().load(parent)).await.unwrap().expect("it is there").0;
    let scope = Scope::Workflow(plan.definition().name.clone());
    within(life.handle().pause_store(scope.clone(), by(), String::new())).await.unwrap();
    until_it_is_paused(&life, child).await;
    within(life.handle().signal(child, "go", &json!(7), "", by())).await.unwrap();
    within(life.handle().resume_store(scope, by())).await.unwrap();
    assert!(is_completed(&life.end_of(parent).await));
    assert!(is_completed(&life.end_of(child).await));
    within(life.engine.shutdown()).await;
}

/// That it is to pause is on its way to the called run when it is to go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_called_run_goes_on_after_pauses_that_end_at_once() {
    let (life, parent, child) = with_a_waiting_child(&memory(), &Calls::default()).await;
    for _ in 0..200 {
        within(life.handle().pause(parent, by(), String::new())).await.unwrap();
        within(life.handle().resume(parent, by())).await.unwrap();
        let goes_on = |run: &Run| !run.parent_paused;
        life.until(child, "the called run goes on", goes_on).await;
    }
    within(life.handle().signal(child, "go", &json!(7), "", by())).await.unwrap();
    assert!(is_completed(&life.end_of(parent).await));
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn a_run_that_waits_for_another_hears_of_its_end() {
    let (life, parent, child) = with_a_waiting_child(&memory(), &Calls::default()).await;
    within(life.handle().signal(child, "go", &json!(7), "", by())).await.unwrap();
    assert!(is_completed(&life.end_of(parent).await));
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn a_called_run_that_is_cancelled_by_hand_settles_the_step_and_retry_goes_on_with_it() {
    let calls = Calls::default();
    let (life, parent, child) = with_a_waiting_child(&memory(), &calls).await;
    within(life.handle().cancel(child, by(), "by hand".into())).await.unwrap();
    let RunStatus::Failed { failure, .. } = life.end_of(parent).await else { panic!("it fails") };
    assert_eq!(failure.code, "NX3041");
    assert_eq!(failure.message, "called run `top/w` was cancelled: by hand");

    within(life.handle().retry(parent, by())).await.unwrap();
    until_it_waits(&life, child).await;
    within(life.handle().signal(child, "go", &json!(7), "", by())).await.unwrap();
    assert!(is_completed(&life.end_of(parent).await));
    let made = calls.lock().unwrap().iter().filter(|call| *call == "top/w:x").count();
    assert_eq!(made, 1, "what the called run had done was not done again");
    within(life.engine.shutdown()).await;
}

#[tokio::test]
async fn an_input_that_does_not_fit_and_a_definition_that_is_not_there_are_said() {
    let callee = compile_declared();
    let wrong = named("top", vec![call("w", &callee, json!({"n": "text"}), &[])], Value::Null);
    let life = life_with(&memory(), u32::MAX, registry(&Calls::default(), 0));
    let family = Family { parent: wrong, callees: vec![callee] };
    let run = within(life.handle().start(family.request())).await.unwrap().run;
    let RunStatus::Failed { failure, .. } = life.end_of(run).await else { panic!("it fails") };
    assert_eq!(failure.code, "NX3042", "{}", failure.message);

    let other = named("other", vec![action("x", "one", &[])], Value::Null);
    let unknown = named("lost", vec![call("w", &other, Value::Null, &[])], Value::Null);
    let refused = within(life.handle().start(StartRequest::new(unknown))).await.unwrap_err();
    assert_eq!(refused.to_string(), "step `w` calls `other`, which is not known here");
    within(life.engine.shutdown()).await;
}

fn compile_declared() -> Arc<Plan> {
    let number = InputSpec {
        kind: nexus_engine::model::definition::InputKind::Integer,
        ..InputSpec::default()
    };
    let definition = Definition {
        name: "declared".into(),
        inputs: [("n".to_owned(), number)].into(),
        steps: vec![action("x", "one", &[])],
        ..Definition::default()
    };
    Arc::new(Plan::compile(definition).unwrap())
}
