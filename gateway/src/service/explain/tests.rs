//! Each cause by itself, and random runs, which are never without one.

mod functions;
mod items;
mod properties;

use std::sync::Arc;
use std::time::Duration;

use nexus_engine::code::FunctionTrouble;
use nexus_engine::model::definition::{
    CircuitBreaker, Concurrency, Definition, ForEach, InputSpec, OnItemError, OnSignalTimeout,
    Retry, Step, StepKind, Update,
};
use nexus_engine::model::id::RunId;
use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{Answer, TestEngine, action, compile, plan, set, sleep, step};
use nexus_engine::{Config, StartRequest, StepError};
use serde_json::{Value, json};

use super::super::show::standing::Standing;
use crate::api::{Cause, ExplainView};

const HOUR: Duration = Duration::from_hours(1);

fn explained(engine: &TestEngine, run: RunId, driven: bool) -> ExplainView {
    explained_with(engine, run, driven, engine.function_trouble(run))
}

fn explained_with(
    engine: &TestEngine,
    run: RunId,
    driven: bool,
    trouble: Option<FunctionTrouble>,
) -> ExplainView {
    let (plan, state) = engine.load(run);
    let standing = Standing { plan: &plan, run: &state, now: engine.now(), driven };
    let mut view = super::explain(&standing, "wf-001".into(), engine.now());
    super::function::explain(&mut view, &state, trouble, driven);
    view
}

/// Runs `plan` for an hour, and compares what keeps it: cause, step, and the beginning of what would release it.
fn check(
    engine: TestEngine,
    plan: &Arc<Plan>,
    expected: &[(&str, Option<&str>, &str)],
) -> TestEngine {
    let mut engine = engine;
    let run = engine.start(plan, json!({})).expect("it starts");
    engine.advance(HOUR);
    check_now(&engine, run, true, expected);
    engine
}

fn check_now(
    engine: &TestEngine,
    run: RunId,
    driven: bool,
    expected: &[(&str, Option<&str>, &str)],
) {
    let found = explained(engine, run, driven).causes;
    let is = |(cause, (word, step, release)): (&Cause, &(&str, Option<&str>, &str))| {
        cause.cause == *word && cause.step.as_deref() == *step && cause.release.starts_with(release)
    };
    let fits = found.len() == expected.len() && found.iter().zip(expected).all(is);
    assert!(fits, "{found:#?}");
}

fn wait_for(id: &str, timeout_ms: Option<u64>) -> Step {
    let on_timeout = OnSignalTimeout::Continue;
    let kind = StepKind::WaitFor { signal: "paid".into(), matches: None, timeout_ms, on_timeout };
    step(id, kind, &[])
}

fn slow() -> TestEngine {
    TestEngine::new().mock("work", Answer::from(json!(1)).takes(24 * HOUR))
}

#[test]
fn a_run_that_waits_says_for_what_and_how_it_comes() {
    let waits = plan(vec![wait_for("a", None), wait_for("b", Some(86_400_000))]);
    check(
        TestEngine::new(),
        &waits,
        &[
            ("waiting", Some("a"), "nexus-engine signal wf-001 paid JSON"),
            (
                "waiting",
                Some("b"),
                "nexus-engine signal wf-001 paid JSON, or its time is over at 2026-01-02T",
            ),
        ],
    );
}

#[test]
fn a_run_that_waits_for_an_update_says_how_it_is_sent() {
    let any = Update { name: "qty".into(), ..Update::default() };
    let form = [("n".to_owned(), InputSpec::default())].into();
    let shaped = Update { form, timeout_ms: Some(86_400_000), ..any.clone() };
    let kind = |update: Update| StepKind::Update(Box::new(update));
    let waits = plan(vec![step("a", kind(any), &[]), step("b", kind(shaped), &[])]);
    let engine = check(
        TestEngine::new(),
        &waits,
        &[
            ("waiting", Some("a"), "nexus-engine update wf-001 qty --data JSON"),
            (
                "waiting",
                Some("b"),
                "nexus-engine update wf-001 qty --data '{\"n\": …}', or its time is over at 2026-01-02T",
            ),
        ],
    );
    let view = explained(&engine, engine.runs()[0].1, true);
    assert!(view.why.starts_with("b waits for update qty, 23h left"), "{}", view.why);
    assert_eq!(view.waiting.expect("it waits").on, "update");
}

