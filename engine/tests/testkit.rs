//! The test kit, tested: mocks, simulated time, crashes, and that it notices what it is there to notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nexus_engine::model::definition::{Definition, OnError, Retry, StepKind};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::StepState;
use nexus_engine::testkit::{
    Answer, Call, Mock, TestEngine, Weather, action, compile, plan, set, sleep, step,
};
use nexus_engine::{Config, StepCx, StepError, StepResult, handler_fn};
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_hours(1);

/// Reserve, charge up to five times, rest two days, ship.
fn order() -> Arc<Plan> {
    let mut charge = action("charge", "cards.charge", &["reserve"]);
    charge.retry = Retry { max_attempts: 5, ..Retry::default() };
    charge.timeout_ms = Some(30_000);
    let mut ship = action("ship", "parcels.ship", &["rest"]);
    ship.kind = StepKind::Action {
        uses: "parcels.ship".into(),
        with: json!({"paid": "${{ steps.charge.output.payment }}"}),
    };
    let reserve = action("reserve", "stock.reserve", &[]);
    let mut rest = sleep("rest", "2d", &["charge"]);
    rest.name = Some("Let it cool down".into());
    compile(Definition {
        steps: vec![reserve, charge, rest, ship],
        outputs: Some(json!("${{ steps.ship.output }}")),
        ..Definition::default()
    })
}

fn shop() -> TestEngine {
    TestEngine::new()
        .mock("stock.reserve", json!({"hold": "h-1"}))
        .mock("charge", json!({"payment": "p-1"}))
        .mock(
            "parcels.ship",
            Mock::function(|call: &Call| json!({"tracking": "t-1", "of": call.input()["paid"]})),
        )
        .fail_first(2, "charge", StepError::retry("503"))
}

#[test]
fn mocks_answer_and_time_jumps() {
    let mut engine = shop();
    let run = engine.start(&order(), json!({})).unwrap();
    engine.advance(HOUR);
    assert!(matches!(
        engine.load(run).1.step(engine.load(run).0.find("rest").unwrap()),
        StepState::Sleeping { .. }
    ));
    assert_eq!(engine.finish(run).word(), "completed");
    assert_eq!(engine.output(run), json!({"tracking": "t-1", "of": "p-1"}));
    let ending = engine.ending();
    assert_eq!(ending.runs["wf-001"].steps["charge"].attempts, 3);
    let steps: Vec<&str> = engine.calls().iter().map(|call| call.step.as_str()).collect();
    assert_eq!(steps, ["reserve", "charge", "charge", "charge", "ship"]);
    let keys: Vec<&str> = engine.calls()[1..4].iter().map(|call| call.key.as_str()).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "one key on every attempt");
    assert_eq!(engine.broken(), Vec::<String>::new());
}

#[test]
fn a_year_is_waited_for_by_nobody() {
    let began = Instant::now();
    let steps = (0..365).map(|day| {
        let needs: Vec<String> = (day > 0).then(|| format!("d{}", day - 1)).into_iter().collect();
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        sleep(&format!("d{day}"), "1d", &needs)
    });
    let plan = plan(steps.collect());
    let mut engine = TestEngine::new();
    let start = engine.now();
    let run = engine.start(&plan, json!({})).unwrap();
    assert_eq!(engine.finish(run).word(), "completed");
    assert_eq!(engine.now().ms_since(start), 365 * 24 * 3_600_000);
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
}

#[test]
fn a_crash_anywhere_changes_nothing() {
    let crashes = shop().crash_everywhere(&order(), &json!({}));
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs["wf-001"].status, "completed");
    assert!(crashes.transitions >= 8, "{}", crashes.transitions);
    assert_eq!(crashes.played, crashes.transitions * 2);
    assert_eq!(crashes.to_string(), format!("{} crashes, each time the same end", crashes.played));
}

#[test]
fn crashes_in_a_play_with_signals_and_pauses_change_nothing() {
    let mut wait = set("paid", Value::Null, &[]);
    wait.kind = StepKind::WaitFor {
        signal: "payment".into(),
        matches: None,
        timeout_ms: Some(86_400_000),
        on_timeout: nexus_engine::model::definition::OnSignalTimeout::Fail,
    };
    let plan = plan(vec![wait, action("ship", "ship", &["paid"])]);
    let crashes = TestEngine::new().mock("ship", json!(null)).crash_everywhere_in(|engine| {
        let run = engine.start(&plan, json!({})).unwrap();
        engine.advance(HOUR);
        engine.pause(run).unwrap();
        engine.advance(HOUR);
        engine.signal(run, "payment", &json!({"order": 7})).unwrap();
        engine.resume(run).unwrap();
        assert_eq!(engine.finish(run).word(), "completed");
        let signals = engine
            .events(run)
            .iter()
            .filter(|event| format!("{event:?}").starts_with("SignalDelivered"))
            .count();
        assert!(signals <= 1, "asked again, it counts once");
    });
    assert!(crashes.all_same(), "{crashes}");
    assert!(crashes.played >= 10, "{crashes}");
}

