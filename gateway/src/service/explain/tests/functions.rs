//! Runs whose steps are the calls of a function: they are never without a cause either.

use std::collections::BTreeSet;

use nexus_engine::model::id::RunId;
use nexus_engine::prelude::*;
use nexus_engine::testing::{TestEngine, TestRun};
use nexus_engine::testkit::{Chance, TestEngine as Kit};
use serde_json::json;

use super::properties::has_a_cause;
use super::{explained, explained_with};

const GO: Signal<u64> = Signal::new("go");

async fn work(cx: StepCx, seed: u64) -> StepResult<u64> {
    let mut chance = Chance::new(seed.wrapping_mul(31).wrapping_add(u64::from(cx.attempt())));
    match chance.below(6) {
        0 | 1 => Err(StepError::retry("chance")),
        2 => Err(StepError::fatal("chance")),
        _ => Ok(seed),
    }
}

async fn steady(_: StepCx, seed: u64) -> StepResult<u64> {
    Ok(seed)
}

/// What it does follows from its input, so it is the same in each turn.
async fn by_chance(cx: Cx, seed: u64) -> Result<u64> {
    let mut chance = Chance::new(seed);
    let mut sum: u64 = 0;
    for round in 0..=chance.below(5) {
        let of = seed.wrapping_add(round);
        let came = match chance.below(7) {
            0 => cx.sleep(hours(1 + round)).await.map(|()| 0)?,
            1 => cx.wait(&GO).await?,
            2 => cx.wait(&GO).within(hours(2)).await?.unwrap_or(0),
            3 => u64::from(cx.approve("ok", Approval::by("dana")).await?.approved),
            4 => {
                let (left, right) = tokio::join!(
                    cx.step("left", work.retry(3), of),
                    cx.wait(&GO).within(hours(3)),
                );
                left.unwrap_or(0).wrapping_add(right?.unwrap_or(0))
            }
            5 => cx.each("each", work.retry(2), vec![of, of + 1, of + 2]).limit(2).await?[0],
            _ => cx.step("work", work.retry(5), of).await?,
        };
        sum = sum.wrapping_add(came);
    }
    Ok(sum)
}

#[test]
fn no_run_of_a_function_is_ever_without_a_cause_and_following_what_releases_it_ends_it() {
    let workflow = Workflow::code("by-chance", by_chance).expect("a workflow");
    let mut seen = BTreeSet::new();
    let mut retried = 0;
    for seed in 0..80 {
        let engine = TestEngine::new().workflow(&workflow);
        let run = engine.start(&workflow, seed).expect("it starts");
        let id = run.run_id();
        let mut chance = Chance::new(seed.wrapping_add(1_000));
        let mut tries = 0;
        for round in 0.. {
            seen.extend(engine.with_kit(|kit| has_a_cause(kit, id, seed)));
            if engine.with_kit(|kit| kit.load(id).1.status.is_terminal()) {
                if tries == 3 || !is_retried_as_offered(&engine, id, seed) {
                    break;
                }
                tries += 1;
                retried += 1;
            }
            assert!(round < 300, "seed {seed}");
            match chance.below(8) {
                0 => engine.crash_and_recover(),
                1 => drop(engine.with_kit(|kit| kit.pause(id))),
                2 => drop(engine.with_kit(|kit| kit.signal(id, "go", &json!(2)))),
                _ => release(&engine, &run, id),
            }
            engine.with_kit(Kit::settle);
        }
    }
    let all = ["orphaned", "paused", "retrying", "sleeping", "waiting"];
    assert!(all.iter().all(|word| seen.contains(*word)), "not all causes came up: {seen:?}");
    assert!(retried > 5, "{retried} retries");
}

/// Asks for a retry of a run that has ended. It is taken if it is offered, and only then.
fn is_retried_as_offered(engine: &TestEngine, id: RunId, seed: u64) -> bool {
    engine.with_kit(|kit| {
        let view = explained(kit, id, true);
        let offered = view.commands.iter().any(|command| command.starts_with("nexus-engine retry"));
        let answer = kit.retry(id);
        assert_eq!(offered, answer.is_ok(), "seed {seed}: {} {answer:?}", view.status);
        offered
    })
}

#[test]
fn a_retry_of_a_function_that_failed_by_itself_is_not_offered() {
    let by_itself = Workflow::code("by-itself", |cx: Cx, _: u64| async move {
        cx.step("work", steady, 1).await?;
        Err::<u64, _>(cx.fail("E_NO", "not today"))
    });
    let of_call = Workflow::code("of-call", |cx: Cx, _: u64| async move {
        let closed = |_: StepCx, _: u64| async { Err::<u64, _>(StepError::fatal("closed")) };
        cx.step("work", closed, 1).await
    });
    for (workflow, offered) in [(by_itself, false), (of_call, true)] {
        let workflow = workflow.expect("a workflow");
        let engine = TestEngine::new().workflow(&workflow);
        let id = engine.start(&workflow, 7).expect("it starts").run_id();
        assert_eq!(is_retried_as_offered(&engine, id, 7), offered);
    }
}

#[test]
fn from_outside_a_function_that_rests_is_told_from_one_that_waits() {
    let rests = Workflow::code("rests", |cx: Cx, seed: u64| async move {
        let seed = cx.step("work", steady, seed).await?;
        assert_eq!(seed, 0, "it gets no further");
        Ok(seed)
    });
    let waits = Workflow::code("waits", |cx: Cx, _: u64| async move { cx.wait(&GO).await });
    for (workflow, wanted) in
        [(rests, &["orphaned", "function"][..]), (waits, &["orphaned", "waiting"])]
    {
        let workflow = workflow.expect("a workflow");
        let engine = TestEngine::new().workflow(&workflow);
        let id = engine.start(&workflow, 7).expect("it starts").run_id();
        // Another process has none of what this one knows.
        let view = engine.with_kit(|kit| explained_with(kit, id, false, None));
        let causes: Vec<&str> = view.causes.iter().map(|cause| cause.cause.as_str()).collect();
        assert_eq!(causes, wanted);
        let name = workflow.name();
        let release = format!("a program that has the function `{name}` opens the store");
        assert_eq!(view.causes[0].release, release);
        assert!(!view.commands.iter().any(|command| command.contains("resume")), "{view:?}");
        if name == "rests" {
            assert!(view.causes[1].why.starts_with("it is the turn of its function"), "{view:?}");
            assert!(view.causes[1].release.starts_with(&release), "{view:?}");
            assert!(!format!("{view:?}").contains("NX5001"), "{view:?}");
            assert!(view.why.contains("has said nothing since event"), "{view:?}");
            let known = engine.with_kit(|kit| explained(kit, id, true));
            assert!(known.causes[0].why.starts_with("NX5021"), "{known:?}");
        }
    }
}

/// Does what the first cause says releases it.
fn release(engine: &TestEngine, run: &TestRun<u64>, id: RunId) {
    let causes = engine.with_kit(|kit| explained(kit, id, true).causes);
    let Some(first) = causes.into_iter().next() else { return };
    if first.cause == "paused" {
        engine.with_kit(|kit| kit.resume(id)).expect("it is paused");
    } else if first.release.starts_with("nexus-engine approve ") {
        run.approve(&first.step.expect("a step asks"), "dana").expect("it asks");
    } else if first.release.starts_with("nexus-engine signal ") {
        engine.with_kit(|kit| kit.signal(id, "go", &json!(1))).expect("it waits");
    } else {
        engine.with_kit(|kit| {
            let next = kit.next_time().expect("what is said to end, ends at a time");
            kit.advance_to(next);
        });
    }
}
