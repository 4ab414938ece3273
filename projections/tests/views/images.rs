//! Images of the disk after a power failure at any moment of a life of views, which are never synced: whatever is left of them, they open
//! and come out as the log says, or are made anew.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use nexus_log::{EventLog, Revision, StreamId};
use nexus_projections::{Checksum, Views, ViewsError};

use crate::failures::check;
use crate::history::{History, end, memory_log};
use crate::recording::{Act, Data, Recording, record};
use crate::site::fresh;
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

/// The snapshot of a stream at a revision: bytes that no other has.
fn snapshot(stream: StreamId, revision: u32, bytes: usize) -> Vec<u8> {
    let mut snapshot = stream.0.to_vec();
    snapshot.extend_from_slice(&revision.to_be_bytes());
    let pattern = snapshot.clone();
    snapshot.extend(pattern.into_iter().cycle().take(bytes));
    snapshot
}

/// The child: folds turn after turn, with snapshots of so many bytes, and opens the views anew for each.
fn fold_all(folder: &Path, snapshot_bytes: usize) {
    tell(|history, _| {
        let views = Views::open(folder, Arc::clone(&history.log)).unwrap();
        for member in history.members.iter().rev().take(8) {
            let (stream, revision) = (StreamId(member.id.0), member.run.revision);
            let bytes = snapshot(stream, revision, snapshot_bytes);
            views.put_snapshot(stream, Revision(revision), bytes);
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

/// What is wrong with views, if something is; `kept` counts those that were not made anew.
fn problem(folder: &Path, snapshot_bytes: usize, kept: &AtomicUsize) -> Result<(), String> {
    let wrong = |error: ViewsError| error.to_string();
    let database = || fs::metadata(folder.join("db")).ok().map(|folder| folder.ino());
    let before = database();
    let views = Views::open(folder, Arc::clone(&TRUTH.log)).map_err(wrong)?;
    views.catch_up(end(&*TRUTH.log)).map_err(wrong)?;
    for (view, checksum) in &TRUTH.checksums {
        if views.checksum(view).map_err(wrong)? != *checksum {
            return Err(format!("the view {view} is another one"));
        }
    }
    for (stream, last) in &TRUTH.runs {
        let Some((revision, bytes)) = views.snapshot(*stream).map_err(wrong)? else { continue };
        if revision.0 > *last || bytes != snapshot(*stream, revision.0, snapshot_bytes) {
            return Err(format!("a snapshot of {} of {last} events is wrong", revision.0));
        }
    }
    kept.fetch_add(usize::from(before.is_some() && before == database()), Ordering::Relaxed);
    Ok(())
}

/// Plays a life of views as a child, or looks at what a power failure may leave of it.
fn survive(test: &str, what: &str, snapshot_bytes: usize, few: usize) -> Option<Recording> {
    if let Some(folder) = children::told_where() {
        fold_all(&folder, snapshot_bytes);
        return None;
    }
    if !trace::is_installed() {
        return None;
    }
    let recording = recorded(test);
    let kept = AtomicUsize::new(0);
    check(what, &recording, few, &|folder, _| problem(folder, snapshot_bytes, &kept).err());
    let kept = kept.into_inner();
    assert!(kept > few / 10, "{kept} of {few} were not made anew");
    Some(recording)
}

#[test]
fn views_that_are_folded() {
    survive("images::views_that_are_folded", "views", 100, 300);
}

#[test]
fn views_whose_snapshots_are_flushed() {
    let this = "images::views_whose_snapshots_are_flushed";
    let Some(recording) = survive(this, "views, flushed", 400_000, 60) else { return };
    let begins_a_table = |act: &&Act| matches!(act, Act::Data(_, Data::Write { at: 0, bytes }) if bytes.starts_with(b"LSM"));
    let tables = recording.acts.iter().filter(begins_a_table).count();
    assert!(tables > 1, "{tables} tables were written");
}
