//! Snapshots are kept beside the views.

use nexus_log::{Revision, StreamId};
use nexus_model::command::Command;
use nexus_model::event::Actor;
use nexus_projections::Views;

use crate::history::{History, end, memory_log};
use crate::site::on_each;

/// A run that sleeps, with its views.
fn sleeper(history: &mut History) -> StreamId {
    let stream = history.start(0);
    history.append();
    stream
}

/// Waits until what was put has been looked at: a transition later, at the latest.
fn settle(history: &mut History, views: &Views) {
    history.start(0);
    history.append();
    views.catch_up(end(&*history.log)).unwrap();
}

#[test]
fn the_newest_snapshot_is_kept_and_of_an_ended_run_the_last() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 61);
        let stream = sleeper(&mut history);
        let revision = Revision(history.members[0].run.revision);
        let views = site.open(&history.log);
        assert_eq!(views.snapshot(stream).unwrap(), None);
        views.put_snapshot(stream, revision, b"state".to_vec());
        settle(&mut history, &views);
        assert_eq!(views.snapshot(stream).unwrap(), Some((revision, b"state".to_vec())));

        views.put_snapshot(stream, Revision(0), b"old".to_vec());
        settle(&mut history, &views);
        assert_eq!(views.snapshot(stream).unwrap(), Some((revision, b"state".to_vec())));

        assert!(history.ask(0, Command::OfferSlots, 1) || revision.0 > 1);
        let by = Actor::default();
        history.ask(0, Command::PauseRun { by, reason: String::new() }, 0);
        history.append();
        let newer = Revision(history.members[0].run.revision);
        views.put_snapshot(stream, newer, b"newer".to_vec());
        settle(&mut history, &views);
        assert_eq!(views.snapshot(stream).unwrap(), Some((newer, b"newer".to_vec())));

        end_run(&mut history);
        settle(&mut history, &views);
        assert_eq!(views.snapshot(stream).unwrap(), None);
        views.put_snapshot(stream, newer, b"too late".to_vec());
        settle(&mut history, &views);
        assert_eq!(views.snapshot(stream).unwrap(), None);
        let last = Revision(history.members[0].run.revision);
        views.put_snapshot(stream, last, b"last".to_vec());
        settle(&mut history, &views);
        assert_eq!(views.snapshot(stream).unwrap(), Some((last, b"last".to_vec())));
    });
}

/// Cancels the first run.
fn end_run(history: &mut History) {
    let by = Actor::default();
    history.ask(0, Command::CancelRun { by, reason: String::new(), undo: true }, 0);
    let run = &history.members[0].run;
    let attempts: Vec<_> = run.running().map(|step| (step, run.step_run(step).attempt)).collect();
    for (step, attempt) in attempts {
        let failure = nexus_model::event::Failure::default();
        history.ask(0, Command::FailStep { step, attempt, failure }, 0);
    }
    assert!(history.members[0].run.status.is_terminal());
    history.append();
}

#[test]
fn a_snapshot_ahead_of_the_log_is_dropped() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 62);
        let stream = sleeper(&mut history);
        let views = site.open(&history.log);
        let ahead = Revision(history.members[0].run.revision + 1);
        views.put_snapshot(stream, ahead, b"not yet".to_vec());
        views.put_snapshot(StreamId([3; 16]), Revision(1), b"nobody".to_vec());
        settle(&mut history, &views);
        assert_eq!(views.snapshot(stream).unwrap(), None);
        assert_eq!(views.snapshot(StreamId([3; 16])).unwrap(), None);
    });
}

#[test]
fn too_many_snapshots_are_dropped_silently() {
    on_each(|site| {
        let mut history = History::new(memory_log(), 63);
        let stream = sleeper(&mut history);
        let views = site.open(&history.log);
        let revision = Revision(history.members[0].run.revision);
        views.put_snapshot(stream, revision, vec![0; 100 << 20]);
        settle(&mut history, &views);
        assert_eq!(views.snapshot(stream).unwrap(), None);
        views.put_snapshot(stream, revision, b"small".to_vec());
        settle(&mut history, &views);
        assert!(views.snapshot(stream).unwrap().is_some());
    });
}

#[test]
fn snapshots_outlive_the_process_and_not_the_folder() {
    let site = crate::site::Site::folder();
    let mut history = History::new(memory_log(), 64);
    let stream = sleeper(&mut history);
    let revision = Revision(history.members[0].run.revision);
    let views = site.open(&history.log);
    views.put_snapshot(stream, revision, b"state".to_vec());
    drop(views);
    assert!(site.open(&history.log).snapshot(stream).unwrap().is_some());
    std::fs::remove_dir_all(site.path()).unwrap();
    assert_eq!(site.open(&history.log).snapshot(stream).unwrap(), None);
}
