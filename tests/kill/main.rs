//! A server that is killed again and again at random moments loses nothing it acknowledged and repeats nothing it recorded
//! as done.
//!
//! `NEXUS_KILLS=200` makes the loop as long as wanted; without it, it is bounded by time.

mod crowd;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nexus_gateway::Client;
use nexus_gateway::api::{By, EventView, StartRun};
use nexus_tests::{Chance, Server, command, definition_json, until};
use serde_json::json;

/// Runs under way at one time.
const RUNS: usize = 50;
/// Kills of a short loop, and how long it may take.
const KILLS: u64 = 30;
const SHORT: Duration = Duration::from_secs(45);

const WORKFLOW: &str = r#"
nexus: v1
name: appends
inputs:
  file: string
steps:
  a: { run: "printf '%s a %s\\n' $NEXUS_RUN $(date +%s%6N) >> $FILE", env: { FILE: "${{ inputs.file }}" } }
  b: { needs: a, run: "printf '%s b %s\\n' $NEXUS_RUN $(date +%s%6N) >> $FILE", env: { FILE: "${{ inputs.file }}" } }
  c: { needs: a, run: "printf '%s c %s\\n' $NEXUS_RUN $(date +%s%6N) >> $FILE", env: { FILE: "${{ inputs.file }}" } }
  z: { needs: [b, c], sleep: 100ms }
  d: { needs: z, run: "printf '%s d %s\\n' $NEXUS_RUN $(date +%s%6N) >> $FILE", env: { FILE: "${{ inputs.file }}" } }
outputs: done
"#;

/// What the client was told, which must stay true.
#[derive(Default)]
struct Told {
    started: BTreeSet<String>,
    ended: BTreeSet<String>,
    events: BTreeMap<String, Vec<EventView>>,
}

struct World {
    store: PathBuf,
    file: PathBuf,
    chance: Chance,
    told: Told,
    next: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_done_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let kills = std::env::var("NEXUS_KILLS").ok().and_then(|kills| kills.parse().ok());
    let (store, file) = (folder.path().join("store"), folder.path().join("lines"));
    let mut world =
        World { store, file, chance: Chance::printed(), told: Told::default(), next: 0 };
    let (began, mut killed) = (Instant::now(), 0);
    while killed < kills.unwrap_or(KILLS) && (kills.is_some() || began.elapsed() < SHORT) {
        world.live_and_die().await;
        killed += 1;
    }
    world.finish().await;
    println!(
        "{killed} kills, {} runs started and acknowledged, {} lines, {:.1} s",
        world.told.started.len(),
        lines(&world.file).len(),
        began.elapsed().as_secs_f64(),
    );
}

impl World {
    fn serve(&self) -> Server {
        Server::start(&self.store, &["--interruptions-max", "1000000"])
    }

    /// One life of the server: it is given work and asked things until it is killed at a random moment.
    async fn live_and_die(&mut self) {
        let server = self.serve();
        let life = Duration::from_millis(self.chance.between(1, 400));
        let store = self.store.clone();
        let work = async {
            let client = until("the server answers", || Client::find(&store)).await;
            loop {
                self.work(&client).await;
            }
        };
        let _: Result<(), _> = tokio::time::timeout(life, work).await;
        server.kill();
    }

    async fn work(&mut self, client: &Client) {
        if self.told.started.len() - self.told.ended.len() < RUNS {
            self.next += 1;
            let name = format!("r-{}", self.next);
            if client.start(self.start(&name)).await.is_ok() {
                self.told.started.insert(name);
            }
            return;
        }
        let open: Vec<_> = self.told.started.difference(&self.told.ended).cloned().collect();
        let at = self.chance.between(0, open.len() as u64);
        let Some(name) = open.get(usize::try_from(at).unwrap_or(0)) else { return };
        if let Ok(history) = client.history(name, 1, 0).await {
            if history.events.last().is_some_and(|event| event.event.starts_with("run."))
                && history.events.len() > 1
            {
                self.told.ended.insert(name.clone());
            }
            self.told.events.insert(name.clone(), history.events);
        }
    }

    fn start(&self, name: &str) -> StartRun {
        StartRun {
            callees: Vec::new(),
            definition: definition_json(WORKFLOW),
            workflow: None,
            input: json!({ "file": self.file }),
            name: Some(name.to_owned()),
            labels: BTreeMap::new(),
            folder: None,
            by: By { name: "test".into(), via: "api".into() },
        }
    }

    /// Lets everything come to its end, and compares it with what the client was told and with what the steps did.
    async fn finish(&mut self) {
        let server = self.serve();
        let client = server.client().await;
        let lines = lines(&self.file);
        let mut executed: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
        for name in &self.told.started {
            let run = client
                .wait(name, Some(Duration::from_mins(1)))
                .await
                .unwrap_or_else(|problem| panic!("{problem:?}"));
            assert_eq!(run.status, "completed", "{name}: {run:?}");
        }
        for (run, step, at) in crate::lines(&self.file).into_iter().chain(lines) {
            executed.entry((run, step)).or_default().push(at);
        }
        for name in &self.told.started {
            let history = client.history(name, 1, 0).await.expect("the server answers").events;
            if let Some(told) = self.told.events.get(name) {
                assert_eq!(
                    told.as_slice(),
                    &history[..told.len()],
                    "{name}: what the client saw is still what happened"
                );
            }
            for step in ["a", "b", "c", "d"] {
                let done = completed_at(&history, step);
                let times =
                    executed.get(&(name.clone(), step.to_owned())).cloned().unwrap_or_default();
                assert!(!times.is_empty(), "{name}/{step} is recorded as done and left no line");
                assert!(
                    times.iter().all(|at| *at <= done),
                    "{name}/{step} ran again after it was done: {times:?} > {done}"
                );
            }
        }
        drop(client);
        server.kill();
        check(&self.store, "verify");
        check(&self.store, "doctor");
    }
}

fn check(store: &Path, verb: &str) {
    let output = command(store).arg(verb).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    // A disk that is short of room is the machine's matter; everything else must be in order.
    assert!(
        output.status.success() || (verb == "doctor" && output.status.code() == Some(1)),
        "{verb}: {text}"
    );
}

/// The lines that the steps appended: run, step, microseconds since the Unix epoch.
fn lines(file: &Path) -> Vec<(String, String, i64)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// When a step was recorded as done, in microseconds since the Unix epoch.
fn completed_at(history: &[EventView], step: &str) -> i64 {
    let event = history
        .iter()
        .find(|event| event.event == "step.completed" && event.step.as_deref() == Some(step));
    let at = &event.unwrap_or_else(|| panic!("{step} is done")).at;
    // The API shows milliseconds, rounded down; two clocks of one machine may differ by a little.
    let at = chrono::DateTime::parse_from_rfc3339(at).expect("times are RFC 3339");
    at.timestamp_micros() + 5_000
}
