//! Limits in an engine: never more at work than there are slots, each in its turn, whatever happens to the process.
//!
//! `NEXUS_LIMIT_RUNS=10000` makes the largest of these tests as large as the promise.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "support/gauge.rs"]
mod gauge;
#[path = "support/until.rs"]
mod until;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gauge::{Gauge, all, is_free, is_idle, open};
use nexus_engine::log::Frame;
use nexus_engine::model::aggregate::{self, AggregateId};
use nexus_engine::model::codec::Header;
use nexus_engine::model::definition::{Concurrency, ConcurrencyRate, ConcurrencyScope, Definition};
use nexus_engine::model::event::{Actor, Event};
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::limit::{Holder, LimitEvent, Size, SlotGranted, SlotRequested};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::testkit::{Answer, TestEngine, action, compile, sleep};
use nexus_engine::{StartRequest, events_of};
use serde_json::json;
use until::until;

fn by() -> Actor {
    Actor { name: "test".into(), via: "rust".into() }
}

fn limit(limit: u32) -> Concurrency {
    Concurrency { limit: Some(limit), ..Concurrency::default() }
}

/// Starts a run and lets everything follow that can, so that it is the next in the queue.
fn start(engine: &mut TestEngine, plan: &Arc<Plan>) -> RunId {
    let run = engine.start(plan, json!({})).unwrap();
    engine.settle();
    run
}

/// Two steps that share a limit of one, in a run that is limited itself.
fn limited() -> Arc<Plan> {
    let step = |id: &str, needs: &[&str]| {
        let mut step = action(id, "work", needs);
        step.concurrency = Some(Concurrency { key: Some("k".into()), ..limit(1) });
        step
    };
    compile(Definition {
        concurrency: Some(limit(1)),
        steps: vec![step("a", &[]), step("b", &[]), action("c", "work", &["a", "b"])],
        ..Definition::default()
    })
}

#[test]
fn a_crash_anywhere_neither_loses_a_slot_nor_doubles_it() {
    let engine =
        TestEngine::new().mock("work", Answer::from(json!(1)).takes(Duration::from_secs(1)));
    let plan = limited();
    let crashes = engine.crash_everywhere_in(|engine| {
        let runs: Vec<RunId> = (0..3).map(|_| start(engine, &plan)).collect();
        for run in runs {
            assert_eq!(engine.finish(run).word(), "completed");
        }
        engine.settle();
        let overlapping = engine.calls().iter().filter(|call| call.step != "c").count();
        assert!(overlapping >= 6);
    });
    assert!(crashes.all_same(), "{crashes}");
    assert!(crashes.transitions >= 30, "{}", crashes.transitions);
}

