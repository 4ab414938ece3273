//! Random runs, which are never without a cause.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::command::{ApprovalAnswer, Command};
use nexus_engine::model::definition::{
    Approval, CircuitBreaker, Compensate, Definition, OnApprovalTimeout, OnEnd, OnError, Repeat,
    Retry, Step, StepKind, WhenNeeds, WhileOpen,
};
use nexus_engine::model::event::Actor;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{Answer, Chance, Mock, TestEngine, action, set, sleep, step};
use nexus_engine::{Config, StepError, shard};
use serde_json::{Value, json};

use super::super::super::show::standing::Standing;
use super::{each, explained, limited, wait_for};
use crate::api::{Cause, ExplainView};

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
            made.breaker = chance.once_in(3).then(|| breaker(chance));
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

/// One of two targets, which the other steps call too. What it keeps back waits, or fails and is not tried again.
fn breaker(chance: &mut Chance) -> CircuitBreaker {
    CircuitBreaker {
        target: if chance.once_in(2) { "pay" } else { "ship" }.to_owned(),
        failures: 1 + u32::from(chance.once_in(2)),
        successes: 1,
        open_ms: 1 + chance.below(7_200_000),
        while_open: if chance.once_in(3) { WhileOpen::Fail } else { WhileOpen::Wait },
    }
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
    let all = [
        "blocked", "broken", "limited", "orphaned", "paused", "retrying", "running", "sleeping",
        "waiting",
    ];
    assert!(given.is_some() || seen.iter().eq(all), "not all causes came up: {seen:?}");
}

pub(super) fn has_a_cause(engine: &TestEngine, run: RunId, seed: u64) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let (plan, state) = engine.load(run);
    for driven in [true, false] {
        let standing = Standing { plan: &plan, run: &state, now: engine.now(), driven };
        let ExplainView { causes, why, .. } = explained(engine, run, driven);
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
