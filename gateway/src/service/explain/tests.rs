//! Each cause by itself, and random runs, which are never without one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::command::{ApprovalAnswer, Command};
use nexus_engine::model::definition::{
    Approval, CircuitBreaker, Compensate, Concurrency, Definition, ForEach, InputSpec,
    OnApprovalTimeout, OnEnd, OnError, OnItemError, OnSignalTimeout, Repeat, Retry, Step, StepKind,
    Update, WhenNeeds,
};
use nexus_engine::model::event::Actor;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{
    Answer, Chance, Mock, TestEngine, action, compile, plan, set, sleep, step,
};
use nexus_engine::{Config, StartRequest, StepError, shard};
use serde_json::{Value, json};

use super::super::show::standing::Standing;
use super::causes::causes;
use crate::api::{Cause, ExplainView};

const HOUR: Duration = Duration::from_hours(1);

fn explained(engine: &TestEngine, run: RunId, driven: bool) -> ExplainView {
    let (plan, state) = engine.load(run);
    let standing = Standing { plan: &plan, run: &state, now: engine.now(), driven };
    super::explain(&standing, "wf-001".into(), engine.now())
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
            ("waiting", Some("a"), "nexus-engine signal wf-001 paid"),
            (
                "waiting",
                Some("b"),
                "nexus-engine signal wf-001 paid, or its time is over at 2026-01-02T",
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
fn items_that_wait_for_their_slots_or_their_breaker_say_so() {
    let items = Step { concurrency: Some(one()), ..each("a", &[]) };
    let shared = plan(vec![items]);
    let engine = check(slow(), &shared, &[("running", Some("a"), "its items return")]);
    let engine = check(engine, &shared, &[("limited", Some("a"), "a slot of its limit")]);
    let (_, waiting) = engine.runs()[1];
    let why = &explained(&engine, waiting, true).causes[0].why;
    assert!(why.contains("0 of 3 items of a are done; a[0] waits for a slot of limit"), "{why}");

    let breaker =
        CircuitBreaker { target: "pay".to_owned(), failures: 1, ..CircuitBreaker::default() };
    let mut items = each("a", &[]);
    items.retry.max_attempts = 3;
    let guarded = plan(vec![Step { breaker: Some(breaker), ..items }]);
    let mut engine = TestEngine::new().mock("work", Answer::from(StepError::retry("down")));
    let run = engine.start(&guarded, json!({})).expect("it starts");
    engine.advance(Duration::from_secs(30));
    check_now(&engine, run, true, &[("broken", Some("a"), "nexus-engine breaker reset pay")]);
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

#[test]
fn a_run_that_tries_again_says_when() {
    let mut again = action("a", "work", &[]);
    again.retry = Retry {
        max_attempts: 3,
        initial_ms: 86_400_000,
        max_ms: 86_400_000,
        jitter: false,
        ..Retry::default()
    };
    let engine = TestEngine::new().mock("work", StepError::retry("503"));
    let engine = check(
        engine,
        &plan(vec![again]),
        &[("retrying", Some("a"), "its timer, at 2026-01-02T00:00:00")],
    );
    let why = explained(&engine, engine.runs()[0].1, true).causes.remove(0).why;
    assert!(why.contains("a failed 1 of 3 times: NX3001 503"), "{why}");
}

#[test]
fn a_run_whose_undo_failed_is_blocked_until_somebody_decides() {
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
    let engine = TestEngine::new()
        .mock("book", json!(1))
        .mock("pay", StepError::fatal("no money"))
        .mock("unbook", StepError::fatal("no"));
    let expected = [(
        "blocked",
        Some("book"),
        "nexus-engine retry wf-001, or nexus-engine cancel wf-001 --no-undo",
    )];
    let engine = check(engine, &compile(definition), &expected);
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

/// A definition by chance: actions that fail and take their time, sleeps, waits, conditions and undos.
fn random(chance: &mut Chance) -> Arc<Plan> {
    loop {
        let loops = |definition: &Definition| {
            definition.steps.iter().filter(|step| matches!(step.kind, StepKind::Repeat(_))).count()
        };
        // Loops that cross wait for each other, and are refused.
        let definition = some_definition(chance);
        if let Ok(plan) = Plan::compile(definition.clone())
            && loops(&definition) < 2
        {
            return Arc::new(plan);
        }
    }
}

fn some_definition(chance: &mut Chance) -> Definition {
    let count = 1 + chance.index(9);
    let steps = (0..count).map(|at| {
        let needs: Vec<String> =
            (0..at).filter(|_| chance.once_in(3)).map(|need| format!("s{need}")).collect();
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        let id = format!("s{at}");
        let needed = || needs.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut made = match chance.below(12) {
            7 => Step { needs: needed(), ..step(&id, approve(chance), &[]) },
            8 if needs.len() > 1 => step(&id, StepKind::Race { of: needed() }, &[]),
            9 if !needs.is_empty() => Step { needs: needed(), ..step(&id, again(needs[0]), &[]) },
            10 => each(&id, &needs),
            11 => limited(&id, &needs),
            0 => sleep(&id, "3h", &needs),
            1 => set(&id, json!({"at": at}), &needs),
            2 => Step {
                needs: needs.iter().map(ToString::to_string).collect(),
                ..wait_for(&id, chance.once_in(2).then_some(7_200_000))
            },
            _ => action(&id, "work", &needs),
        };
        if matches!(made.kind, StepKind::Action { .. }) {
            made.retry = Retry {
                max_attempts: 1 + u32::try_from(chance.below(3)).unwrap_or(0),
                ..Retry::default()
            };
            let undone = made.for_each.is_none() && chance.once_in(2);
            made.compensate = undone.then(|| Box::new(undo(chance)));
            made.timeout_ms = chance.once_in(4).then_some(3_600_000);
            made.deadline_ms = chance.once_in(5).then_some(9_000_000);
        }
        made.when_needs = match chance.below(6) {
            _ if matches!(made.kind, StepKind::Race { .. } | StepKind::Repeat(_)) => {
                WhenNeeds::AllOk
            }
            0 => WhenNeeds::AllDone,
            1 if !needs.is_empty() => WhenNeeds::AnyFailed,
            _ => WhenNeeds::AllOk,
        };
        made.condition = chance.once_in(7).then(|| "false".to_owned());
        made.on_error = if chance.once_in(2) { OnError::Continue } else { OnError::Fail };
        made
    });
    let steps = steps.collect();
    Definition {
        name: "random".into(),
        steps,
        on_failure: if chance.once_in(2) { OnEnd::Compensate } else { OnEnd::Keep },
        timeout_ms: chance.once_in(6).then_some(20_000_000),
        ..Definition::default()
    }
}

/// Asks dana, for ever or for two hours.
fn approve(chance: &mut Chance) -> StepKind {
    StepKind::Approve(Box::new(Approval {
        by: json!("dana"),
        timeout_ms: chance.once_in(2).then_some(7_200_000),
        on_timeout: OnApprovalTimeout::Reject,
        ..Approval::default()
    }))
}

/// Two rounds, with an hour between.
fn again(from: &str) -> StepKind {
    let (from, until) = (from.to_owned(), "round.number >= 2".to_owned());
    StepKind::Repeat(Box::new(Repeat { from, until, delay_ms: 3_600_000, ..Repeat::default() }))
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

/// An undo that is tried once, or until it succeeds.
fn undo(chance: &mut Chance) -> Compensate {
    let once = Retry { max_attempts: 1, ..Retry::default() };
    let kind = StepKind::Action { uses: "work".into(), with: Value::Null };
    Compensate { kind, retry: chance.once_in(2).then_some(once), timeout_ms: None }
}

fn work(seed: u64) -> Mock {
    Mock::function(move |call| {
        let text = format!("{seed} {} {}", call.step, call.attempt);
        let hash =
            text.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let mut chance = Chance::new(hash);
        let takes = Duration::from_secs(chance.below(7_200));
        let answer = match chance.below(4) {
            0 => Answer::from(StepError::retry("chance")),
            1 => Answer::from(StepError::fatal("chance")),
            _ => Answer::from(Value::from(1)),
        };
        answer.takes(takes)
    })
}

fn by() -> Actor {
    Actor { name: "chance".into(), via: "rust".into() }
}

/// Whatever is done to a run, it has a cause whenever nothing can be done at the moment; and what is said to release it does: a
/// run whose releases are followed ends.
#[test]
fn no_run_is_ever_without_a_cause_and_following_what_releases_it_ends_it() {
    let given = std::env::var("NEXUS_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = given.map_or(0..250, |seed| seed..seed + 1);
    let mut seen = BTreeSet::new();
    for seed in seeds {
        let mut chance = Chance::new(seed);
        let plan = random(&mut chance);
        let concurrency = 1 + u32::try_from(chance.below(3)).unwrap_or(0);
        let mut engine = TestEngine::new()
            .mock("work", work(seed))
            .config(Config { concurrency, ..Config::default() });
        let run = engine.start(&plan, json!({})).expect("it starts");
        for _ in 0..chance.below(30) {
            disturb(&mut engine, run, &mut chance);
            seen.extend(has_a_cause(&engine, run, seed));
        }
        for round in 0.. {
            seen.extend(has_a_cause(&engine, run, seed));
            if engine.load(run).1.status.is_terminal() {
                break;
            }
            assert!(round < 300, "seed {seed}: {:#?}", explained(&engine, run, true));
            release(&mut engine, run);
        }
    }
    let all =
        ["blocked", "limited", "orphaned", "paused", "retrying", "running", "sleeping", "waiting"];
    assert!(given.is_some() || seen.iter().eq(all), "not all causes came up: {seen:?}");
}

fn has_a_cause(engine: &TestEngine, run: RunId, seed: u64) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let (plan, state) = engine.load(run);
    for driven in [true, false] {
        let standing = Standing { plan: &plan, run: &state, now: engine.now(), driven };
        let causes = causes(&standing, "wf-001");
        let is_open = !state.status.is_terminal();
        assert_eq!(is_open, !causes.is_empty(), "seed {seed}: {:?}", state.status);
        let unclear = causes.iter().any(|cause| cause.why.is_empty() || cause.release.is_empty());
        assert!(!unclear, "seed {seed}: {causes:?}");
        let is_orphaned = is_open && !driven && !standing.is_stuck();
        assert_eq!(causes.iter().any(|cause| cause.cause == "orphaned"), is_orphaned);
        assert_eq!(
            causes.iter().any(|cause| cause.cause == "paused" && cause.step.is_none()),
            is_open && state.paused
        );
        let why = explained(engine, run, driven).why;
        assert!(!why.contains("about to go on"), "seed {seed}: {why}");
        seen.extend(causes.into_iter().map(|cause| cause.cause));
    }
    seen
}

fn disturb(engine: &mut TestEngine, run: RunId, chance: &mut Chance) {
    let before = engine.load(run).1.status.word();
    let _ = match chance.below(12) {
        0 => engine.pause(run),
        1 | 2 => engine.resume(run),
        3 => engine.signal(run, "paid", &json!(1)),
        7 => decide(engine, run, chance.once_in(2)),
        4 if chance.once_in(3) => engine.cancel(run),
        5 if before == "failed" || before == "cancelled" => engine.retry(run),
        6 => {
            engine.crash_and_recover();
            return;
        }
        _ => {
            engine.advance(Duration::from_secs(chance.below(5_000)));
            return;
        }
    };
    engine.settle();
}

/// Approves or rejects the first step that asks, or some other one, which is refused.
fn decide(
    engine: &mut TestEngine,
    run: RunId,
    approved: bool,
) -> Result<shard::Answer, shard::Refusal> {
    let (plan, state) = engine.load(run);
    let is_approval =
        |step: &StepIndex| matches!(plan.definition().steps[step.at()].kind, StepKind::Approve(_));
    let step = state.awaiting().find(is_approval).unwrap_or(StepIndex(0));
    let by = Actor { name: "dana".into(), via: "rust".into() };
    let answer = Box::new(ApprovalAnswer { approved, by, ..ApprovalAnswer::default() });
    engine.ask(run, &Command::AnswerApproval { step, answer })
}

/// Does what the first cause says releases it.
fn release(engine: &mut TestEngine, run: RunId) {
    let causes = explained(engine, run, true).causes;
    let Some(Cause { cause, release, .. }) = causes.first() else { return };
    let said = match cause.as_str() {
        "paused" => engine.resume(run),
        "waiting" if release.starts_with("nexus-engine approve ") => decide(engine, run, true),
        "waiting" => engine.signal(run, "paid", &json!(1)),
        "blocked" => {
            let (by, reason) = (by(), String::new());
            engine.ask(run, &Command::CancelRun { by, reason, undo: false })
        }
        _ => {
            let next = engine.next_time().expect("what is said to end, ends at a time");
            engine.advance_to(next);
            return;
        }
    };
    said.expect("what is said to release it is not refused");
    engine.settle();
}
