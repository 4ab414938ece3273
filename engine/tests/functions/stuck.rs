//! Functions that get no further: nothing else waits for them, and they go on once the code is right.

use std::sync::atomic::Ordering;
use std::time::Duration;

use nexus_engine::log::MemoryLog;
use nexus_engine::prelude::*;
use nexus_engine::testing::TestEngine;
use nexus_engine::{Config, model::event::Event};
use std::sync::Arc;

use crate::life::{Life, within};
use crate::log::{FaultyLog, memory};
use crate::until::until;

async fn double(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n * 2)
}

async fn hangs(cx: StepCx, n: u64) -> StepResult<u64> {
    cx.cancelled().await;
    Ok(n)
}

/// The function as it was, whose step never ends.
async fn before(cx: Cx, n: u64) -> Result<u64> {
    let a = cx.step("a", double, n).await?;
    cx.step("b", hangs, a).await
}

/// One that does something else.
async fn differs(cx: Cx, n: u64) -> Result<u64> {
    cx.step("z", double, n).await
}

/// One that fits, whose step ends.
async fn after(cx: Cx, n: u64) -> Result<u64> {
    let a = cx.step("a", double, n).await?;
    cx.step("b", double, a).await
}

async fn other(cx: Cx, n: u64) -> Result<u64> {
    cx.step("c", double, n).await
}