#[test]
fn a_run_that_sleeps_says_until_when() {
    let sleeps = plan(vec![sleep("z", "2d", &[]), set("after", json!({}), &["z"])]);
    check(
        TestEngine::new(),
        &sleeps,
        &[("sleeping", Some("z"), "its timer, at 2026-01-03T00:00:00")],
    );
}

#[test]
fn a_run_without_room_says_so() {
    let one = Config { concurrency: 1, ..Config::default() };
    let two = plan(vec![action("a", "work", &[]), action("b", "work", &[])]);
    check(
        slow().config(one),
        &two,
        &[
            ("running", Some("a"), "its handler returns"),
            ("limited", Some("b"), "another attempt ends"),
        ],
    );
}

#[test]
fn a_step_that_its_breaker_keeps_back_names_the_target() {
    let mut call = action("a", "down", &[]);
    call.breaker =
        Some(CircuitBreaker { target: "pay".to_owned(), failures: 1, ..CircuitBreaker::default() });
    call.retry.max_attempts = 3;
    let guarded = plan(vec![call]);
    let mut engine = TestEngine::new().mock("down", Answer::from(StepError::retry("down")));
    let run = engine.start(&guarded, json!({})).expect("it starts");
    engine.advance(Duration::from_secs(30));
    let reset = [("broken", Some("a"), "nexus-engine breaker reset pay, or its time is over")];
    check_now(&engine, run, true, &reset);
}

#[test]
fn a_paused_run_names_the_pause_and_what_else_keeps_it() {
    let waits = plan(vec![wait_for("a", None), action("b", "work", &["a"]), sleep("c", "1d", &[])]);
    let mut engine = TestEngine::new();
    let run = engine.start(&waits, json!({})).expect("it starts");
    engine.pause(run).expect("it can be paused");
    engine.signal(run, "paid", &json!(1)).expect("it waits");
    check_now(
        &engine,
        run,
        true,
        &[
            ("paused", None, "nexus-engine resume wf-001"),
            ("paused", Some("a"), "nexus-engine resume wf-001"),
            ("paused", Some("c"), "nexus-engine resume wf-001"),
        ],
    );
}

#[test]
fn a_run_that_is_paused_with_its_caller_names_the_run_to_resume() {
    let child = plan(vec![sleep("z", "1d", &[])]);
    let definition = Some(child.hash());
    let call =
        StepKind::Call { workflow: "child".into(), version: None, definition, with: Value::Null };
    let parent = plan(vec![step("a", call, &[])]);
    let mut engine = TestEngine::new();
    let request = StartRequest::new(parent).callees([child]).name("parent");
    let run = engine.start_as(request).expect("it starts").run;
    engine.settle();
    let runs = engine.runs();
    let (_, called) = runs.iter().find(|(name, _)| name == "parent/a").expect("it was called");
    engine.pause(run).expect("it can be paused");
    engine.settle();
    check_now(
        &engine,
        *called,
        true,
        &[
            ("paused", None, "nexus-engine resume parent"),
            ("paused", Some("z"), "nexus-engine resume parent"),
        ],
    );
    engine.resume(run).expect("it was paused");
    engine.settle();
    check_now(&engine, *called, true, &[("sleeping", Some("z"), "its timer, at ")]);
}

/// Three attempts, a day apart.
fn after_a_day() -> Retry {
    let day_ms = 86_400_000;
    let (initial_ms, max_ms) = (day_ms, day_ms);
    Retry { max_attempts: 3, initial_ms, max_ms, jitter: false, ..Retry::default() }
}

#[test]
fn a_run_that_tries_again_says_when() {
    let mut again = action("a", "work", &[]);
    again.retry = after_a_day();
    let engine = TestEngine::new().mock("work", StepError::retry("503"));
    let engine = check(
        engine,
        &plan(vec![again]),
        &[("retrying", Some("a"), "its timer, at 2026-01-02T00:00:00")],
    );
    let why = explained(&engine, engine.runs()[0].1, true).causes.remove(0).why;
    assert!(why.contains("a failed 1 of 3 times: NX3001 503"), "{why}");
}

/// `pay` fails, and `book` is undone, once.
fn saga() -> Arc<Plan> {
    let undo = json!({
        "kind": {"action": {"uses": "unbook"}},
        "retry": {
            "max_attempts": 1, "backoff": "constant", "initial_ms": 1, "factor": 1.0, "max_ms": 1,
            "jitter": false,
        },
    });
    let definition = json!({
        "name": "saga", "on_failure": "compensate",
        "steps": [
            {"id": "book", "kind": {"action": {"uses": "book"}}, "compensate": undo},
            {"id": "pay", "kind": {"action": {"uses": "pay"}}, "needs": ["book"]},
        ],
    });
    let definition =
        Definition::from_json(definition.to_string().as_bytes()).expect("a definition");
    compile(definition)
}

