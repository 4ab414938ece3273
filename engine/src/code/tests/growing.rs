//! A turn costs as much as is new in it, whatever there was before.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nexus_model::command::Command;
use nexus_model::effect::{Effect, pending};

use super::super::Cx;
use super::{Bench, Chance, same};
use crate::handler::{StepCx, StepResult};
use crate::workflow::{IntoStep, Result};

async fn back(_: StepCx, _: u64) -> StepResult<()> {
    Ok(())
}

/// One step after the other, all of which may have to be undone: all of them are kept.
async fn one_by_one(cx: Cx, _: u64) -> Result<u64> {
    let mut sum = 0;
    for at in 0..u64::MAX {
        sum += cx.step("one", same.undo(back), at).await?;
    }
    Ok(sum)
}

#[test]
fn a_turn_costs_the_same_after_many_steps_that_can_be_undone() {
    let mut bench = Bench::new(one_by_one);
    let mut chance = Chance(1);
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..24 {
        let began = Instant::now();
        for _ in 0..250 {
            bench.ask();
            bench.settle(&mut chance);
            bench.forget_history();
        }
        times.push(began.elapsed());
    }
    assert_eq!(bench.plan.step_count(), 6_000, "all of them are kept");
    // The fastest of several: the machine does other things too.
    let fastest = |times: &[Duration]| times.iter().min().copied().unwrap_or_default();
    let (first, last) = (fastest(&times[1..6]), fastest(&times[19..]));
    assert!(last < 5 * first, "250 turns took {first:?} in the beginning, and {last:?} in the end");
}

/// How long a function takes that has so many branches, each of two steps.
fn branches(count: u64) -> Duration {
    let mut bench = Bench::new(move |cx: Cx, _: u64| async move {
        let branches = (0..count).map(|at| {
            let cx = cx.clone();
            async move {
                let one = cx.step("one", same, at).await?;
                cx.step("two", same, one).await
            }
        });
        join_all(branches).await.into_iter().collect::<Result<Vec<u64>>>()
    });
    let began = Instant::now();
    bench.ask();
    // All have their outcomes before the function hears of the first.
    for effect in pending(&bench.plan, &bench.run) {
        let Effect::RunAttempt(attempt) = effect else { panic!("no other work") };
        let (step, attempt, output) = (attempt.step, attempt.attempt, attempt.input);
        assert!(bench.decide(Command::CompleteStep { step, attempt, output }), "it is at work");
    }
    bench.ask();
    began.elapsed()
}

#[test]
fn a_turn_costs_the_same_beside_many_outcomes() {
    let few = branches(400).min(branches(400));
    let many = branches(6_400);
    assert!(many < 64 * few, "400 branches took {few:?}, 6,400 took {many:?}");
}