#[test]
fn what_is_different_after_a_crash_is_found() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let engine = TestEngine::new()
        .mock("a", Mock::function(move |_: &Call| json!(counted.fetch_add(1, Ordering::SeqCst))));
    let steps = vec![action("a", "count", &[])];
    let crashes = engine.crash_everywhere(&plan(steps), &json!({}));
    assert!(!crashes.all_same());
    assert!(crashes.to_string().contains("the output of a of wf-001 is"), "{crashes}");
}

#[test]
fn attempts_run_out_of_simulated_time() {
    let mut slow = action("slow", "slow", &[]);
    slow.timeout_ms = Some(30_000);
    slow.retry = Retry { max_attempts: 2, ..Retry::default() };
    slow.on_error = OnError::Continue;
    let answers = Mock::answers([
        Answer::from(json!(1)).takes(HOUR),
        Answer::from(json!(2)).takes(Duration::from_secs(29)),
    ]);
    let mut engine = TestEngine::new().mock("slow", answers);
    let run = engine.start(&plan(vec![slow]), json!({})).unwrap();
    engine.advance(Duration::from_secs(29));
    assert_eq!(engine.calls().len(), 1);
    assert_eq!(engine.finish(run).word(), "completed");
    let codes: Vec<_> = engine
        .calls()
        .iter()
        .map(|call| call.outcome.result.clone().map_err(|failure| failure.code))
        .collect();
    assert_eq!(codes[0], Err("NX3002".to_owned()));
    assert!(codes[1].is_ok());
}

#[test]
fn handlers_that_are_told_to_stop_do_so() {
    let mut engine = TestEngine::new().mock("work", Answer::from(json!(1)).takes(HOUR));
    let run = engine.start(&plan(vec![action("a", "work", &[])]), json!({})).unwrap();
    engine.advance(Duration::from_secs(5));
    engine.cancel(run).unwrap();
    let before = engine.now();
    assert_eq!(engine.finish(run).word(), "cancelled");
    assert_eq!(engine.now(), before);
    engine.retry(run).unwrap();
    assert_eq!(engine.finish(run).word(), "completed");
}

#[test]
fn an_engine_that_was_down_catches_up() {
    let mut engine = TestEngine::new();
    let run = engine.start(&plan(vec![sleep("z", "1h", &[])]), json!({})).unwrap();
    engine.down_for(48 * HOUR);
    assert_eq!(engine.load(run).1.status.word(), "completed");
    assert_eq!(engine.lives(), 2);
}

#[test]
fn a_step_that_nothing_stands_in_for_is_named() {
    let mut engine = TestEngine::new();
    let run = engine.start(&plan(vec![action("a", "cards.charge", &[])]), json!({})).unwrap();
    assert_eq!(engine.finish(run).word(), "failed");
    assert_eq!(engine.unanswered().collect::<Vec<_>>(), [("a", "cards.charge")]);
}

#[tokio::test]
async fn registered_handlers_are_called_once_for_each_attempt() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    async fn real(cx: StepCx, _: Value) -> StepResult<u32> {
        CALLS.fetch_add(1, Ordering::SeqCst);
        if cx.attempt() < 2 { Err(StepError::retry("not yet")) } else { Ok(cx.attempt()) }
    }
    let mut twice = action("twice", "real", &[]);
    twice.retry.max_attempts = 2;
    let plan = plan(vec![twice, action("mocked", "other", &[])]);
    let engine = TestEngine::new().handler("real", handler_fn(real)).mock("other", json!(0));
    let crashes = engine.crash_everywhere(&plan, &json!({}));
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs["wf-001"].steps["twice"].output, json!(2));
    assert_eq!(CALLS.load(Ordering::SeqCst), 2, "and what they said is used again");
}

#[test]
fn starts_and_room_are_those_of_the_engine() {
    let mut engine = TestEngine::new()
        .mock("work", Answer::from(json!(1)).takes(HOUR))
        .config(Config { concurrency: 2, ..Config::default() });
    let wide = plan((0..6).map(|at| action(&format!("s{at}"), "work", &[])).collect());
    let start = engine.now();
    let run = engine.start(&wide, json!({})).unwrap();
    assert_eq!(engine.finish(run).word(), "completed");
    assert_eq!(engine.now().ms_since(start), 3 * 3_600_000, "two at a time");
    let request = nexus_engine::StartRequest::new(Arc::clone(&wide)).name("wf-001");
    let again = engine.start_as(request).unwrap();
    assert_eq!((again.run, again.existing), (run, true));
}

