//! Limits and breakers of the items of a `for_each`, in an engine: each item takes its own slot, and several runs share them.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![expect(clippy::wildcard_enum_match_arm, reason = "only some events tell of slots and attempts")]

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
use nexus_engine::model::breaker::{BreakerEvent, CallOutcome};
use nexus_engine::model::codec::{Header, encode_run};
use nexus_engine::model::definition::{
    CircuitBreaker, Concurrency, ConcurrencyRate, ConcurrencyScope, Definition, ForEach,
    OnItemError, Step, StepKind, WhileOpen,
};
use nexus_engine::model::event::Event;
use nexus_engine::model::id::{ItemIndex, RunId};
use nexus_engine::model::limit::{Holder, LimitEvent, SlotGranted, SlotRequested};
use nexus_engine::model::plan::Plan;
use nexus_engine::testkit::{Answer, Call, Mock, TestEngine, action, compile};
use nexus_engine::{StartRequest, StepError, events_of};
use serde_json::{Value, json};

fn each(concurrency: u32) -> Step {
    let mut step = action("each", "work", &[]);
    step.kind = StepKind::Action { uses: "work".into(), with: json!("${{ item }}") };
    step.for_each = Some(ForEach {
        items: json!("${{ inputs }}"),
        name: ForEach::NAME.into(),
        concurrency,
        on_item_error: OnItemError::Collect,
    });
    step
}

fn workflow(step: Step) -> Arc<Plan> {
    let outputs = Some(json!("${{ steps.each.output }}"));
    compile(Definition { steps: vec![step], outputs, ..Definition::default() })
}

/// At most two items of each tenant at one time, over all runs.
fn by_tenant(concurrency: u32) -> Arc<Plan> {
    let mut step = each(concurrency);
    let key = Some("${{ item.tenant }}".into());
    step.concurrency = Some(Concurrency { key, limit: Some(2), ..Concurrency::default() });
    step.retry.max_attempts = 2;
    workflow(step)
}

fn tenants(items: usize) -> Value {
    (0..items).map(|at| json!({"tenant": (["ann", "bob"])[at % 2], "n": at})).collect()
}

/// Every item takes a while; one of them fails at first.
fn working() -> TestEngine {
    let work = |call: &Call| {
        if (call.item, call.attempt) == (Some(1), 1) {
            return Answer::from(StepError::retry("not yet"));
        }
        Answer::from(json!(call.item))
            .takes(Duration::from_secs(1 + u64::from(call.item.unwrap() % 2)))
    };
    TestEngine::new().mock("work", Mock::function(work))
}

/// What the log says of slots and attempts.
#[derive(Default)]
struct Told {
    /// Holders by limit.
    held: BTreeMap<RunId, BTreeSet<Holder>>,
    held_most: usize,
    waiting: BTreeSet<Holder>,
    waiting_most: usize,
    granted: usize,
    under_way: BTreeSet<(RunId, ItemIndex)>,
    under_way_most: usize,
    calling: BTreeSet<Holder>,
    calls_failed: usize,
    opened: usize,
}

impl Told {
    fn of(frames: &[Frame]) -> Self {
        let mut told = Self::default();
        for frame in frames {
            match AggregateId::of(frame.stream.0) {
                None => told.run(frame),
                Some(_) => told.aggregate(frame),
            }
            let held = told.held.values().map(BTreeSet::len).max().unwrap_or(0);
            told.held_most = told.held_most.max(held);
            told.waiting_most = told.waiting_most.max(told.waiting.len());
            told.under_way_most = told.under_way_most.max(told.under_way.len());
        }
        told
    }

    fn run(&mut self, frame: &Frame) {
        let run = RunId(frame.stream.0);
        for recorded in events_of(frame).unwrap() {
            match recorded.event {
                Event::ItemStarted { step, item, .. } => {
                    assert!(self.under_way.insert((run, item)));
                    let holds = |holder: &Holder| {
                        holder.run == run && holder.step == Some(step) && holder.item == Some(item)
                    };
                    let durable = self.held.values().flatten().any(holds);
                    assert!(durable || self.held.is_empty(), "a grant is recorded before");
                }
                Event::ItemCompleted { item, .. } | Event::ItemAttemptFailed { item, .. } => {
                    assert!(self.under_way.remove(&(run, item)));
                }
                _ => {}
            }
        }
    }

    fn aggregate(&mut self, frame: &Frame) {
        for (at, record) in frame.records.iter().enumerate() {
            let header = Header { kind: record.kind, version: record.version, flags: record.flags };
            let is_first = frame.revision.0 == 0 && at == 0;
            let (event, _) = aggregate::decode(header, record.body, is_first).unwrap();
            match event {
                aggregate::Event::Limit(event) => self.limit(RunId(frame.stream.0), event),
                aggregate::Event::Breaker(BreakerEvent::CallAllowed(allowed)) => {
                    assert!(self.calling.insert(allowed.holder), "a call is allowed once");
                }
                aggregate::Event::Breaker(BreakerEvent::CallOver(over)) => {
                    let was_allowed = self.calling.remove(&over.holder);
                    let failed = was_allowed && over.outcome == CallOutcome::Failed;
                    self.calls_failed += usize::from(failed);
                }
                aggregate::Event::Breaker(BreakerEvent::BreakerOpened(_)) => self.opened += 1,
                _ => {}
            }
        }
    }

