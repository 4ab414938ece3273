//! What keeps the items of a step, which may be several things at once.

use std::sync::Arc;
use std::time::Duration;

use nexus_engine::StepError;
use nexus_engine::model::definition::{CircuitBreaker, Concurrency, ForEach, Step};
use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{Answer, Call, Mock, TestEngine, plan};
use serde_json::json;

use super::{HOUR, check, check_now, each, explained, one, slow};

fn pay() -> CircuitBreaker {
    CircuitBreaker { target: "pay".to_owned(), failures: 1, ..CircuitBreaker::default() }
}

#[test]
fn items_that_wait_for_their_slots_or_their_breaker_say_so() {
    let items = Step { concurrency: Some(one()), ..each("a", &[]) };
    let shared = plan(vec![items]);
    let slot = ("limited", Some("a"), "a slot of limit test/k becomes free");
    let engine = check(slow(), &shared, &[("running", Some("a"), "its items return"), slot]);
    let engine = check(engine, &shared, &[slot]);
    let (_, waiting) = engine.runs()[1];
    let view = explained(&engine, waiting, true);
    let cause = &view.causes[0];
    assert_eq!(cause.why, "2 items of a wait for a slot of limit test/k for 1h");
    assert_eq!((cause.on.as_deref(), cause.items), (Some("test/k"), Some(2)));
    assert_eq!((cause.for_ms, cause.until.as_ref()), (Some(3_600_000), None));
    let why = "0 of 3 items of a are done; 2 items of a wait for a slot of limit test/k for 1h";
    assert_eq!(view.steps[0].why, why);

    let mut items = each("a", &[]);
    items.retry.max_attempts = 3;
    let guarded = plan(vec![Step { breaker: Some(pay()), ..items }]);
    let mut engine = TestEngine::new().mock("work", Answer::from(StepError::retry("down")));
    let run = engine.start(&guarded, json!({})).expect("it starts");
    engine.advance(Duration::from_secs(30));
    check_now(&engine, run, true, &[("broken", Some("a"), "nexus-engine breaker reset pay")]);
}

/// Six items that share three slots: the first fails once the next two are at work too, and opens the breaker.
fn mixed() -> (TestEngine, Arc<Plan>) {
    let work = |call: &Call| match call.item {
        Some(0) => Answer::from(StepError::retry("down")),
        Some(_) | None => Answer::from(json!(1)).takes(24 * HOUR),
    };
    let mut step = each("a", &[]);
    step.retry.max_attempts = 3;
    step.for_each = step.for_each.map(|each| ForEach {
        items: json!([0, 1, 2, 3, 4, 5]),
        concurrency: 6,
        ..each
    });
    step.breaker = Some(pay());
    step.concurrency = Some(Concurrency { limit: Some(3), ..one() });
    (TestEngine::new().mock("work", Mock::function(work)), plan(vec![step]))
}

#[test]
fn a_limit_and_a_breaker_of_one_step_are_both_named_with_how_many_items_wait_for_each() {
    let (mut engine, plan) = mixed();
    let run = engine.start(&plan, json!({})).expect("it starts");
    engine.advance(Duration::from_secs(30));
    let view = explained(&engine, run, true);
    let told: Vec<(&str, Option<&str>, Option<u32>)> = view
        .causes
        .iter()
        .map(|cause| (cause.cause.as_str(), cause.on.as_deref(), cause.items))
        .collect();
    let expected = [
        ("running", None, Some(2)),
        ("limited", Some("test/k"), Some(3)),
        ("broken", Some("pay"), Some(1)),
    ];
    assert_eq!(told, expected, "{view:#?}");
    assert!(view.causes.iter().all(|cause| cause.for_ms.is_some()), "{view:#?}");
    let why = "0 of 6 items of a are done; items 1, 2 are at work, \
               3 wait for a slot of limit test/k for 30s, 1 waits for the circuit breaker of pay for 30s";
    assert_eq!(view.steps[0].why, why);
    assert_eq!(view.causes[2].why, "a[3] waits for the circuit breaker of pay for 30s");

    // Without an engine those at work do not go on either.
    let view = explained(&engine, run, false);
    let words: Vec<&str> = view.causes.iter().map(|cause| cause.cause.as_str()).collect();
    assert_eq!(words, ["orphaned", "orphaned", "limited", "broken"]);
    assert_eq!(view.causes[1].why, "2 items of a were interrupted by the end of the engine");
}

#[test]
fn a_paused_step_says_so_and_which_items_go_on() {
    let (mut engine, plan) = mixed();
    let run = engine.start(&plan, json!({})).expect("it starts");
    engine.advance(Duration::from_secs(30));
    engine.pause(run).expect("it can be paused");
    let expected = [
        ("paused", None, "nexus-engine resume wf-001"),
        ("paused", Some("a"), "nexus-engine resume wf-001"),
        ("running", Some("a"), "its items return"),
    ];
    check_now(&engine, run, true, &expected);
}

#[test]
fn items_that_are_tried_again_say_when_and_how_many_there_are() {
    let mut step = each("a", &[]);
    step.retry = super::after_a_day();
    let engine = TestEngine::new().mock("work", StepError::retry("503"));
    let timer = ("retrying", Some("a"), "the timer of an item, at 2026-01-02T00:00:00");
    let engine = check(engine, &plan(vec![step]), &[timer]);
    let cause = explained(&engine, engine.runs()[0].1, true).causes.remove(0);
    assert_eq!((cause.items, &*cause.why), (Some(2), "2 items of a failed and are tried again"));
    assert!(cause.until.is_some_and(|until| until.starts_with("2026-01-02T00:00:00")));
}

#[test]
fn a_run_is_open_since_it_was_started_and_its_cause_knows_how_long_it_waits() {
    let waits = plan(vec![
        super::sleep("z", "1h", &[]),
        Step { needs: vec!["z".to_owned()], ..super::wait_for("b", None) },
    ]);
    let mut engine = TestEngine::new();
    let run = engine.start(&waits, json!({})).expect("it starts");
    engine.advance(3 * HOUR);
    let view = explained(&engine, run, true);
    assert_eq!((&*view.since, view.for_ms), ("2026-01-01T00:00:00.000Z", 10_800_000));
    let cause = &view.causes[0];
    assert_eq!(cause.since.as_deref(), Some("2026-01-01T01:00:00.000Z"));
    assert_eq!(cause.for_ms, Some(7_200_000));
    engine.signal(run, "paid", &json!(1)).expect("it waits");
    engine.settle();
    engine.advance(HOUR);
    let view = explained(&engine, run, true);
    assert_eq!((&*view.since, view.for_ms), ("2026-01-01T03:00:00.000Z", 3_600_000));
}
