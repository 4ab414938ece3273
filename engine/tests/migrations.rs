//! Runs that go on with another definition, crashed before and after every transition.

use std::sync::Arc;
use std::time::Duration;

use nexus_engine::StepError;
use nexus_engine::model::definition::{OnSignalTimeout, Step, StepKind, Update};
use nexus_engine::model::event::{Actor, Event};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::rejection::Rejection;
use nexus_engine::shard::Refusal;
use nexus_engine::testkit::{Answer, Mock, TestEngine, action, plan, set, sleep, step};
use serde_json::json;

const HOUR: Duration = Duration::from_hours(1);

fn waits(id: &str, needs: &[&str]) -> Step {
    let kind = StepKind::WaitFor {
        signal: "go".into(),
        matches: None,
        timeout_ms: None,
        on_timeout: OnSignalTimeout::Fail,
    };
    step(id, kind, needs)
}

fn engine() -> TestEngine {
    let slow = Answer::from(json!({"kg": 2})).takes(HOUR);
    TestEngine::new()
        .mock("weigh", Mock::answers([slow]))
        .mock("print", Mock::from(json!({"page": 1})))
        .mock("send", Mock::from(json!("sent")))
        .mock("refuse", Mock::answers([Answer::from(StepError::fatal("no such street"))]))
}

/// `weigh`, a wait, `print`.
fn first() -> Arc<Plan> {
    plan(vec![
        action("weigh", "weigh", &[]),
        waits("ok", &["weigh"]),
        action("print", "print", &["ok"]),
    ])
}

/// Another order, a step more before the wait, one more behind it, and one less.
fn second() -> Arc<Plan> {
    plan(vec![
        set("note", json!({"text": "new"}), &[]),
        sleep("rest", "30m", &["weigh"]),
        waits("ok", &["weigh"]),
        action("weigh", "weigh", &[]),
        action("send", "send", &["ok", "rest"]),
    ])
}

#[test]
fn a_run_that_waits_goes_on_with_another_definition_wherever_the_engine_crashes() {
    let crashes = engine().crash_everywhere_in(|engine| {
        let run = engine.start(&first(), json!({})).unwrap();
        engine.advance(2 * HOUR);
        engine.migrate(run, &second()).unwrap();
        engine.advance(HOUR);
        engine.signal(run, "go", &json!(1)).unwrap();
        assert_eq!(engine.finish(run).word(), "completed");
        let (plan, state) = engine.load(run);
        assert_eq!(plan.hash(), second().hash());
        let words: Vec<&str> = state.steps().map(|(_, step)| step.word()).collect();
        assert_eq!(words, ["completed"; 5]);
        let called: Vec<&str> = engine.calls().iter().map(|call| call.step.as_str()).collect();
        assert!(called.contains(&"send") && !called.contains(&"print"), "{called:?}");
        assert!(engine.broken().is_empty(), "{:?}", engine.broken());
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn an_attempt_at_work_goes_on_over_a_migration_wherever_the_engine_crashes() {
    let longer = plan(vec![
        action("weigh", "weigh", &[]),
        waits("ok", &["weigh"]),
        action("print", "print", &["ok"]),
        action("send", "send", &["weigh"]),
    ]);
    let crashes = engine().crash_everywhere_in(|engine| {
        let run = engine.start(&first(), json!({})).unwrap();
        engine.advance(HOUR / 2);
        let moved = engine.migrate(run, &second());
        let Err(Refusal::Rejected(Rejection::Incompatible { reasons })) = moved else {
            panic!("it is at work at another place: {moved:?}")
        };
        assert!(reasons[0].contains("stands at another place"), "{reasons:?}");
        engine.migrate(run, &longer).unwrap();
        engine.advance(HOUR);
        engine.signal(run, "go", &json!(1)).unwrap();
        assert_eq!(engine.finish(run).word(), "completed");
        assert!(engine.broken().is_empty(), "{:?}", engine.broken());
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn a_failed_run_goes_on_with_what_was_mended_wherever_the_engine_crashes() {
    let broken = plan(vec![
        action("weigh", "weigh", &[]),
        action("bring", "refuse", &["weigh"]),
        action("print", "print", &["bring"]),
    ]);
    let mended = plan(vec![
        action("weigh", "weigh", &[]),
        set("street", json!({"name": "Main Street"}), &["weigh"]),
        action("bring", "send", &["street"]),
        action("print", "print", &["bring"]),
    ]);
    let crashes = engine().crash_everywhere_in(|engine| {
        let run = engine.start(&broken, json!({})).unwrap();
        assert_eq!(engine.finish(run).word(), "failed");
        engine.retry_with(run, &mended).unwrap();
        assert_eq!(engine.finish(run).word(), "completed");
        let weighed = engine.calls().iter().filter(|call| call.step == "weigh").count();
        assert!(weighed >= 1, "what was done is not done again");
        let migrated = engine.events(run).into_iter().find_map(|event| {
            if let Event::RunMigrated(migrated) = event { Some(migrated) } else { None }
        });
        assert_eq!(migrated.map(|migrated| migrated.definition), Some(mended.hash()));
        assert!(engine.broken().is_empty(), "{:?}", engine.broken());
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn a_run_that_is_migrated_twice_goes_on_from_a_snapshot_and_from_its_events() {
    let mut engine = engine();
    let run = engine.start(&first(), json!({})).unwrap();
    engine.advance(2 * HOUR);
    engine.migrate(run, &second()).unwrap();
    engine.crash_and_recover();
    let third = plan(vec![
        action("weigh", "weigh", &[]),
        waits("ok", &["weigh"]),
        set("note", json!({"text": "new"}), &[]),
        sleep("rest", "30m", &["weigh"]),
        action("print", "print", &["ok", "rest", "note"]),
    ]);
    engine.migrate(run, &third).unwrap();
    engine.crash_and_recover();
    engine.signal(run, "go", &json!(1)).unwrap();
    assert_eq!(engine.finish(run).word(), "completed");
    assert_eq!(engine.load(run).0.hash(), third.hash());
    assert!(engine.broken().is_empty(), "{:?}", engine.broken());
}

#[test]
fn an_update_is_answered_again_by_the_definition_that_took_it() {
    let form = json!({"n": {"type": "integer"}, "why": {"default": "-"}});
    let update = Update {
        name: "qty".to_owned(),
        form: serde_json::from_value(form).unwrap(),
        reply: json!("${{ update.why }}"),
        ..Update::default()
    };
    let takes = |needs: &[&str]| step("takes", StepKind::Update(Box::new(update.clone())), needs);
    let before = plan(vec![takes(&[]), waits("ok", &["takes"])]);
    let after = plan(vec![set("note", json!({"n": 1}), &[]), waits("ok", &["takes"]), takes(&[])]);
    let crashes = TestEngine::new().crash_everywhere_in(|engine| {
        let run = engine.start(&before, json!({})).unwrap();
        let sent = |engine: &mut TestEngine| {
            engine.update(run, "qty", &json!({"n": 3}), "u1", Actor::default()).unwrap()
        };
        let first = sent(engine);
        assert_eq!((&*first.step, &first.reply), ("takes", &json!("-")));
        engine.migrate(run, &after).unwrap();
        let again = sent(engine);
        assert_eq!((&*again.step, &again.reply, again.existing), ("takes", &json!("-"), true));
        assert_eq!(again.revision, first.revision);
        engine.signal(run, "go", &json!(1)).unwrap();
        assert_eq!(engine.finish(run).word(), "completed");
        assert!(engine.broken().is_empty(), "{:?}", engine.broken());
    });
    assert!(crashes.all_same(), "{crashes}");
}
