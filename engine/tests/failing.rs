//! Failing well, with a crash at every transition: limits before the start, and progress between attempts.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::time::Duration;

use nexus_engine::model::definition::{OnError, Retry};
use nexus_engine::model::run::StepState;
use nexus_engine::testkit::{Answer, TestEngine, action, plan};
use nexus_engine::{Config, StepCx, StepError, StepResult, handler_fn};
use serde_json::{Value, json};

fn one_at_a_time() -> TestEngine {
    TestEngine::new().config(Config { concurrency: 1, ..Config::default() })
}

fn code(engine: &TestEngine, run: nexus_engine::model::id::RunId, step: &str) -> String {
    let (plan, state) = engine.load(run);
    let StepState::Failed { failure, .. } = state.step(plan.find(step).unwrap()) else {
        panic!("{step} has not failed")
    };
    failure.code.clone()
}

#[test]
fn a_step_that_finds_no_room_in_time_fails_wherever_the_engine_crashes() {
    let mut urgent = action("b", "quote", &[]);
    urgent.start_within_ms = Some(30_000);
    urgent.on_error = OnError::Continue;
    let plan = plan(vec![action("a", "slow", &[]), urgent]);
    let hour = Answer::from(json!(1)).takes(Duration::from_hours(1));
    let engine = one_at_a_time().mock("slow", hour).mock("quote", json!(2));
    let crashes = engine.crash_everywhere(&plan, &json!({}));
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs["wf-001"].steps["b"].status, "failed");

    let mut engine = engine.fresh();
    let run = engine.start(&plan, json!({})).unwrap();
    engine.advance(Duration::from_secs(29));
    assert_eq!(engine.load(run).1.queued.len(), 1);
    assert_eq!(engine.finish(run).word(), "completed");
    assert_eq!(code(&engine, run, "b"), "NX3026");
    assert_eq!(engine.calls().len(), 1, "it was never called");
}

#[test]
fn the_time_to_start_goes_on_while_no_engine_is_there() {
    let mut urgent = action("b", "quote", &["a"]);
    urgent.start_within_ms = Some(30_000);
    let mut engine = one_at_a_time().mock("slow", json!(1)).mock("quote", json!(2));
    let run = engine.start(&plan(vec![action("a", "slow", &[]), urgent]), json!({})).unwrap();
    engine.settle();
    assert_eq!(engine.finish(run).word(), "completed", "there is room");
    let mut urgent = action("b", "quote", &[]);
    urgent.start_within_ms = Some(30_000);
    let hour = Answer::from(json!(1)).takes(Duration::from_hours(1));
    let mut engine = one_at_a_time().mock("slow", hour).mock("quote", json!(2));
    let run = engine.start(&plan(vec![action("a", "slow", &[]), urgent]), json!({})).unwrap();
    engine.down_for(Duration::from_mins(1));
    assert_eq!(engine.finish(run).word(), "failed");
    assert_eq!(code(&engine, run, "b"), "NX3026");
}

/// Each attempt goes on where the last one was.
async fn stumbles(cx: StepCx, _: Value) -> StepResult<u32> {
    let from = cx.progress::<u32>()?.unwrap_or(0);
    if from >= 2 {
        return Ok(from);
    }
    cx.heartbeat(from + 1)?;
    Err(StepError::retry("it stumbles"))
}

#[test]
fn progress_reaches_the_next_attempt_wherever_the_engine_crashes() {
    let mut step = action("a", "stumbles", &[]);
    step.retry = Retry { max_attempts: 3, ..Retry::default() };
    let engine = TestEngine::new().handler("stumbles", handler_fn(stumbles));
    let crashes = engine.crash_everywhere(&plan(vec![step]), &json!({}));
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs["wf-001"].steps["a"].output, json!(2));
}
