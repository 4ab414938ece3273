//! Starts that have a key, crashed at every event: no start is lost, and none leads to two runs.

use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::definition::{Debounce, Dedupe, Definition};
use nexus_engine::model::event::{Actor, LABELS_MAX};
use nexus_engine::model::payload::Payload;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::start_key::{RunRequest, StartKeyCommand};
use nexus_engine::testkit::{Mock, TestEngine, action, plan};
use serde_json::{Value, json};

/// `index`, which is started as the definition says.
fn index(change: impl Fn(&mut Definition)) -> Arc<Plan> {
    let plain = plan(vec![action("write", "write", &[])]);
    let mut definition = plain.definition().clone();
    definition.name = "index".into();
    change(&mut definition);
    Arc::new(Plan::compile(definition).expect("a plan"))
}

fn deduped() -> Arc<Plan> {
    index(|definition| {
        let key = "${{ inputs.shop }}".to_owned();
        definition.dedupe = Some(Dedupe { key, within_ms: 600_000 });
    })
}

fn debounced() -> Arc<Plan> {
    index(|definition| {
        let key = Some("${{ inputs.shop }}".to_owned());
        definition.debounce = Some(Debounce { key, wait_ms: 30_000, at_most_ms: Some(100_000) });
    })
}

fn engine() -> TestEngine {
    TestEngine::new().mock("write", Mock::from(json!({"page": 1})))
}

fn names(engine: &TestEngine) -> Vec<String> {
    engine.runs().into_iter().map(|(name, _)| name).collect()
}

fn input(engine: &TestEngine, at: usize) -> Value {
    let (_, run) = engine.runs().swap_remove(at);
    let (_, state) = engine.load(run);
    let started = state.started.expect("it has begun");
    let Payload::Inline(_, bytes) = started.input else { panic!("a small input") };
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn a_key_starts_one_run_in_its_time_wherever_the_engine_crashes() {
    let crashes = engine().crash_everywhere_in(|engine| {
        let plan = deduped();
        for (shop, page, wait) in [("a", 1, 10), ("a", 2, 10), ("b", 3, 580), ("a", 4, 1)] {
            // One that was seen is refused, with the name of the run that is there.
            let _ = engine.begin(&plan, json!({"shop": shop, "page": page}));
            engine.advance(Duration::from_secs(wait));
        }
        assert_eq!(names(engine), ["index@a+1", "index@a+2", "index@b+1"]);
        assert_eq!(input(engine, 0), json!({"shop": "a", "page": 1}), "the first counts");
        assert!(engine.start_key_replays("index", "a"));
        let key = engine.start_key("index", "a");
        assert_eq!((key.started, key.starting.len()), (2, 0));
    });
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs.len(), 3);
}

#[test]
fn the_last_start_counts_when_it_has_been_quiet_wherever_the_engine_crashes() {
    let crashes = engine().crash_everywhere_in(|engine| {
        let plan = debounced();
        for page in 1..=3 {
            engine.begin(&plan, json!({"shop": "a", "page": page})).expect("it is kept");
            engine.advance(Duration::from_secs(20));
        }
        assert_eq!(names(engine), Vec::<String>::new(), "it was not quiet");
        engine.advance(Duration::from_secs(11));
        assert_eq!(names(engine), ["index@a+1"]);
        assert_eq!(input(engine, 0), json!({"shop": "a", "page": 3}));
        assert!(engine.start_key_replays("index", "a"));
        assert_eq!(engine.start_key("index", "a").kept, None);
    });
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs.len(), 1);
}

#[test]
fn starts_that_never_end_are_put_off_no_longer_than_at_most() {
    let mut engine = engine();
    let plan = debounced();
    for page in 0..9 {
        engine.begin(&plan, json!({"shop": "a", "page": page})).expect("it is kept");
        engine.advance(Duration::from_secs(20));
    }
    assert_eq!(names(&engine), ["index@a+1"]);
    assert_eq!(input(&engine, 0), json!({"shop": "a", "page": 4}), "until 100 s after the first");
    engine.advance(Duration::from_secs(30));
    assert_eq!(names(&engine), ["index@a+1", "index@a+2"]);
}

#[test]
fn a_kept_start_is_carried_out_though_the_engine_was_down_when_it_was_due() {
    let mut engine = engine();
    let plan = debounced();
    engine.begin(&plan, json!({"shop": "a", "page": 1})).expect("it is kept");
    engine.down_for(Duration::from_hours(60));
    engine.advance(Duration::from_secs(1));
    assert_eq!(names(&engine), ["index@a+1"]);
}

#[test]
fn a_kept_start_that_is_cancelled_starts_nothing_wherever_the_engine_crashes() {
    let crashes = engine().crash_everywhere_in(|engine| {
        let plan = debounced();
        engine.begin(&plan, json!({"shop": "a", "page": 1})).expect("it is kept");
        let by = Actor { name: "eva".into(), via: "test".into() };
        let cancel = StartKeyCommand::Cancel { number: 1, by, reason: "not today".into() };
        engine.ask_start_key("index/a", &cancel, &plan).expect("it is cancelled");
        engine.advance(Duration::from_mins(10));
        assert_eq!(names(engine), Vec::<String>::new());
        engine.begin(&plan, json!({"shop": "a", "page": 2})).expect("it is kept");
        engine.advance(Duration::from_secs(30));
        assert_eq!(names(engine), ["index@a+2"]);
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn a_start_that_is_refused_for_ever_is_given_up_as_the_driver_does() {
    let mut engine = engine();
    let plan = deduped();
    let labels = (0..=LABELS_MAX).map(|at| (format!("label-{at}"), String::new())).collect();
    let (workflow, definition) = ("index".to_owned(), plan.hash());
    let input = json!({"shop": "a"}).to_string();
    let request = RunRequest { workflow, definition, input, labels, ..RunRequest::default() };
    let admit = StartKeyCommand::Admit { within_ms: 1, name: String::new(), request };
    engine.ask_start_key("index/a", &admit, &plan).expect("it is admitted");
    engine.advance(Duration::from_secs(1));
    let key = engine.start_key("index", "a");
    assert_eq!((key.starting.len(), names(&engine).len()), (0, 0));
    assert_eq!(key.failure.expect("it was not started").code, "NX7005");
    // The next one is started.
    engine.begin(&plan, json!({"shop": "a"})).expect("it is admitted");
    engine.advance(Duration::from_secs(1));
    assert_eq!(names(&engine), ["index@a+2"]);
}