/// `unbook` does so.
fn undoes(unbook: impl Into<Answer>) -> TestEngine {
    TestEngine::new()
        .mock("book", json!(1))
        .mock("pay", StepError::fatal("no money"))
        .mock("unbook", unbook.into())
}

#[test]
fn nobody_is_at_work_on_an_undo_without_an_engine() {
    let waits = ("orphaned", Some("book"), "nexus-engine serve, or nexus-engine resume wf-001");
    let at_work = ("running", Some("book"), "its undo returns");
    let engine = check(undoes(Answer::from(json!(1)).takes(24 * HOUR)), &saga(), &[at_work]);
    let run = engine.runs()[0].1;
    let found = explained(&engine, run, false);
    let cause = found.causes.iter().find(|cause| cause.step.is_some()).expect("it is kept");
    assert_eq!((&*cause.cause, &*cause.release), (waits.0, waits.2));
    assert_eq!(cause.why, "the undo of book was cut off; it waits for an engine to go on");
}

#[test]
fn a_run_whose_undo_failed_is_blocked_until_somebody_decides() {
    let expected = [(
        "blocked",
        Some("book"),
        "nexus-engine retry wf-001, or nexus-engine cancel wf-001 --no-undo",
    )];
    let engine = check(undoes(StepError::fatal("no")), &saga(), &expected);
    // No engine could help either.
    let run = engine.runs()[0].1;
    check_now(&engine, run, false, &expected);
    for driven in [true, false] {
        let view = explained(&engine, run, driven);
        let retry = ["nexus-engine retry wf-001", "nexus-engine cancel wf-001 --no-undo"];
        assert_eq!(view.commands, retry);
        assert!(view.why.contains("; NX3011 the undo of book failed: NX3001 no; "), "{}", view.why);
        assert_eq!(view.waiting.expect("it waits").on, "undo");
    }
}

#[test]
fn a_run_that_no_engine_works_on_says_so_first() {
    let mut engine = TestEngine::new();
    let run = engine.start(&plan(vec![sleep("z", "1d", &[])]), json!({})).expect("it starts");
    check_now(
        &engine,
        run,
        false,
        &[
            ("orphaned", None, "nexus-engine serve, or nexus-engine resume wf-001"),
            ("sleeping", Some("z"), "its timer, at "),
        ],
    );
    assert_eq!(engine.finish(run).word(), "completed");
    check_now(&engine, run, false, &[]);
}

#[test]
fn what_is_ready_while_no_engine_works_on_it_waits_for_one_and_not_for_room() {
    let on_item_error = OnItemError::Fail;
    let items =
        ForEach { items: json!([1, 2]), name: "item".into(), concurrency: 1, on_item_error };
    let many = Step { for_each: Some(items), ..action("b", "work", &[]) };
    let mut engine = slow().config(Config { concurrency: 1, ..Config::default() });
    let ready = plan(vec![action("z", "work", &[]), action("a", "work", &[]), many]);
    let run = engine.start(&ready, json!({})).expect("it starts");
    engine.settle();
    let serve = "nexus-engine serve, or nexus-engine resume wf-001";
    check_now(
        &engine,
        run,
        false,
        &[
            ("orphaned", None, serve),
            ("orphaned", Some("z"), serve),
            ("orphaned", Some("a"), serve),
            ("orphaned", Some("b"), serve),
        ],
    );
    let view = explained(&engine, run, false);
    assert_eq!(view.steps[1].why, "a is ready and waits for an engine");
    assert_eq!(view.steps[2].why, "0 of 2 items of b are done; the next waits for an engine");
}

/// Three items, two at a time.
fn each(id: &str, needs: &[&str]) -> Step {
    let (name, on_item_error) = (ForEach::NAME.to_owned(), OnItemError::Collect);
    let each = ForEach { items: json!([1, 2, 3]), name, concurrency: 2, on_item_error };
    // Some share the limit of `limited`.
    let concurrency = (needs.len() == 1).then(one);
    Step { for_each: Some(each), concurrency, ..action(id, "work", needs) }
}

/// One of those that share a limit of one.
fn limited(id: &str, needs: &[&str]) -> Step {
    Step { concurrency: Some(one()), ..action(id, "work", needs) }
}

fn one() -> Concurrency {
    Concurrency { key: Some("k".to_owned()), limit: Some(1), ..Concurrency::default() }
}
