//! Fixed pieces of work, carried out a given number of times: what `cargo xtask instructions` counts the instructions of.
//!
//! `instructions WORK COUNT` does the work so often and says nothing. What is counted is the difference between two counts, so that
//! what is made once, at the beginning or at the end, is not in it.
//!
//! Invariants:
//! * The same work and count do the same, but for hashes with random keys, and for what the time of day brings about.
//! * Results are checked: work that is not done fails.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use nexus_engine::handler::{Data, Handler, HandlerFuture};
use nexus_engine::log::{
    EventLog, FjallLog, Options, Outcome, Partition, Record, Records, Revision, StreamId,
    Submission, Transition,
};
use nexus_engine::model::codec;
use nexus_engine::model::command::Command;
use nexus_engine::model::decide::{Context, Decision, decide};
use nexus_engine::model::definition::{Definition, Step, StepKind};
use nexus_engine::model::event::{Event, Given};
use nexus_engine::model::evolve::evolve;
use nexus_engine::model::id::{Attempt, StepIndex};
use nexus_engine::model::payload::{ContentType, Payload};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{Run, RunStatus};
use nexus_engine::model::time::Timestamp;
use nexus_engine::tables::TABLES;
use nexus_engine::{Engine, StartRequest, StepCx};
use serde_json::Value;

const STEPS: u32 = 10;
/// Transitions of a group of the log.
const GROUP: u64 = 64;
const GIVEN: Given = Given { now: Timestamp(1_763_719_200_000_000), slots: 8 };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, count] = arguments.as_slice() else { return ExitCode::SUCCESS };
    let count: u32 = count.parse().expect("a number");
    match work.as_str() {
        "decide" => decided(count),
        "fold" => folded(count),
        "encode" => encoded(count),
        "decode" => decoded(count),
        "snapshot" => snapshot(count),
        "append" => appended(count),
        "engine" => engine(count),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

/// A chain, whose steps return a small document.
fn plan() -> Plan {
    let id = |at: u32| format!("s{at}");
    let step = |at: u32| Step {
        needs: at.checked_sub(1).map(id).into_iter().collect(),
        ..Step::new(id(at), StepKind::Action { uses: "simulate".into(), with: Value::Null })
    };
    let steps = (0..STEPS).map(step).collect();
    Plan::compile(Definition { name: "chain".into(), steps, ..Definition::default() })
        .expect("a chain is a good plan")
}

fn output() -> Payload {
    let text = br#"{"order":"A-1234567","amount":4200,"currency":"EUR"}"#;
    Payload::new(ContentType::Json, text.to_vec()).0
}

fn ask(plan: &Plan, run: &mut Run, command: Command) -> Vec<Event> {
    let context =
        Context { given: GIVEN, payloads: &BTreeMap::new(), interruptions_max: 2, vault: None };
    match decide(plan, run, command, context) {
        Ok(Decision::Happens(transition)) => transition.events,
        other => panic!("{other:?}"),
    }
}

/// All events of a run, which is decided from its start to its end: transition by transition.
fn whole_run(plan: &Plan) -> (Run, Vec<Vec<Event>>) {
    let mut run = Run::new(plan);
    let mut transitions = vec![ask(plan, &mut run, Command::StartRun(Box::default()))];
    for step in 0..STEPS {
        let (step, attempt) = (StepIndex(step), Attempt(1));
        let command = Command::CompleteStep { step, attempt, output: output() };
        transitions.push(ask(plan, &mut run, command));
    }
    assert!(matches!(run.status, RunStatus::Completed { .. }));
    (run, transitions)
}

/// Decides and folds all steps of a run.
fn decided(count: u32) {
    let plan = plan();
    for _ in 0..count {
        let (run, _) = whole_run(&plan);
        assert!(run.status.is_terminal());
    }
}

/// Folds the events of a run.
fn folded(count: u32) {
    let plan = plan();
    let (whole, transitions) = whole_run(&plan);
    for _ in 0..count {
        let mut run = Run::new(&plan);
        for event in transitions.iter().flatten() {
            evolve(&plan, &mut run, event, GIVEN.now);
        }
        assert_eq!(run.revision, whole.revision);
    }
}

/// Encodes the events of a run.
fn encoded(count: u32) {
    let (_, transitions) = whole_run(&plan());
    for _ in 0..count {
        assert!(records(&transitions).iter().all(|(_, bytes)| !bytes.is_empty()));
    }
}

/// The transitions of a run as the log takes them.
fn records(transitions: &[Vec<Event>]) -> Vec<(codec::Header, Vec<u8>)> {
    let mut encoded = Vec::new();
    for events in transitions {
        for (at, event) in events.iter().enumerate() {
            let mut bytes = Vec::new();
            let given = (at == 0).then_some(GIVEN);
            encoded.push((codec::encode(event, given, &mut bytes), bytes));
        }
    }
    encoded
}

/// Decodes the events of a run.
fn decoded(count: u32) {
    let (_, transitions) = whole_run(&plan());
    let records = records(&transitions);
    for _ in 0..count {
        for (header, bytes) in &records {
            codec::decode(*header, bytes, GIVEN.now.0).expect("it was encoded just now");
        }
    }
}

/// Writes, hashes and reads the state of a run.
fn snapshot(count: u32) {
    let plan = plan();
    let (run, _) = whole_run(&plan);
    for _ in 0..count {
        let bytes = codec::encode_run(&plan, &run);
        let read = codec::decode_run(&plan, &bytes).expect("it was encoded just now");
        assert_eq!(codec::state_hash(&plan, &read), codec::state_hash(&plan, &run));
    }
}

/// Appends groups to a log on disk, one after the other.
fn appended(count: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::new(TABLES);
    options.free_bytes_min = 0;
    let log = FjallLog::open(&folder.path().join("store"), options).expect("a new store");
    for group in 0..count {
        let transitions: Vec<_> = (0..GROUP).map(|at| transition(u64::from(group), at)).collect();
        let bytes = transitions.iter().map(Transition::bytes).sum();
        let permit = log.permits().try_acquire(bytes).expect("there is room");
        let submission = Submission { partition: Partition(0), transitions, permit };
        let outcomes = log.append(submission).wait().expect("the log is open");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))));
    }
    log.close();
}

fn transition(group: u64, at: u64) -> Transition {
    let mut records = Records::new();
    records.push(Record { kind: 1, version: 1, flags: 0, body: &[0x33; 240] });
    let mut stream = [0; 16];
    stream[..8].copy_from_slice(&group.to_be_bytes());
    stream[8..].copy_from_slice(&at.to_be_bytes());
    Transition {
        stream: StreamId(stream),
        expected: Revision(0),
        time_us: 0,
        records,
        rows: Vec::new(),
        payloads: Vec::new(),
    }
}

struct Small;

impl Handler for Small {
    fn call(&self, _cx: StepCx, _input: Data) -> HandlerFuture {
        Box::pin(std::future::ready(Data::json(&42)))
    }
}

/// Carries out whole runs, one after the other, in an engine that keeps everything in memory.
fn engine(count: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("room for a runtime");
    runtime.block_on(async {
        let engine = Engine::builder().handler("simulate", Arc::new(Small)).in_memory();
        let engine = engine.expect("an engine in memory");
        let plan = Arc::new(plan());
        for _ in 0..count {
            let request = StartRequest::new(Arc::clone(&plan));
            let run = engine.handle().start(request).await.expect("it starts").run;
            let status = engine.handle().wait(run).await.expect("it ends");
            assert!(matches!(status, RunStatus::Completed { .. }));
        }
        engine.shutdown().await;
    });
}
