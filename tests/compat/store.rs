//! Committed stores: the archive of the folder, and what is known of its runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;
use nexus_engine::log::{FjallLog, Options};
use nexus_engine::model::codec::show_state_hash;
use nexus_engine::tables::TABLES;
use nexus_engine::{Engine, Handle, StepCx, StepError, handler_fn};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What a run is: the same for ever.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) status: String,
    pub(crate) events: u64,
    /// Hash of the state after the last event.
    pub(crate) state: String,
    pub(crate) parked: bool,
}

/// What is known of a store.
pub(crate) struct Expected {
    pub(crate) head: String,
    /// In the order they were started.
    pub(crate) runs: Vec<(String, Facts)>,
}

pub(crate) fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/stores").join(version)
}

/// A copy of the store that is packed into a folder.
pub(crate) fn unpacked(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    let archive = File::open(folder.join("store.tar.gz")).expect("the store is there");
    tar::Archive::new(GzDecoder::new(archive)).unpack(copy.path()).expect("unpacked");
    copy
}

pub(crate) fn expected(folder: &Path) -> Expected {
    let text = std::fs::read_to_string(folder.join("expected.json")).expect("it is there");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let run = |run: &Value| {
        let facts = Facts {
            status: text(&run["status"]),
            events: run["events"].as_u64().expect("a number"),
            state: text(&run["state"]),
            parked: run["parked"].as_bool().expect("true or false"),
        };
        (text(&run["name"]), facts)
    };
    let runs = value["runs"].as_array().expect("a list").iter().map(run).collect();
    Expected { head: text(&value["head"]), runs }
}

/// An engine on a store, with the handlers that its runs name.
pub(crate) fn engine(folder: &Path) -> (Engine, Arc<FjallLog>) {
    let log = FjallLog::open(folder, Options { free_bytes_min: 0, ..Options::new(TABLES) });
    let log = Arc::new(log.expect("the store opens"));
    let engine = Engine::builder()
        .handler("one", handler_fn(async |_: StepCx, _: Value| Ok::<_, StepError>(1)))
        .handler(
            "large",
            handler_fn(async |_: StepCx, _: Value| Ok::<_, StepError>("large ".repeat(30_000))),
        )
        .handler(
            "fail",
            handler_fn(async |_: StepCx, _: Value| {
                Err::<u32, _>(StepError::retry("no luck").code("LUCK"))
            }),
        )
        .open_on(Arc::<FjallLog>::clone(&log), folder)
        .expect("the engine opens");
    (engine, log)
}

/// What a run is now. Its replay has to agree with everything that is recorded.
pub(crate) async fn facts(handle: &Handle, name: &str) -> Facts {
    let run = handle.find(name).await.expect("readable").expect("it is there");
    let replay = handle.replay(run, None).await.expect("it can be replayed");
    assert!(replay.agrees(), "{name}: {:?}", replay.differences);
    let (_, live) = handle.load(run).await.expect("readable").expect("it is there");
    assert_eq!(live, replay.run, "{name}");
    let paused = live.paused && !live.status.is_terminal();
    let sleeps = live.timers.len() > usize::from(live.status.is_terminal());
    let word = match live.status.word() {
        "running" if paused => "paused",
        "running" if sleeps => "waiting",
        word => word,
    };
    Facts {
        status: word.to_owned(),
        events: replay.events.into(),
        state: show_state_hash(&replay.state),
        parked: live.is_parked(),
    }
}

impl Facts {
    pub(crate) fn show(&self, name: &str) -> Value {
        let Self { status, events, state, parked } = self;
        json!({ "name": name, "status": status, "events": events, "parked": parked, "state": state })
    }
}