#[test]
fn runs_that_are_cancelled_or_paused_give_their_places_back_wherever_the_engine_crashes() {
    let engine =
        TestEngine::new().mock("work", Answer::from(json!(1)).takes(Duration::from_mins(1)));
    let plan = limited();
    let crashes = engine.crash_everywhere_in(|engine| {
        let runs: Vec<RunId> = (0..4).map(|_| start(engine, &plan)).collect();
        let _ = engine.pause(runs[1]);
        let _ = engine.cancel(runs[3]);
        let _ = engine.cancel(runs[0]);
        assert_eq!(engine.finish(runs[2]).word(), "completed");
        let _ = engine.resume(runs[1]);
        assert_eq!(engine.finish(runs[1]).word(), "completed");
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn a_rate_lets_so_many_begin_in_a_time_and_no_more() {
    let mut step = action("a", "work", &[]);
    let rate = ConcurrencyRate { limit: 2, per_ms: 60_000 };
    step.concurrency = Some(Concurrency { rate: Some(rate), ..Concurrency::default() });
    let plan = compile(Definition { steps: vec![step], ..Definition::default() });
    let engine = TestEngine::new().mock("work", json!(1));
    let play = |engine: &mut TestEngine| {
        let began = engine.now();
        let runs: Vec<RunId> = (0..7).map(|_| engine.start(&plan, json!({})).unwrap()).collect();
        for run in runs {
            assert_eq!(engine.finish(run).word(), "completed");
        }
        engine.calls().iter().map(|call| call.at.ms_since(began) / 60_000).collect::<Vec<_>>()
    };
    let mut plain = engine.fresh();
    assert_eq!(play(&mut plain), [0, 0, 1, 1, 2, 2, 3]);
    let crashes = engine.crash_everywhere_in(|engine| {
        play(engine);
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn a_step_that_sleeps_between_attempts_holds_no_slot() {
    let mut flaky = action("a", "flaky", &[]);
    flaky.concurrency = Some(limit(1));
    flaky.retry.max_attempts = 2;
    flaky.retry.initial_ms = 3_600_000;
    flaky.retry.max_ms = 3_600_000;
    let plan = compile(Definition { steps: vec![flaky], ..Definition::default() });
    let mut engine = TestEngine::new().mock("flaky", json!(1)).fail_first(
        1,
        "flaky",
        nexus_engine::StepError::retry("not yet"),
    );
    let first = engine.start(&plan, json!({})).unwrap();
    let second = engine.start(&plan, json!({})).unwrap();
    engine.advance(Duration::from_secs(1));
    assert_eq!(engine.load(second).1.status.word(), "completed");
    assert_eq!(engine.finish(first).word(), "completed");
}

#[test]
fn a_run_that_sleeps_keeps_its_own_slot() {
    let steps = vec![sleep("z", "1h", &[])];
    let plan = compile(Definition { concurrency: Some(limit(1)), steps, ..Definition::default() });
    let mut engine = TestEngine::new();
    let began = engine.now();
    let first = engine.start(&plan, json!({})).unwrap();
    let second = engine.start(&plan, json!({})).unwrap();
    engine.settle();
    engine.crash_and_recover();
    assert_eq!(engine.finish(first).word(), "completed");
    assert_eq!(engine.now().ms_since(began), 3_600_000);
    assert_eq!(engine.finish(second).word(), "completed");
    assert_eq!(engine.now().ms_since(began), 2 * 3_600_000);
}

const TENANTS: usize = 10;

fn pool(slots: u32) -> Arc<Plan> {
    let mut step = action("a", "work", &[]);
    step.concurrency = Some(Concurrency {
        key: Some("pool".into()),
        scope: ConcurrencyScope::Global,
        limit: Some(slots),
        fairness_key: Some("${{ inputs.tenant }}".into()),
        ..Concurrency::default()
    });
    compile(Definition { steps: vec![step], ..Definition::default() })
}

/// What the log says: how many attempts were under way at most, who asked in which order, who got slots in which order.
#[derive(Default)]
struct Told {
    under_way: BTreeSet<(RunId, StepIndex)>,
    most: usize,
    held: BTreeSet<Holder>,
    held_most: usize,
    keys: BTreeMap<Holder, String>,
    asked: Vec<Holder>,
    granted: Vec<Holder>,
}

impl Told {
    fn of(frames: &[Frame]) -> Self {
        let mut told = Self::default();
        for frame in frames {
            match AggregateId::of(frame.stream.0) {
                None => told.run(frame),
                Some(_) => told.limit(frame),
            }
            told.most = told.most.max(told.under_way.len());
            told.held_most = told.held_most.max(told.held.len());
        }
        told
    }

    fn run(&mut self, frame: &Frame) {
        let run = RunId(frame.stream.0);
        for recorded in events_of(frame).unwrap() {
            if let Event::StepStarted { step, .. } = recorded.event {
                assert!(self.under_way.insert((run, step)));
            } else if let Event::StepCompleted { step, .. } = recorded.event {
                assert!(self.under_way.remove(&(run, step)));
            }
        }
    }

    fn limit(&mut self, frame: &Frame) {
        for (at, record) in frame.records.iter().enumerate() {
            let header = Header { kind: record.kind, version: record.version, flags: record.flags };
            let is_first = frame.revision.0 == 0 && at == 0;
            let (event, _) = aggregate::decode(header, record.body, is_first).unwrap();
            let aggregate::Event::Limit(event) = event else { continue };
            match event {
                LimitEvent::SlotRequested(SlotRequested { holder, wish }) => {
                    self.keys.insert(holder, wish.fairness_key);
                    self.asked.push(holder);
                }
                LimitEvent::SlotGranted(SlotGranted { holder }) => {
                    assert!(self.held.insert(holder), "a slot is granted once");
                    self.granted.push(holder);
                }
                LimitEvent::SlotReleased(released) => assert!(self.held.remove(&released.holder)),
                LimitEvent::RequestWithdrawn(_)
                | LimitEvent::LimitSet(_)
                | LimitEvent::LimitWoken(_) => {}
            }
        }
    }

    fn of_key<'a>(&'a self, holders: &'a [Holder], key: &'a str) -> Vec<Holder> {
        holders.iter().filter(|holder| self.keys[holder] == key).copied().collect()
    }
}

/// All ask while nothing is granted; then slots are granted, and the engine ends without notice twice meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_runs_share_few_slots_fairly_over_crashes() {
    let runs: usize = std::env::var("NEXUS_LIMIT_RUNS").map_or(400, |runs| runs.parse().unwrap());
    let slots = u32::try_from(runs / 100).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let gauge = Arc::new(Gauge::default());
    let mut engine = open(folder.path(), &gauge, 10_000);
    let plan = pool(slots);
    let closed = Size { slots: Some(0), ..Size::default() };
    engine.handle().set_limit("pool", Some(closed), by()).await.unwrap();
    let mut started = Vec::new();
    for at in 0..runs {
        let tenant = (at / (runs / TENANTS)).to_string();
        let request = StartRequest::new(Arc::clone(&plan)).input(json!({"tenant": tenant}));
        started.push(engine.handle().start(request).await.unwrap().run);
    }
    let all_asked = async || {
        let pool = engine.handle().limit("pool").await.unwrap().unwrap();
        (pool.queue.len() == runs).then_some(())
    };
    until("all have asked for a slot", all_asked).await;
    engine.handle().set_limit("pool", None, by()).await.unwrap();
    for share in 1..=2 {
        gauge.reaches((runs * share / 3) as u64).await;
        drop(engine);
        is_free(folder.path()).await;
        gauge.now.store(0, Ordering::SeqCst);
        engine = open(folder.path(), &gauge, 10_000);
    }
    for run in started {
        let end = engine.handle().wait(run).await.unwrap();
        assert!(matches!(end, RunStatus::Completed { .. }), "{end:?}");
    }
    let told = Told::of(&all(engine.handle()));
    assert!(gauge.most.load(Ordering::SeqCst) <= u64::from(slots));
    assert!(told.most <= slots as usize, "{} under way, {slots} slots", told.most);
    assert!(told.held_most <= slots as usize, "{} held, {slots} slots", told.held_most);
    assert_eq!(told.granted.len(), runs);
    for tenant in 0..TENANTS {
        let key = tenant.to_string();
        let granted = told.of_key(&told.granted, &key);
        assert_eq!(
            granted,
            told.of_key(&told.asked, &key),
            "who asked first under {key} comes first"
        );
        for window in told.granted.windows(runs / 10) {
            let share = told.of_key(window, &key).len() * 100 / (runs / 10);
            assert!((9..=11).contains(&share), "{key} got {share} of 100");
        }
    }
    is_idle(engine.handle(), "pool").await;
    engine.shutdown().await;
}
