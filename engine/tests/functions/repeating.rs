//! Functions that are called round after round: only the last round is run again.

use std::sync::Mutex;
use std::time::Duration;

use nexus_engine::model::event::Event;
use nexus_engine::prelude::*;

use crate::crashing::everywhere;
use crate::life::{Life, calls, within};
use crate::log::memory;

async fn double(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n * 2)
}

type Sums = Vec<u64>;

async fn sums(cx: Cx, mut sums: Sums) -> Result<Next<Sums, Sums>> {
    let at = sums.len() as u64;
    // Nobody waits for it: it is ended with its round.
    let _left = cx.sleep(hours(1));
    let (a, b) = tokio::join!(cx.step("double", double, at), cx.step("double", double, at + 1));
    sums.push(a? + b?);
    cx.sleep(Duration::from_millis(1)).await?;
    Ok(if sums.len() < 4 { Next::Again(sums) } else { Next::Done(sums) })
}

#[tokio::test]
async fn rounds_go_on_with_their_state() {
    let workflow = Workflow::repeat("sums", sums).unwrap();
    let life = Life::begin(&memory(), &workflow);
    let run = life.engine.start(&workflow, Vec::new()).id("run").await.unwrap();
    assert_eq!(within(run.result()).await.unwrap(), [2, 6, 10, 14]);
    let names: Vec<String> =
        calls(&life.events("run").await).into_iter().flat_map(|(_, names)| names).collect();
    assert_eq!(names.len(), 16);
    assert_eq!(names[..4], ["double", "double#2", "sleep", "sleep#2"]);
    assert_eq!(names[12..], ["double@4", "double@4#2", "sleep@4", "sleep@4#2"]);
    let (plan, _) = life.engine.handle().load(run.run_id().await.unwrap()).await.unwrap().unwrap();
    assert!(plan.step_count() <= 4, "numbers are used again");
    let replay = life.engine.handle().replay(run.run_id().await.unwrap(), None).await.unwrap();
    assert!(replay.agrees(), "{:?}", replay.differences);
}

#[tokio::test]
async fn a_crash_after_each_transition_changes_nothing() {
    everywhere(&Workflow::repeat("sums", sums).unwrap(), Vec::new(), |outcome| {
        format!("{outcome:?}")
    })
    .await;
}

#[tokio::test]
async fn only_the_last_round_is_run_again() {
    static BEGUN: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    const GO: Signal<u64> = Signal::new("go");
    async fn counts(cx: Cx, at: u64) -> Result<Next<u64, u64>> {
        BEGUN.lock().unwrap().push(at);
        cx.step("double", double, at).await?;
        if at < 5 {
            return Ok(Next::Again(at + 1));
        }
        Ok(Next::Done(cx.wait(&GO).await?))
    }
    let workflow = Workflow::repeat("counts", counts).unwrap();
    let memory = memory();
    let first = Life::begin(&memory, &workflow);
    let run = first.engine.start(&workflow, 0).id("run").await.unwrap();
    let mut events = run.events();
    while !matches!(within(events.next()).await.unwrap().unwrap().event, Event::StepWaits { .. }) {}
    drop((run, events));
    first.crash();
    assert_eq!(std::mem::take(&mut *BEGUN.lock().unwrap()), [0, 1, 2, 3, 4, 5]);

    let second = Life::begin(&memory, &workflow);
    let run = second.engine.run::<u64>("run");
    run.signal(&GO, &7).await.unwrap();
    assert_eq!(within(run.result()).await.unwrap(), 7);
    assert_eq!(*BEGUN.lock().unwrap(), [5]);
}

#[tokio::test]
async fn an_undo_in_a_round_is_refused() {
    async fn back(_: StepCx, _: u64) -> StepResult<()> {
        Ok(())
    }
    async fn undoes(cx: Cx, at: u64) -> Result<Next<u64, u64>> {
        Ok(Next::Done(cx.step("double", double.undo(back), at).await?))
    }
    let workflow = Workflow::repeat("undoes", undoes).unwrap();
    let life = Life::begin(&memory(), &workflow);
    let run = life.engine.start(&workflow, 1).id("run").await.unwrap();
    let id = run.run_id().await.unwrap();
    let trouble = life.trouble(id).await;
    assert_eq!(trouble.code, "NX5024", "{}", trouble.message);
}