#[test]
fn in_any_weather_the_end_is_the_same_and_the_seed_repeats_it() {
    let calm = {
        let mut engine = shop();
        let run = engine.start(&order(), json!({})).unwrap();
        engine.finish(run);
        engine.ending()
    };
    let mut lives = 0;
    for seed in 0..50 {
        let play = || {
            let mut engine = shop().weather(Weather::storm(seed));
            let run = engine.start(&order(), json!({})).unwrap();
            engine.finish(run);
            engine
        };
        let engine = play();
        assert_eq!(calm.differences_of_ends(&engine.ending()), Vec::<String>::new(), "seed {seed}");
        assert_eq!(engine.broken(), Vec::<String>::new(), "seed {seed}");
        let run = engine.runs()[0].1;
        assert_eq!(engine.events(run), play().events(run), "seed {seed} again");
        lives += engine.lives();
    }
    assert!(lives > 100, "{lives} lives in 50 storms");
}

#[test]
fn a_play_without_end_is_called_one() {
    let mut endless = action("a", "work", &[]);
    endless.retry =
        Retry { max_attempts: u32::MAX, initial_ms: 0, jitter: false, ..Retry::default() };
    let mut engine = TestEngine::new().turns_max(2_000).mock("work", StepError::retry("no"));
    let run = engine
        .start(
            &plan(vec![endless, step("b", StepKind::Set { values: json!({}) }, &["a"])]),
            json!({}),
        )
        .unwrap();
    assert_eq!(engine.finish(run).word(), "running");
    assert!(engine.broken()[0].contains("no end in sight"));
}

/// Checks an order with a run of its own, and ships it.
fn with_a_call() -> (Arc<Plan>, Arc<Plan>) {
    let mut check = action("check", "fraud.check", &[]);
    check.retry = Retry { max_attempts: 2, ..Retry::default() };
    let callee = compile(Definition {
        steps: vec![check, sleep("rest", "1h", &["check"])],
        outputs: Some(json!("${{ steps.check.output }}")),
        ..Definition::default()
    });
    let call = StepKind::Call {
        workflow: "fraud".into(),
        version: None,
        definition: Some(callee.hash()),
        with: json!({"order": 7}),
    };
    let steps = vec![step("fraud", call, &[]), action("ship", "parcels.ship", &["fraud"])];
    let outputs = Some(json!("${{ steps.fraud.output }}"));
    (compile(Definition { steps, outputs, ..Definition::default() }), callee)
}

#[test]
fn crashes_of_two_runs_of_which_one_calls_the_other_change_nothing() {
    let (plan, callee) = with_a_call();
    let engine = TestEngine::new()
        .mock("fraud.check", json!(0.1))
        .fail_first(1, "fraud.check", StepError::retry("503"))
        .mock("parcels.ship", json!(null));
    let play = |cancel: bool| {
        let (plan, callee) = (Arc::clone(&plan), Arc::clone(&callee));
        move |engine: &mut TestEngine| {
            let request = nexus_engine::StartRequest::new(Arc::clone(&plan));
            let run = engine.start_as(request.callees([Arc::clone(&callee)])).unwrap().run;
            engine.advance(HOUR / 2);
            engine.pause(run).unwrap();
            engine.advance(HOUR / 4);
            engine.resume(run).unwrap();
            if cancel {
                engine.cancel(run).unwrap();
            }
            let end = if cancel { "cancelled" } else { "completed" };
            assert_eq!(engine.finish(run).word(), end);
        }
    };
    for cancel in [false, true] {
        let crashes = engine.crash_everywhere_in(play(cancel));
        assert!(crashes.all_same(), "{crashes}");
        let end = if cancel { "cancelled" } else { "completed" };
        for name in ["wf-001", "wf-001/fraud"] {
            assert_eq!(crashes.plain.runs[name].status, end, "{name}");
        }
    }
}

#[test]
fn items_that_were_cut_off_too_often_replay_beside_others_that_were_not() {
    let items = |id: &str, needs: &[&str]| {
        let mut items = action(id, "work", needs);
        let for_each = json!({"items": [1, 2], "concurrency": 1});
        items.for_each = Some(serde_json::from_value(for_each).unwrap());
        items
    };
    let steps = vec![items("first", &[]), sleep("rest", "5s", &[]), items("second", &["rest"])];
    let mut engine = TestEngine::new()
        .config(Config { interruptions_max: 1, ..Config::default() })
        .mock("work", Answer::from(json!(1)).takes(HOUR));
    let run = engine.start(&plan(steps), json!({})).unwrap();
    engine.settle();
    engine.crash_and_recover();
    engine.advance(Duration::from_secs(6));
    engine.crash_and_recover();
    assert_eq!(engine.finish(run).word(), "failed");
    assert_eq!(engine.broken(), Vec::<String>::new());
}
