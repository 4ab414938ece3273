//! Circuit breakers in an engine: shared by runs, kept over crashes, waited for or failed by.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::sync::Arc;
use std::time::Duration;

use nexus_engine::StepError;
use nexus_engine::model::aggregate::{self, AggregateId};
use nexus_engine::model::breaker::BreakerEvent;
use nexus_engine::model::codec::Header;
use nexus_engine::model::definition::{CircuitBreaker, Definition, WhileOpen};
use nexus_engine::model::event::Event;
use nexus_engine::model::id::RunId;
use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{Answer, TestEngine, action, compile};
use serde_json::json;

/// A step that calls a target with the usual breaker: 5 failures, 2 successes, 60 s.
fn caller(while_open: WhileOpen) -> Arc<Plan> {
    let mut step = action("call", "work", &[]);
    step.breaker =
        Some(CircuitBreaker { target: "pay".into(), while_open, ..CircuitBreaker::default() });
    compile(Definition { steps: vec![step], ..Definition::default() })
}

fn failing(times: usize) -> TestEngine {
    TestEngine::new().mock("work", json!(1)).fail_first(times, "work", StepError::retry("down"))
}

fn start(engine: &mut TestEngine, plan: &Arc<Plan>) -> RunId {
    let run = engine.start(plan, json!({})).unwrap();
    engine.settle();
    run
}

fn status(engine: &TestEngine, run: RunId) -> &'static str {
    engine.load(run).1.status.word()
}

#[test]
fn a_breaker_that_runs_have_opened_keeps_other_runs_back_until_its_time_is_over() {
    let (plan, mut engine) = (caller(WhileOpen::Wait), failing(5));
    for _ in 0..5 {
        let run = start(&mut engine, &plan);
        assert_eq!(status(&engine, run), "failed");
    }
    let opened = engine.now();
    let waiting: Vec<RunId> = (0..4).map(|_| start(&mut engine, &plan)).collect();
    assert_eq!(engine.calls().len(), 5, "nobody calls while it is open");
    engine.advance(Duration::from_secs(59));
    assert_eq!(engine.calls().len(), 5, "not before its time");
    for run in waiting {
        assert_eq!(engine.finish(run).word(), "completed");
    }
    assert_eq!(engine.calls()[5].at.ms_since(opened), 60_000);
}

#[test]
fn a_step_that_does_not_wait_fails_without_a_call() {
    let (plan, mut engine) = (caller(WhileOpen::Fail), failing(5));
    for _ in 0..5 {
        start(&mut engine, &plan);
    }
    let run = start(&mut engine, &plan);
    assert_eq!(status(&engine, run), "failed");
    assert_eq!(engine.calls().len(), 5);
    engine.advance(Duration::from_secs(61));
    let run = start(&mut engine, &plan);
    assert_eq!(status(&engine, run), "completed");
}

#[test]
fn what_a_step_failed_with_before_it_was_refused_is_kept_also_if_it_is_encrypted() {
    for encrypt in [false, cfg!(feature = "encryption")] {
        let mut definition = caller(WhileOpen::Fail).definition().clone();
        definition.steps[0].retry.max_attempts = 9;
        let plan = compile(Definition { encrypt, ..definition });
        let error = StepError::retry("down").details("from the other side");
        let engine = TestEngine::new().mock("work", json!(1));
        let mut engine = engine.fail_first(9, "work", error);
        let run = engine.start(&plan, json!({})).unwrap();
        assert_eq!(engine.finish(run).word(), "failed");
        assert_eq!(engine.calls().len(), 5, "the sixth is refused, and no other is made");
        let last = engine.history(run).pop().unwrap().event;
        let Event::RunFailed { failure, .. } = last else { panic!("it has failed: {last:?}") };
        assert_eq!(failure.code, "NX3045");
        assert_eq!(
            failure.message,
            "the circuit breaker of `pay` is open, and the last attempt failed: NX3001 down"
        );
        assert_eq!(failure.details.as_deref(), Some("NX3001 down\nfrom the other side"));
        assert_eq!(engine.broken(), Vec::<String>::new());
    }
}