    fn limit(&mut self, limit: RunId, event: LimitEvent) {
        let held = self.held.entry(limit).or_default();
        match event {
            LimitEvent::SlotRequested(SlotRequested { holder, .. }) => {
                assert!(holder.item.is_some(), "each item asks for itself");
                assert!(self.waiting.insert(holder), "an item asks once for an attempt");
            }
            LimitEvent::SlotGranted(SlotGranted { holder }) => {
                assert!(held.insert(holder), "a slot is granted once");
                self.waiting.remove(&holder);
                self.granted += 1;
            }
            LimitEvent::SlotReleased(released) => assert!(held.remove(&released.holder)),
            LimitEvent::RequestWithdrawn(withdrawn) => {
                assert!(self.waiting.remove(&withdrawn.holder));
            }
            LimitEvent::LimitSet(_) | LimitEvent::LimitWoken(_) => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.held.values().all(BTreeSet::is_empty)
    }
}

#[test]
fn a_crash_anywhere_neither_loses_a_slot_of_an_item_nor_doubles_it() {
    let plan = by_tenant(3);
    let crashes = working().crash_everywhere_in(|engine| {
        let runs: Vec<RunId> = (0..2).map(|_| engine.start(&plan, tenants(4)).unwrap()).collect();
        for run in runs {
            assert_eq!(engine.finish(run).word(), "completed");
            assert_eq!(engine.output(run), json!({"ok": [0, 1, 2, 3], "failed": []}));
        }
        engine.settle();
        let told = Told::of(&engine.frames());
        assert!(told.held_most <= 2, "{} hold slots of one limit", told.held_most);
        assert!(told.waiting_most <= 6, "only items in flight ask");
        assert!(told.is_empty(), "all slots are given back");
    });
    assert!(crashes.all_same(), "{crashes}");
    assert!(crashes.transitions >= 30, "{}", crashes.transitions);
}

#[test]
fn items_of_runs_that_are_cancelled_or_paused_give_their_places_back_wherever_the_engine_crashes() {
    let plan = by_tenant(3);
    let engine =
        TestEngine::new().mock("work", Answer::from(json!(1)).takes(Duration::from_mins(1)));
    let crashes = engine.crash_everywhere_in(|engine| {
        let runs: Vec<RunId> = (0..3)
            .map(|_| {
                let run = engine.start(&plan, tenants(4)).unwrap();
                engine.settle();
                run
            })
            .collect();
        let _ = engine.pause(runs[1]);
        let _ = engine.cancel(runs[0]);
        assert_eq!(engine.finish(runs[2]).word(), "completed");
        let _ = engine.resume(runs[1]);
        assert_eq!(engine.finish(runs[1]).word(), "completed");
        engine.settle();
        let told = Told::of(&engine.frames());
        assert!(told.held_most <= 2, "{} hold slots of one limit", told.held_most);
        assert!(told.is_empty(), "all slots are given back");
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn a_rate_lets_so_many_items_begin_in_a_time_and_no_more() {
    let mut step = each(16);
    let rate = ConcurrencyRate { limit: 2, per_ms: 60_000 };
    step.concurrency = Some(Concurrency { rate: Some(rate), ..Concurrency::default() });
    let (plan, engine) = (workflow(step), TestEngine::new().mock("work", json!(1)));
    let crashes = engine.crash_everywhere_in(|engine| {
        let run = engine.start(&plan, json!([1, 2, 3, 4, 5])).unwrap();
        assert_eq!(engine.finish(run).word(), "completed");
    });
    assert!(crashes.all_same(), "{crashes}");
    let mut engine = engine.fresh();
    let began = engine.now();
    let run = engine.start(&plan, json!([1, 2, 3, 4, 5])).unwrap();
    engine.finish(run);
    let minutes: Vec<_> =
        engine.calls().iter().map(|call| call.at.ms_since(began) / 60_000).collect();
    assert_eq!(minutes, [0, 0, 1, 1, 2]);
}

fn guarded(while_open: WhileOpen) -> Arc<Plan> {
    let mut step = each(1);
    step.breaker = Some(CircuitBreaker {
        target: "${{ item }}".into(),
        while_open,
        ..CircuitBreaker::default()
    });
    workflow(step)
}

#[test]
fn items_share_the_breaker_of_their_target_wherever_the_engine_crashes() {
    let fails = |call: &Call| match call.item {
        Some(at) if at < 5 => Answer::from(StepError::fatal("down")),
        _ => Answer::from(json!(call.item)),
    };
    let engine = TestEngine::new().mock("work", Mock::function(fails));
    let input = json!(["pay", "pay", "pay", "pay", "pay", "pay", "mail"]);
    let mut waits = engine.fresh();
    let began = waits.now();
    let run = waits.start(&guarded(WhileOpen::Wait), input.clone()).unwrap();
    assert_eq!(waits.finish(run).word(), "completed");
    assert_eq!(waits.output(run)["ok"], json!([5, 6]));
    let times: Vec<_> = waits.calls().iter().map(|call| call.at.ms_since(began)).collect();
    assert!(times[4] < 60_000 && times[5] >= 60_000, "the sixth waits: {times:?}");
    waits.settle();
    let told = Told::of(&waits.frames());
    assert_eq!((told.calls_failed, told.opened), (5, 1));

    // A breaker that is told late, because the process ended, may let one more call through; none counts twice.
    let plan = guarded(WhileOpen::Wait);
    let crashes = engine.crash_everywhere_in(|engine| {
        let run = engine.start(&plan, input.clone()).unwrap();
        assert_eq!(engine.finish(run).word(), "completed");
        engine.settle();
        assert!(Told::of(&engine.frames()).calls_failed <= 5, "no failure counts twice");
    });
    assert!(crashes.all_same(), "{crashes}");

    let mut fails = engine.fresh();
    let run = fails.start(&guarded(WhileOpen::Fail), input).unwrap();
    assert_eq!(fails.finish(run).word(), "completed");
    let output = fails.output(run);
    assert_eq!(output["ok"], json!([6]));
    assert_eq!(output["failed"][5]["error"]["code"], "NX3045");
}

#[test]
fn the_state_and_the_queue_stay_small_however_many_items_there_are() {
    let mut engine = TestEngine::new()
        .mock("work", Answer::from(json!(1)).takes(Duration::from_secs(1)))
        .turns_max(10_000_000);
    let items: Vec<Value> = (0..1_500).map(|at| json!({"tenant": "ann", "n": at})).collect();
    let run = engine.start(&by_tenant(10), json!(items)).unwrap();
    let mut sizes = Vec::new();
    while engine.calls().len() < 1_450 {
        engine.advance(Duration::from_mins(1));
        let (plan, state) = engine.load(run);
        assert!(state.slots.iter().count() <= 10, "only items in flight ask");
        sizes.push(encode_run(&plan, &state).len());
    }
    // The outcomes of a chunk are kept until all of it have settled.
    let largest = sizes.iter().max().unwrap();
    assert!(*largest < sizes[0] + 8_000, "the state grows: {sizes:?}");
    assert_eq!(engine.finish(run).word(), "completed");
    let told = Told::of(&engine.frames());
    assert!(told.waiting_most <= 10, "{} waited at one time", told.waiting_most);
    assert_eq!((told.granted, told.held_most, told.under_way_most), (1_500, 2, 2));
}

/// Four runs of sixty items share three slots; the engine ends without notice twice meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_of_several_runs_share_few_slots_over_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let gauge = Arc::new(Gauge::default());
    let mut step = each(8);
    step.concurrency = Some(Concurrency {
        key: Some("pool".into()),
        scope: ConcurrencyScope::Global,
        limit: Some(3),
        ..Concurrency::default()
    });
    step.breaker = Some(CircuitBreaker { target: "pay".into(), ..CircuitBreaker::default() });
    let plan = workflow(step);
    let mut engine = open(folder.path(), &gauge, 256);
    let mut runs = Vec::new();
    for _ in 0..4 {
        let items: Vec<u32> = (0..60).collect();
        let request = StartRequest::new(Arc::clone(&plan)).input(json!(items));
        runs.push(engine.handle().start(request).await.unwrap().run);
    }
    for share in 1..=2 {
        gauge.reaches(80 * share).await;
        drop(engine);
        is_free(folder.path()).await;
        gauge.now.store(0, Ordering::SeqCst);
        engine = open(folder.path(), &gauge, 256);
    }
    for run in &runs {
        engine.handle().wait(*run).await.unwrap();
    }
    assert!(gauge.most.load(Ordering::SeqCst) <= 3);
    let told = Told::of(&all(engine.handle()));
    assert!(told.held_most <= 3, "{} held", told.held_most);
    assert!(told.under_way_most <= 3, "{} under way", told.under_way_most);
    assert!(told.waiting_most <= 4 * 8, "{} waited", told.waiting_most);
    assert_eq!(told.granted, 240, "each item got one slot");
    for run in &runs {
        let replay = engine.handle().replay(*run, None).await.unwrap();
        assert!(replay.agrees(), "{:?}", replay.differences);
    }
    is_idle(engine.handle(), "pool").await;
    engine.shutdown().await;
}