/// An engine with room for one attempt, and two workflows.
fn open<F, Fut>(memory: &Arc<MemoryLog>, work: F) -> (Engine, Arc<FaultyLog>, tempfile::TempDir)
where
    F: Fn(Cx, u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<u64>> + Send + 'static,
{
    let (work, other) = (Workflow::code("work", work).unwrap(), other_workflow());
    let folder = tempfile::tempdir().unwrap();
    let grace = Duration::from_millis(20);
    let config = Config { concurrency: 1, grace, rest: grace, ..Config::default() };
    let log = FaultyLog::over(memory, 1);
    let engine = Engine::builder().config(config).workflow(&work).workflow(&other);
    let engine = engine.open_on(log.clone(), folder.path()).unwrap();
    (engine, log, folder)
}

fn other_workflow() -> Workflow<u64, u64> {
    Workflow::code("other", other).unwrap()
}

/// Runs the old code until its step that never ends is at work, and ends as a crash would, `crashes` times.
async fn begin(memory: &Arc<MemoryLog>, crashes: u32) {
    for crash in 0..crashes {
        let (engine, log, _folder) = open(memory, before);
        if crash == 0 {
            let workflow = Workflow::code("work", before).unwrap();
            engine.start(&workflow, 1).id("run").await.unwrap();
        }
        let begun = |event: &Event| {
            let starts = matches!(event, Event::StepStarted { .. });
            if crash == 0 { starts } else { matches!(event, Event::AttemptResumed { .. }) }
        };
        let run = engine.run::<u64>("run");
        let mut events = run.events();
        let mut left = if crash == 0 { 2 } else { crash };
        within(async {
            while left > 0 {
                left -= u32::from(begun(&events.next().await.unwrap().unwrap().event));
            }
        })
        .await;
        log.faults.gone.store(true, Ordering::SeqCst);
    }
}

async fn is_in_trouble(engine: &Engine) {
    let id = engine.run::<u64>("run").run_id().await.unwrap();
    until("its function is in trouble", async || engine.handle().function_trouble(id)).await;
}

/// After so many crashes, a program with other code: other runs go on, and with fitting code the run does.
async fn nothing_waits_for_it(crashes: u32) {
    let memory = memory();
    begin(&memory, crashes).await;
    for n in 0..4 {
        let (engine, log, _folder) = open(&memory, differs);
        is_in_trouble(&engine).await;
        let run = engine.start(&other_workflow(), n).await.unwrap();
        assert_eq!(within(run.result()).await.unwrap(), n * 2, "another run has its slot");
        log.faults.gone.store(true, Ordering::SeqCst);
    }
    let (engine, _log, _folder) = open(&memory, after);
    let run = engine.run::<u64>("run");
    assert_eq!(within(run.result()).await.unwrap(), 4, "it was not at work in between");
    let replay = engine.handle().replay(run.run_id().await.unwrap(), None).await.unwrap();
    assert!(replay.agrees(), "{:?}", replay.differences);
}

#[tokio::test]
async fn an_attempt_whose_function_gets_no_further_takes_no_room() {
    nothing_waits_for_it(1).await;
}

#[tokio::test]
async fn an_attempt_that_is_to_run_alone_waits_for_its_function_beside_the_others() {
    nothing_waits_for_it(2).await;
}

#[tokio::test]
async fn a_retry_whose_function_gets_no_further_takes_no_room() {
    async fn fails(cx: StepCx, n: u64) -> StepResult<u64> {
        if cx.attempt() == 1 { Err(StepError::retry("not yet")) } else { Ok(n + 1) }
    }
    async fn patient(cx: Cx, n: u64) -> Result<u64> {
        let a = cx.step("a", double, n).await?;
        cx.step("b", fails.retry(Retry::constant(3, Duration::from_millis(300))), a).await
    }
    let memory = memory();
    let workflow = Workflow::code("work", patient).unwrap();
    let first = Life::begin(&memory, &workflow);
    let run = first.engine.start(&workflow, 1).id("run").await.unwrap();
    let mut events = run.events();
    let is_retry = |event: &Event| matches!(event, Event::RetryScheduled { .. });
    within(async { while !is_retry(&events.next().await.unwrap().unwrap().event) {} }).await;
    drop((run, events));
    first.crash();

    let (engine, log, _folder) = open(&memory, differs);
    is_in_trouble(&engine).await;
    let run = engine.run::<u64>("run");
    let mut events = run.events();
    let is_second =
        |event: &Event| matches!(event, Event::StepStarted { attempt, .. } if attempt.0 == 2);
    within(async { while !is_second(&events.next().await.unwrap().unwrap().event) {} }).await;
    let other = engine.start(&other_workflow(), 5).await.unwrap();
    assert_eq!(within(other.result()).await.unwrap(), 10);
    log.faults.gone.store(true, Ordering::SeqCst);

    let (engine, _log, _folder) = open(&memory, patient);
    assert_eq!(within(engine.run::<u64>("run").result()).await.unwrap(), 3);
}

#[tokio::test]
async fn a_run_whose_function_is_gone_waits_for_it() {
    let memory = memory();
    begin(&memory, 1).await;
    for n in 0..3 {
        let life = Life::begin(&memory, &other_workflow());
        is_in_trouble(&life.engine).await;
        let id = life.engine.run::<u64>("run").run_id().await.unwrap();
        let trouble = life.engine.handle().function_trouble(id).unwrap();
        assert_eq!(trouble.code, "NX5022");
        let run = life.engine.start(&other_workflow(), n).await.unwrap();
        assert_eq!(within(run.result()).await.unwrap(), n * 2);
        drop(run);
        life.crash();
    }
    let (engine, _log, _folder) = open(&memory, after);
    assert_eq!(within(engine.run::<u64>("run").result()).await.unwrap(), 4);
}

/// It would wait for what does not come in this program.
#[tokio::test]
async fn who_awaits_the_result_of_a_function_that_is_stuck_is_told_so() {
    let waits = |_: Cx, n: u64| async move {
        tokio::time::sleep(Duration::from_hours(1)).await;
        Ok(n)
    };
    let workflow = Workflow::code("waits", waits).unwrap();
    let engine = Engine::builder().workflow(&workflow).in_memory().unwrap();
    let run = engine.start(&workflow, 1).await.unwrap();
    let error = within(run.result()).await.unwrap_err();
    assert_eq!(error.code(), Some("NX5020"), "{error}");
    run.cancel("enough").await.unwrap();
    assert!(matches!(within(run.result()).await, Err(Error::Cancelled { .. })));
    drop(run);
    engine.shutdown().await;
}

/// It ends the same each time, and never well.
#[test]
fn a_function_that_is_stuck_is_no_good_end_of_a_play() {
    let panics = |_: Cx, n: u64| async move {
        assert!(n > 7, "on purpose");
        Ok(n)
    };
    let workflow = Workflow::code("panics", panics).unwrap();
    let t = TestEngine::new().workflow(&workflow);
    let crashes = t.crash_everywhere(&workflow, 1).unwrap();
    assert!(!crashes.all_same() && crashes.to_string().contains("NX5021"), "{crashes}");
}
