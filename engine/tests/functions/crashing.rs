//! A process that ends after each of its transitions changes nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use nexus_engine::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::life::{Life, calls, within};
use crate::log::{FaultyLog, memory};
use crate::until::until;

async fn double(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n * 2)
}

async fn nothing(_: StepCx, _: u64) -> StepResult<()> {
    Ok(())
}

/// Does a bit of everything.
async fn all(cx: Cx, n: u64) -> Result<Vec<u64>> {
    let mut found = vec![cx.random("seed") % 2 + n];
    let known = cx.side_effect("known", move || n + 1).await?;
    found.push(known);
    let (left, right) = tokio::join!(
        async {
            let a = cx.step("left", double.undo(nothing), n).await?;
            cx.step("left", double, a).await
        },
        cx.step("right", double.retry(3), known),
    );
    found.extend([left?, right?]);
    found.extend(cx.each("each", double, vec![1, 2, 3]).limit(2).await?);
    tokio::select! {
        slow = cx.sleep(hours(1)) => slow?,
        fast = cx.step("fast", double, 4) => found.push(fast?),
    }
    cx.sleep(Duration::from_millis(2)).await?;
    if cx.patched("more") {
        found.push(cx.step("more", double, 5).await?);
    }
    found.push(u64::try_from(cx.uuid("id").as_u128() % 2).unwrap_or(0));
    Ok(found)
}

/// The same, but it fails in the end.
async fn fails(cx: Cx, n: u64) -> Result<Vec<u64>> {
    let found = all(cx.clone(), n).await?;
    Err(cx.fail("E_END", format!("{} found", found.len())))
}

#[tokio::test]
async fn a_crash_after_each_transition_changes_nothing() {
    everywhere(&Workflow::code("all", all).unwrap(), 3, shape).await;
}

#[tokio::test]
async fn a_crash_while_it_is_undone_changes_nothing() {
    everywhere(&Workflow::code("fails", fails).unwrap(), 3, shape).await;
}

/// Ends the process after each transition of a run, and compares how it ends.
pub(crate) async fn everywhere<In, Out>(
    workflow: &Workflow<In, Out>,
    input: In,
    shape: impl Fn(Result<Out>) -> String,
) where
    In: Clone + Serialize,
    Out: DeserializeOwned,
{
    let whole = Life::begin(&memory(), workflow);
    let run = whole.engine.start(workflow, input.clone()).id("run").await.unwrap();
    let expected = shape(within(run.result()).await);
    let names = names_of(&whole).await;
    for taken in 1..200 {
        let memory = memory();
        let log = FaultyLog::over(&memory, taken.into());
        log.faults.taken_left.store(taken, Ordering::SeqCst);
        let first = Life::on(log, workflow);
        let started = within(async {
            tokio::select! {
                started = first.engine.start(workflow, input.clone()).id("run") => Some(started.unwrap()),
                () = gone(&first) => None,
            }
        })
        .await;
        let ended = match started {
            None => false,
            Some(run) => {
                within(async {
                    tokio::select! {
                        biased;
                        _ = run.result() => true,
                        () = gone(&first) => false,
                    }
                })
                .await
            }
        };
        let ended = ended && !first.log.faults.gone.load(Ordering::SeqCst);
        first.crash();
        let second = Life::begin(&memory, workflow);
        let run = second.engine.start(workflow, input.clone()).id("run").await.unwrap();
        let outcome = shape(within(run.result()).await);
        let trouble = run.trouble().await.unwrap();
        assert_eq!(trouble, None, "after {taken} transitions");
        assert_eq!(outcome, expected, "after {taken} transitions");
        assert_eq!(names_of(&second).await, names, "after {taken} transitions");
        let replay = second.engine.handle().replay(run.run_id().await.unwrap(), None);
        assert!(replay.await.unwrap().agrees(), "after {taken} transitions");
        if ended {
            assert!(taken > 15, "only {taken} transitions");
            return;
        }
    }
    panic!("it has more transitions than that");
}

/// Values that chance has a part in are left out.
fn shape(outcome: Result<Vec<u64>>) -> String {
    match outcome {
        Ok(found) => format!("{:?}", &found[1..found.len() - 1]),
        Err(error) => error.to_string(),
    }
}

async fn gone(life: &Life) {
    let faults = &life.log.faults;
    until("the log is gone", async || faults.gone.load(Ordering::SeqCst).then_some(())).await;
}

async fn names_of(life: &Life) -> Vec<String> {
    let mut names: Vec<String> =
        calls(&life.events("run").await).into_iter().flat_map(|(_, names)| names).collect();
    names.sort();
    names
}
