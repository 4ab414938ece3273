//! `for_each` in a whole engine: crashes at every transition, what is left after a failure, and how large a run becomes.

use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::codec::encode_run;
use nexus_engine::model::definition::{Definition, ForEach, OnItemError, Retry, Step, StepKind};
use nexus_engine::model::event::Event;
use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{Answer, Call, Mock, TestEngine, action, compile};
use nexus_engine::{Config, StepError};
use serde_json::{Value, json};

fn each(items: Value, concurrency: u32) -> Step {
    let mut step = action("each", "work", &[]);
    step.kind = StepKind::Action {
        uses: "work".into(),
        with: json!({"item": "${{ item }}", "n": "${{ item_index }}"}),
    };
    step.for_each = Some(ForEach {
        items,
        name: ForEach::NAME.into(),
        concurrency,
        on_item_error: OnItemError::Fail,
    });
    step
}

fn plan(each: Step) -> Arc<Plan> {
    let after = action("after", "count", &["each"]);
    let outputs = Some(json!("${{ steps.each.output }}"));
    compile(Definition { steps: vec![each, after], outputs, ..Definition::default() })
}

/// Every item is doubled, and takes a second or two.
fn engine() -> TestEngine {
    let double = |call: &Call| {
        let input = call.input();
        let n = input["item"].as_u64().unwrap_or(0);
        Answer::from(json!(2 * n)).takes(Duration::from_secs(1 + n % 2))
    };
    TestEngine::new().mock("work", Mock::function(double)).mock("count", json!(null))
}

#[test]
fn a_list_ends_the_same_wherever_the_engine_ends() {
    let plan = plan(each(json!("${{ inputs }}"), 3));
    let crashes = engine().crash_everywhere(&plan, &json!([5, 6, 7, 8, 9, 10, 11]));
    assert!(crashes.all_same(), "{crashes}");
    let ending = &crashes.plain.runs["wf-001"];
    assert_eq!(
        (ending.status, &ending.output),
        ("completed", &json!([10, 12, 14, 16, 18, 20, 22]))
    );
    assert!(crashes.played > 14, "{crashes}");
}

#[test]
fn a_list_with_retries_and_collected_failures_ends_the_same_wherever_the_engine_ends() {
    let mut step = each(json!([1, 2, 3, 4]), 2);
    step.retry = Retry { max_attempts: 2, initial_ms: 500, ..Retry::default() };
    if let Some(each) = &mut step.for_each {
        each.on_item_error = OnItemError::Collect;
    }
    let flaky = |call: &Call| match (call.item, call.attempt) {
        (Some(1), 1) => Answer::from(StepError::retry("not yet")),
        (Some(2), _) => Answer::from(StepError::fatal("never").code("E_NEVER")),
        _ => Answer::from(json!(call.item)),
    };
    let engine = TestEngine::new().mock("work", Mock::function(flaky)).mock("count", json!(null));
    let crashes = engine.crash_everywhere(&plan(step), &json!(null));
    assert!(crashes.all_same(), "{crashes}");
    let output = &crashes.plain.runs["wf-001"].output;
    assert_eq!(output["ok"], json!([0, 1, 3]));
    assert_eq!(output["failed"][0]["index"], 2);
    assert_eq!(output["failed"][0]["error"]["code"], "E_NEVER");
}

#[test]
fn a_list_that_fails_or_is_cancelled_ends_the_same_wherever_the_engine_ends() {
    let fails = |call: &Call| match call.item {
        Some(2) => Answer::from(StepError::fatal("no").code("E_NO")),
        _ => Answer::from(json!(1)).takes(Duration::from_secs(5)),
    };
    let engine = TestEngine::new().mock("work", Mock::function(fails)).mock("count", json!(null));
    let plan = plan(each(json!([1, 2, 3, 4, 5]), 3));
    let crashes = engine.crash_everywhere(&plan, &json!(null));
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs["wf-001"].status, "failed");

    let crashes = self::engine().crash_everywhere_in(|engine| {
        let run = engine.start(&plan, json!(null)).expect("it starts");
        engine.advance(Duration::from_millis(500));
        engine.cancel(run).expect("it goes on");
        engine.finish(run);
    });
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs["wf-001"].status, "cancelled");
}