#[test]
fn one_at_a_time_tries_and_a_failure_opens_it_for_everybody() {
    let (plan, mut engine) = (caller(WhileOpen::Wait), failing(6));
    for _ in 0..5 {
        start(&mut engine, &plan);
    }
    let runs: Vec<RunId> = (0..3).map(|_| start(&mut engine, &plan)).collect();
    engine.advance(Duration::from_secs(61));
    let words: Vec<&str> = runs.iter().map(|run| status(&engine, *run)).collect();
    assert_eq!(words, ["failed", "running", "running"], "one tried, and it is open again");
    assert_eq!(engine.finish(runs[2]).word(), "completed");
    assert_eq!(status(&engine, runs[1]), "completed", "in the order in which they came");
}

#[test]
fn a_crash_anywhere_neither_loses_a_call_nor_counts_it_twice() {
    let plan = caller(WhileOpen::Wait);
    let engine = TestEngine::new()
        .mock("work", Answer::from(json!(1)).takes(Duration::from_secs(1)))
        .fail_first(6, "work", StepError::retry("down"));
    let crashes = engine.crash_everywhere_in(|engine| {
        let runs: Vec<RunId> = (0..5).map(|_| start(engine, &plan)).collect();
        for run in runs {
            assert_eq!(engine.finish(run).word(), "failed");
        }
        let runs: Vec<RunId> = (0..4).map(|_| start(engine, &plan)).collect();
        let words: Vec<&str> = runs.iter().map(|run| engine.finish(*run).word()).collect();
        assert_eq!(words, ["failed", "completed", "completed", "completed"]);
        engine.settle();
        let counts = count(engine);
        assert_eq!(counts, (9, 9, 2, 1), "calls allowed, over, opened, closed");
    });
    assert!(crashes.all_same(), "{crashes}");
    assert!(crashes.transitions >= 40, "{}", crashes.transitions);
}

#[test]
fn runs_that_are_cancelled_or_paused_while_they_wait_leave_nothing_behind() {
    let plan = caller(WhileOpen::Wait);
    let engine =
        TestEngine::new().mock("work", json!(1)).fail_first(5, "work", StepError::retry("down"));
    let crashes = engine.crash_everywhere_in(|engine| {
        for _ in 0..5 {
            start(engine, &plan);
        }
        let runs: Vec<RunId> = (0..4).map(|_| start(engine, &plan)).collect();
        let _ = engine.cancel(runs[0]);
        let _ = engine.pause(runs[1]);
        assert_eq!(engine.finish(runs[3]).word(), "completed");
        let _ = engine.resume(runs[1]);
        assert_eq!(engine.finish(runs[1]).word(), "completed");
        assert_eq!(engine.finish(runs[2]).word(), "completed");
    });
    assert!(crashes.all_same(), "{crashes}");
}

/// How many calls were allowed and are over, and how often the breaker opened and closed, by the log.
fn count(engine: &TestEngine) -> (usize, usize, usize, usize) {
    let (mut allowed, mut over, mut opened, mut closed) = (0, 0, 0, 0);
    for frame in engine.frames().iter().filter(|frame| AggregateId::of(frame.stream.0).is_some()) {
        for (at, record) in frame.records.iter().enumerate() {
            let header = Header { kind: record.kind, version: record.version, flags: record.flags };
            let named = frame.revision.0 == 0 && at == 0;
            let event = aggregate::decode(header, record.body, named).unwrap().0;
            let aggregate::Event::Breaker(event) = event else { continue };
            match event {
                BreakerEvent::CallAllowed(_) => allowed += 1,
                BreakerEvent::CallOver(_) => over += 1,
                BreakerEvent::BreakerOpened(_) => opened += 1,
                BreakerEvent::BreakerClosed(_) => closed += 1,
                BreakerEvent::CallRequested(_)
                | BreakerEvent::BreakerReset(_)
                | BreakerEvent::BreakerWoken(_)
                | BreakerEvent::BreakerHalfOpened(_)
                | BreakerEvent::CallRefused(_) => {}
            }
        }
    }
    (allowed, over, opened, closed)
}
