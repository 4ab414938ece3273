//! Workers in Python and an engine, each a process of its own, each killed with `SIGKILL` again and again: what was acknowledged
//! to a worker is in the log, and nothing was begun twice without an attempt of its own there.

mod commands;
mod hidden;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nexus_engine::log::{EventLog, FjallLog, Options, Partition, Position};
use nexus_engine::model::event::Event;
use nexus_engine::model::id::{Attempt, RunId, StepIndex};
use nexus_engine::tables::TABLES;
use nexus_engine::{Recorded, events_of};
use nexus_gateway::Client;
use nexus_gateway::api::{By, RunsFilter, StartRun};
use nexus_tests::{Chance, Server, definition_json, free_address, is_missing};
use serde::Deserialize;
use serde_json::json;

const RUNS: usize = 40;
const STEPS: usize = 3;
const WORKERS: usize = 3;
/// At least as many of each are killed.
const WORKER_KILLS: usize = 20;
const ENGINE_KILLS: usize = 4;

const WORKFLOW: &str = "
nexus: v1
name: images
inputs: { image: string }
defaults:
  retry: { max_attempts: 1000, backoff: constant, initial: 10ms, jitter: false }
steps:
  a:
    uses: worker/resize
    with: { image: \"${{ inputs.image }}\", width: 640, seconds: 0.05 }
  b:
    needs: a
    uses: worker/resize
    with: { image: \"${{ steps.a.output.image }}\", width: 320, seconds: 0.05 }
  c:
    needs: b
    uses: worker/resize
    with: { image: \"${{ steps.b.output.image }}\", width: 160, seconds: 0.05 }
outputs: ${{ steps.c.output.image }}
";

/// What a worker wrote down.
#[derive(Debug, Deserialize)]
struct Line {
    what: String,
    task: String,
    token: u32,
    run: String,
    step: String,
    attempt: u32,
    key: String,
}

/// A worker that is killed when it is dropped.
struct Worker(Child);

impl Worker {
    fn start(journal: &Path, address: &str) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut python = Command::new("python3");
        python.arg(root.join("workers/journaled.py")).arg(root.join("../examples"));
        python.arg(journal).arg(format!("http://{address}")).env("PYTHONDONTWRITEBYTECODE", "1");
        python.stdin(Stdio::null()).stdout(Stdio::null());
        Self(python.spawn().expect("python3 is there"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn by() -> By {
    By { name: "test".into(), via: "api".into() }
}

async fn start_all(client: &Client) {
    let definition = definition_json(WORKFLOW);
    for at in 0..RUNS {
        let request = StartRun {
            definition: definition.clone(),
            callees: Vec::new(),
            workflow: None,
            input: json!({ "image": format!("i{at}") }),
            name: Some(format!("r-{at}")),
            labels: BTreeMap::new(),
            folder: None,
            by: by(),
        };
        client.start(request).await.expect("a start");
    }
}

async fn completed(client: &Client) -> usize {
    let filter =
        RunsFilter { statuses: vec!["completed".into()], limit: 1_000, ..RunsFilter::default() };
    client.list(filter).await.map_or(0, |page| page.runs.len())
}

/// All events of the store by run.
fn events(store: &Path) -> BTreeMap<RunId, Vec<Recorded>> {
    let log = FjallLog::open(store, Options::new(TABLES)).expect("nobody holds the store");
    let (mut all, mut from) = (BTreeMap::<RunId, Vec<Recorded>>::new(), Position(0));
    loop {
        let frames = log.read(Partition(0), from, 1 << 20).expect("a log that can be read");
        let Some(last) = frames.last() else { return all };
        from = last.next_position();
        for frame in &frames {
            let of_run = all.entry(RunId(frame.stream.0)).or_default();
            of_run.extend(events_of(frame).expect("events"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_begins_twice_unrecorded() {
    if is_missing("python3") {
        return;
    }
    let mut chance = Chance::printed();
    let folder = tempfile::tempdir().expect("a folder");
    let (store, journal) = (folder.path().join("store"), folder.path().join("journal"));
    let address = free_address().to_string();
    let flags = ["--worker-lease", "1s"];
    let mut server = Server::start_at(&store, &address, &flags);
    let mut client = server.client().await;
    start_all(&client).await;
    let mut workers: Vec<Worker> =
        (0..WORKERS).map(|_| Worker::start(&journal, &address)).collect();
    let began = Instant::now();
    let (mut worker_kills, mut engine_kills) = (0, 0);
    loop {
        let done = completed(&client).await;
        if done == RUNS && worker_kills >= WORKER_KILLS && engine_kills >= ENGINE_KILLS {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(150), "{done} of {RUNS} runs completed");
        tokio::time::sleep(Duration::from_millis(chance.between(50, 250))).await;
        if worker_kills < WORKER_KILLS || chance.between(0, 10) == 0 {
            let at = usize::try_from(chance.between(0, WORKERS as u64)).expect("few workers");
            workers[at] = Worker::start(&journal, &address);
            worker_kills += 1;
        }
        // The engine is killed while there is work to do.
        if engine_kills < ENGINE_KILLS && worker_kills > engine_kills * 4 {
            drop(client);
            server.kill();
            server = Server::start_at(&store, &address, &flags);
            client = server.client().await;
            engine_kills += 1;
        }
    }
    drop((workers, client));
    server.kill();
    let (lines, events) = (read(&journal), events(&store));
    println!(
        "{RUNS} runs, {worker_kills} workers and {engine_kills} engines killed, {} tasks begun, {:.1} s",
        lines.iter().filter(|line| line.what == "begun").count(),
        began.elapsed().as_secs_f64()
    );
    each_step_completed_once(&events);
    let (acknowledged, stale) = what_workers_did_is_recorded(&lines, &events);
    println!("{acknowledged} completions acknowledged, {stale} reports refused as stale");
}

/// What workers wrote down; one that was killed may have left half a line.
fn read(journal: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(journal).expect("a journal");
    text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is about an attempt")]
fn each_step_completed_once(events: &BTreeMap<RunId, Vec<Recorded>>) {
    assert_eq!(events.len(), RUNS);
    for events in events.values() {
        let mut at_work: BTreeMap<StepIndex, Attempt> = BTreeMap::new();
        let mut completed = BTreeSet::new();
        for recorded in events {
            match &recorded.event {
                Event::StepStarted { step, attempt, .. } => {
                    assert_eq!(at_work.insert(*step, *attempt), None, "it ended before");
                }
                Event::AttemptResumed { step, attempt } => {
                    assert_eq!(at_work.get(step), Some(attempt), "it was cut off");
                }
                Event::AttemptFailed { step, attempt, failure } => {
                    assert_eq!(at_work.remove(step), Some(*attempt));
                    assert_eq!(failure.code, "NX3048", "{failure:?}");
                }
                Event::StepCompleted { step, attempt, .. } => {
                    assert_eq!(at_work.remove(step), Some(*attempt));
                    assert!(completed.insert(*step), "{step:?} completed twice");
                }
                _ => {}
            }
        }
        assert_eq!(completed.len(), STEPS);
    }
}

/// How many completions were acknowledged, and how many reports were refused as stale.
fn what_workers_did_is_recorded(
    lines: &[Line],
    events: &BTreeMap<RunId, Vec<Recorded>>,
) -> (usize, usize) {
    let by_name: BTreeMap<String, &Vec<Recorded>> =
        events.iter().map(|(run, events)| (run.to_string(), events)).collect();
    let (mut begun, mut keys) = (BTreeSet::new(), BTreeMap::new());
    let (mut acknowledged, mut stale) = (0, 0);
    for line in lines {
        let (run, step) = line.task.split_once(':').expect("a name");
        let (step, attempt) = (StepIndex(step.parse().expect("a step")), Attempt(line.attempt));
        let events = by_name[run];
        match line.what.as_str() {
            "begun" => {
                // Each beginning has a token of its own, and that is a beginning in the log.
                assert!(begun.insert((&line.task, line.token)), "begun twice: {line:?}");
                let before = events.iter().filter(|recorded| recorded.revision < line.token);
                let last = before.rev().find_map(|recorded| began(&recorded.event, step));
                assert_eq!(last, Some(attempt), "{line:?}");
                let key = keys.entry(&line.task).or_insert(&line.key);
                assert_eq!(*key, &line.key, "the same for every attempt");
            }
            "completed" => {
                acknowledged += 1;
                let is_it = |recorded: &Recorded| {
                    matches!(&recorded.event, Event::StepCompleted { step: of, attempt: by, .. }
                        if *of == step && *by == attempt)
                };
                assert!(events.iter().any(is_it), "acknowledged and lost: {line:?}");
            }
            "stale" => stale += 1,
            other => panic!("{other}: {} {}", line.run, line.step),
        }
    }
    assert!(acknowledged > RUNS, "most workers hear that it is recorded");
    (acknowledged, stale)
}

/// The attempt of a step that an event begins or carries on.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else begins an attempt")]
fn began(event: &Event, step: StepIndex) -> Option<Attempt> {
    match event {
        Event::StepStarted { step: of, attempt, .. }
        | Event::AttemptResumed { step: of, attempt }
            if *of == step =>
        {
            Some(*attempt)
        }
        _ => None,
    }
}