#[test]
fn a_list_of_several_chunks_survives_an_engine_that_ends_every_second() {
    let items: Vec<u32> = (0..600).collect();
    let config = Config { interruptions_max: 1_000, ..Config::default() };
    let mut engine = engine().config(config);
    let run = engine.start(&plan(each(json!(items), 100)), json!(null)).expect("it starts");
    for _ in 0..10 {
        engine.advance(Duration::from_secs(1));
        engine.crash_and_recover();
    }
    assert_eq!(engine.finish(run).word(), "completed");
    let doubled: Vec<u32> = items.iter().map(|item| 2 * item).collect();
    assert_eq!(engine.output(run), json!(doubled));
    assert!(engine.lives() > 9 && engine.calls().len() > 601, "{} calls", engine.calls().len());
    assert_eq!(engine.broken(), Vec::<String>::new());
}

#[test]
fn the_key_names_the_item_and_is_the_same_on_every_attempt() {
    let mut step = each(json!([1, 2]), 1);
    step.retry = Retry { max_attempts: 3, ..Retry::default() };
    let mut engine = engine().fail_first(2, "work", StepError::retry("not yet"));
    let run = engine.start(&plan(step), json!(null)).expect("it starts");
    engine.finish(run);
    let keys: Vec<&str> = engine.calls().iter().map(|call| call.key.as_str()).collect();
    assert!(keys[..3].iter().all(|key| key.ends_with("/each/0")), "{keys:?}");
    assert!(keys[3].ends_with("/each/1"), "{keys:?}");
    assert_eq!(engine.broken(), Vec::<String>::new());
}

#[test]
fn a_retried_run_calls_no_handler_again_whose_item_completed() {
    let broken = |call: &Call| match (call.item, call.attempt) {
        (Some(3), 1) => Answer::from(StepError::fatal("no")),
        _ => Answer::from(json!(call.item)),
    };
    let mut engine =
        TestEngine::new().mock("work", Mock::function(broken)).mock("count", json!(null));
    let run = engine.start(&plan(each(json!([1, 2, 3, 4, 5]), 1)), json!(null)).expect("it starts");
    assert_eq!(engine.finish(run).word(), "failed");
    engine.retry(run).expect("it has failed");
    assert_eq!(engine.finish(run).word(), "completed");
    assert_eq!(engine.output(run), json!([0, 1, 2, 3, 4]));
    let items: Vec<Option<u32>> = engine.calls().iter().map(|call| call.item).collect();
    assert_eq!(items, [Some(0), Some(1), Some(2), Some(3), Some(3), Some(4), None]);
}

#[test]
fn large_outputs_stand_beside_the_events_and_once() {
    let large = "x".repeat(5_000);
    let answer = large;
    let mut engine = TestEngine::new()
        .mock("work", Mock::function(move |_: &Call| Answer::from(json!(answer))))
        .mock("count", json!(null));
    let run = engine.start(&plan(each(json!((0..400).collect::<Vec<_>>()), 50)), json!(null));
    let run = run.expect("it starts");
    engine.finish(run);
    // The output of the run would be 2 MB, more than an expression gives; the step has it all.
    let (plan, state) = engine.load(run);
    let each = plan.find("each").expect("the step");
    assert_eq!(state.step(each).word(), "completed");
    let events = engine.events(run);
    let outputs = events.iter().filter_map(|event| {
        if let Event::ItemCompleted { output, .. } = event { Some(output) } else { None }
    });
    let stored: Vec<_> = outputs.collect();
    assert_eq!(stored.len(), 400);
    assert!(stored.iter().all(|output| *output == stored[0] && output.len() == 5_002));
    assert!(matches!(stored[0], nexus_engine::model::payload::Payload::Stored(..)));
}

#[test]
fn the_state_stays_small_however_many_items_there_are() {
    let size_at = |done: usize, count: u32| {
        let items: Vec<u32> = (0..count).collect();
        let mut engine = engine().turns_max(10_000_000);
        let run = engine.start(&plan(each(json!(items), 10)), json!(null)).expect("it starts");
        while engine.calls().len() < done {
            engine.advance(Duration::from_secs(1));
        }
        let (plan, state) = engine.load(run);
        encode_run(&plan, &state).len()
    };
    let (early, late) = (size_at(600, 2_000), size_at(1_900, 2_000));
    assert!(late < 2 * early && late < 8_000, "{early} bytes of state, then {late}");
}
