//! A crowd of runs with one small limit, on a server that is killed: never more at work than there are slots, each in its turn.
//!
//! `NEXUS_LIMIT_RUNS=10000` makes the crowd as large as the promise (10,000 runs, a limit of 100, windows of 1,000 grants).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use nexus_engine::events_of;
use nexus_engine::log::{EventLog, FjallLog, Frame, Options, Partition, Position};
use nexus_engine::model::aggregate::{self, AggregateId};
use nexus_engine::model::codec::Header;
use nexus_engine::model::event::Event;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::limit::{Holder, LimitEvent};
use nexus_engine::tables::TABLES;
use nexus_gateway::Client;
use nexus_gateway::api::{By, LimitSize, LimitView, SetLimit, StartRun};
use nexus_tests::{Server, definition_json, until};
use serde_json::json;
use tokio::task::JoinSet;

/// Runs of a short crowd.
const RUNS: usize = 2_000;
/// Keys that share fairly.
const TENANTS: usize = 10;
/// Starts under way at one time.
const STARTS: usize = 32;

fn workflow(slots: usize) -> String {
    format!(
        "
nexus: v1
name: crowd
inputs: {{ tenant: string }}
steps:
  work:
    uses: simulate
    with: {{ duration_ms: 2 }}
    concurrency:
      key: pool
      scope: global
      limit: {slots}
      fairness_key: ${{{{ inputs.tenant }}}}
"
    )
}

fn by() -> By {
    By { name: "test".into(), via: "api".into() }
}

async fn set(client: &Client, slots: Option<u32>) {
    let size = slots.map(|slots| LimitSize { slots: Some(slots), rate: None, rate_per_ms: None });
    client.set_limit("pool", SetLimit { size, by: by() }).await.expect("it is not set so yet");
}

async fn stands(client: &Client, holds: impl Fn(&LimitView) -> bool) -> Option<()> {
    client.limit("pool").await.is_ok_and(|limit| holds(&limit)).then_some(())
}

/// Starts the runs, one tenant after the other.
async fn crowd(client: &Client, runs: usize, slots: usize) {
    let definition = definition_json(&workflow(slots));
    let mut starts = JoinSet::new();
    for at in 0..runs {
        let request = StartRun {
            definition: definition.clone(),
            callees: Vec::new(),
            workflow: None,
            input: json!({ "tenant": (at / (runs / TENANTS)).to_string() }),
            name: Some(format!("r-{at}")),
            labels: BTreeMap::new(),
            folder: None,
            by: by(),
        };
        let client = client.clone();
        starts.spawn(async move { client.start(request).await });
        while starts.len() >= STARTS {
            starts.join_next().await.expect("one is under way").expect("it ends").expect("a start");
        }
    }
    while let Some(started) = starts.join_next().await {
        started.expect("it ends").expect("a start");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_keeps_to_its_limit_and_its_turns_over_kills() {
    let runs =
        std::env::var("NEXUS_LIMIT_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number"));
    let slots = runs / 100;
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let began = Instant::now();
    let mut server = Server::start(&store, &[]);
    let mut client = server.client().await;
    set(&client, Some(0)).await;
    crowd(&client, runs, slots).await;
    until("all wait", || stands(&client, |limit| limit.waiting == runs as u64)).await;
    set(&client, None).await;
    for share in 1..=2 {
        let enough = (runs * share / 3) as u64;
        until("some have had their turn", || stands(&client, |limit| limit.granted >= enough))
            .await;
        drop(client);
        server.kill();
        server = Server::start(&store, &[]);
        client = server.client().await;
    }
    let is_over = |limit: &LimitView| limit.waiting == 0 && limit.held == 0;
    until("all have had their turn", || stands(&client, is_over)).await;
    drop(client);
    server.kill();
    let told = Told::read(&store);
    println!("{runs} runs, 2 kills, {:.1} s", began.elapsed().as_secs_f64());
    assert!(told.most <= slots, "{} at work, {slots} slots", told.most);
    assert!(told.held_most <= slots, "{} held, {slots} slots", told.held_most);
    assert_eq!((told.granted.len(), told.completed), (runs, runs));
    let window = runs / 10;
    for tenant in 0..TENANTS {
        let key = tenant.to_string();
        let of_key = |holders: &[Holder]| -> Vec<Holder> {
            holders.iter().filter(|holder| told.keys[holder] == key).copied().collect()
        };
        assert_eq!(of_key(&told.granted), of_key(&told.asked), "who asked first comes first");
        let is_own = |holder: &Holder| usize::from(told.keys[holder] == key);
        let own: Vec<usize> = told.granted.iter().map(is_own).collect();
        let mut share: usize = own.iter().take(window).sum();
        for at in window..=runs {
            assert!(
                (90..=110).contains(&(share * 1_000 / window)),
                "{key} got {share} of {window}"
            );
            share = share + own.get(at).unwrap_or(&0) - own[at - window];
        }
    }
}

/// What the log says.
#[derive(Default)]
struct Told {
    at_work: BTreeSet<(RunId, StepIndex)>,
    most: usize,
    completed: usize,
    held: BTreeSet<Holder>,
    held_most: usize,
    keys: BTreeMap<Holder, String>,
    asked: Vec<Holder>,
    granted: Vec<Holder>,
}

impl Told {
    fn read(store: &Path) -> Self {
        let log = FjallLog::open(store, Options::new(TABLES)).expect("nobody holds the store");
        let (mut told, mut from) = (Self::default(), Position(0));
        loop {
            let frames = log.read(Partition(0), from, 1 << 20).expect("a log that can be read");
            let Some(last) = frames.last() else { return told };
            from = last.next_position();
            for frame in &frames {
                told.fold(frame);
            }
        }
    }

    fn fold(&mut self, frame: &Frame) {
        if AggregateId::of(frame.stream.0).is_some() {
            self.limit(frame);
        } else {
            self.run(frame);
        }
        self.most = self.most.max(self.at_work.len());
        self.held_most = self.held_most.max(self.held.len());
    }

    fn run(&mut self, frame: &Frame) {
        let run = RunId(frame.stream.0);
        for recorded in events_of(frame).expect("events") {
            if let Event::StepStarted { step, .. } = recorded.event {
                assert!(self.at_work.insert((run, step)), "an attempt starts once");
            } else if let Event::StepCompleted { step, .. } = recorded.event {
                assert!(self.at_work.remove(&(run, step)));
                self.completed += 1;
            }
        }
    }

    fn limit(&mut self, frame: &Frame) {
        for (at, record) in frame.records.iter().enumerate() {
            let header = Header { kind: record.kind, version: record.version, flags: record.flags };
            let is_first = frame.revision.0 == 0 && at == 0;
            let decoded = aggregate::decode(header, record.body, is_first);
            let aggregate::Event::Limit(event) = decoded.expect("an event").0 else { continue };
            if let LimitEvent::SlotRequested(requested) = event {
                self.keys.insert(requested.holder, requested.wish.fairness_key);
                self.asked.push(requested.holder);
            } else if let LimitEvent::SlotGranted(granted) = event {
                assert!(self.held.insert(granted.holder), "a slot is granted once");
                self.granted.push(granted.holder);
            } else if let LimitEvent::SlotReleased(released) = event {
                assert!(self.held.remove(&released.holder), "it was held");
            }
        }
    }
}
