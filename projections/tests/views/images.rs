//! Images of the disk after a power failure at any moment of a life of views, which are never synced: whatever is left of them, they open
//! and come out as the log says, or are made anew.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use nexus_log::{EventLog, StreamId};
use nexus_projections::{Checksum, Views};

use crate::failures::check;
use crate::history::{History, end, memory_log};
use crate::recording::{Recording, record};
use crate::site::{checksums, fresh};
use crate::{children, scratch, trace};

/// What is folded in a life: so many times, so many transitions.
const TURNS: usize = 6;
const TRANSITIONS: usize = 20;

/// The same history in every process, told turn after turn.
fn tell(mut each_turn: impl FnMut(&History, usize)) -> Arc<dyn EventLog> {
    let mut history = History::new(memory_log(), 71);
    for turn in 0..TURNS {
        history.go_on(TRANSITIONS);
        each_turn(&history, turn);
    }
    history.log
}

/// What is known of a snapshot by its stream and revision, and some bytes more.
fn snapshot(stream: StreamId, revision: u32, bytes: usize) -> Vec<u8> {
    let mut snapshot = stream.0.to_vec();
    snapshot.extend_from_slice(&revision.to_be_bytes());
    snapshot.resize(snapshot.len() + bytes, snapshot[15]);
    snapshot
}

/// The child: folds turn after turn, with snapshots of so many bytes, and opens the views anew for each.
fn fold_all(folder: &Path, snapshot_bytes: usize) {
    tell(|history, _| {
        let views = Views::open(folder, Arc::clone(&history.log)).unwrap();
        for member in history.members.iter().rev().take(8) {
            let (stream, revision) = (StreamId(member.id.0), member.run.revision);
            let bytes = snapshot(stream, revision, snapshot_bytes);
            views.put_snapshot(stream, nexus_log::Revision(revision), bytes);
        }
        views.catch_up(end(&*history.log)).unwrap();
        views.close();
    });
}

fn recorded(test: &str) -> Recording {
    let folder = scratch::folder();
    let store = folder.path().join("store");
    record(&children::command(test, &store), &store)
}

/// What everything has to come to.
struct Truth {
    log: Arc<dyn EventLog>,
    runs: Vec<(StreamId, u32)>,
    checksums: Vec<(&'static str, Checksum)>,
}

static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
    let mut runs = Vec::new();
    let log = tell(|history, _| {
        runs = history.members.iter().map(|run| (StreamId(run.id.0), run.run.revision)).collect();
    });
    let checksums = fresh(&log);
    Truth { log, runs, checksums }
});

/// What is wrong with views, if something is.
fn problem(folder: &Path, _acknowledged: u32) -> Option<String> {
    let views = match Views::open(folder, Arc::clone(&TRUTH.log)) {
        Ok(views) => views,
        Err(error) => return Some(format!("they do not open: {error}")),
    };
    let found = checksums(&views, &*TRUTH.log);
    if found != TRUTH.checksums {
        return Some(format!("{found:?} is not {:?}", TRUTH.checksums));
    }
    TRUTH.runs.iter().find_map(|(stream, last)| match views.snapshot(*stream) {
        Ok(None) => None,
        Ok(Some((revision, bytes))) => {
            let is_well =
                revision.0 <= *last && bytes.starts_with(&snapshot(*stream, revision.0, 0));
            (!is_well).then(|| format!("a snapshot of {} of {last} of {stream:?}", revision.0))
        }
        Err(error) => Some(format!("a snapshot cannot be read: {error}")),
    })
}

/// Plays a life of views as a child, or looks at what a power failure may leave of it.
fn survive(test: &str, what: &str, snapshot_bytes: usize, few: usize) {
    if let Some(folder) = children::told_where() {
        return fold_all(&folder, snapshot_bytes);
    }
    if trace::is_installed() {
        check(what, &recorded(test), few, &problem);
    }
}

#[test]
fn views_that_are_folded() {
    survive("images::views_that_are_folded", "views", 100, 300);
}

/// Two memtables of snapshots are filled and flushed.
#[test]
fn views_whose_snapshots_are_flushed() {
    survive("images::views_whose_snapshots_are_flushed", "views, flushed", 200_000, 60);
}
