//! What a log on a disk keeps when it is closed and opened again.

use std::fs;
use std::path::Path;

use nexus_log::{Change, EventLog, FjallLog, OpenError, Options, Outcome, Position, Revision};

use crate::open;
use crate::transitions::{
    HERE, NAMES, TABLES, append, append_one, name, read_all, stream, transition, with_rows,
};
use crate::until::until;

#[test]
fn everything_is_there_again_and_positions_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..4 {
        let log = open(folder.path());
        assert_eq!(log.durable(HERE), Position(3 * u64::from(round)));
        let rows = vec![name(&format!("n{round}"), Change::PutNew(b"v".to_vec()))];
        let outcomes = append(
            &log,
            vec![
                with_rows(transition(1, 2 * round, &[b"a", b"b"]), rows),
                transition(100 + round, 0, &[b"c"]),
            ],
        );
        assert_eq!(outcomes[0], Outcome::Appended(Position(3 * u64::from(round))));
        let head = log.head();
        assert_eq!(log.verify(HERE).problems, []);
        drop(log);
        let log = open(folder.path());
        assert_eq!(log.head(), head);
        assert_eq!(read_all(&log).len(), 2 * (round as usize + 1));
        assert_eq!(log.row(NAMES, b"n0").expect("readable").as_deref(), Some(&b"v"[..]));
        assert_eq!(
            append_one(&log, transition(1, 0, &[b"a", b"b"])),
            Outcome::Repeated(Position(0))
        );
        assert_eq!(
            append_one(&log, transition(1, 0, &[b"z"])),
            Outcome::Conflict { actual: Revision(2 * round + 2) }
        );
        assert_eq!(log.status().torn_tail, None);
    }
}

/// Nothing is asked about a stream that is greater than all others, so the greatest has to be known.
#[test]
fn the_greatest_stream_is_known_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let conflict = Outcome::Conflict { actual: Revision(1) };
    for greatest in 100..103 {
        let streams = [greatest, greatest - 50];
        let log = open(folder.path());
        for stream in streams {
            let outcome = append_one(&log, transition(stream, 0, &[b"a"]));
            assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
            assert_eq!(append_one(&log, transition(stream, 0, &[b"b"])), conflict);
        }
        drop(log);
        let log = open(folder.path());
        for stream in streams {
            assert_eq!(append_one(&log, transition(stream, 0, &[b"b"])), conflict);
        }
        assert_eq!(log.verify(HERE).problems, []);
    }
}

#[test]
fn closing_completes_the_high_water_file_and_what_was_handed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path());
    let tickets: Vec<_> = (0..50)
        .map(|number| {
            let permit = log.permits().try_acquire(100).expect("free");
            log.append(nexus_log::Submission {
                partition: HERE,
                transitions: vec![transition(number, 0, &[b"a"])],
                permit,
            })
        })
        .collect();
    log.close();
    for ticket in tickets {
        assert!(matches!(ticket.wait().expect("answered")[..], [Outcome::Appended(_)]));
    }
    drop(log);
    assert_eq!(said_by_the_mark(folder.path()), Position(50));
    assert_eq!(open(folder.path()).durable(HERE), Position(50));
}

/// Up to where the high-water file says that the log had acknowledged: where it stands alone, a store is refused.
fn said_by_the_mark(store: &Path) -> Position {
    let alone = tempfile::tempdir().expect("a folder");
    fs::copy(store.join("high-water"), alone.path().join("high-water")).expect("copied");
    match FjallLog::open(alone.path(), Options::new(TABLES)) {
        Err(OpenError::EndsEarly { acknowledged, .. }) => acknowledged,
        Ok(_) => Position(0),
        Err(refusal) => panic!("{refusal:?}"),
    }
}

#[test]
fn the_high_water_file_follows_a_log_that_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path());
    for round in 0..3 {
        append_one(&log, transition(1, round, &[b"a"]));
        let end = Position(u64::from(round) + 1);
        let says_so = || (said_by_the_mark(folder.path()) == end).then_some(());
        until(&format!("the high-water file says {end}"), says_so);
    }
}

#[test]
fn a_store_is_held_by_one_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path());
    let second = FjallLog::open(folder.path(), Options::new(TABLES));
    assert!(matches!(second, Err(OpenError::Locked { is_here: true, .. })), "{second:?}");
    drop(log);
    open(folder.path());
}

#[test]
fn a_newer_and_an_older_layout_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    let open_layout = |number: u32| {
        let text = format!("nexus-log layout {number}\n");
        fs::write(folder.path().join("layout"), text).expect("written");
        FjallLog::open(folder.path(), Options::new(TABLES))
    };
    let refused = open_layout(3);
    assert!(matches!(refused, Err(OpenError::Newer { found: 3, known: 2 })), "{refused:?}");
    let refused = open_layout(1);
    assert!(matches!(refused, Err(OpenError::Older { found: 1, known: 2 })), "{refused:?}");
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("letter.txt"), "dear").expect("written");
    let refused = FjallLog::open(folder.path(), Options::new(TABLES));
    assert!(matches!(refused, Err(OpenError::NotAStore { .. })), "{refused:?}");
    let names: Vec<_> = fs::read_dir(folder.path())
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name())
        .collect();
    assert_eq!(names, ["letter.txt"]);
}

#[test]
fn a_full_segment_is_followed_by_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = || Options { segment_bytes: 2000, free_bytes_min: 0, ..Options::new(TABLES) };
    let body = [5; 500];
    for round in 0..3_u32 {
        let log = FjallLog::open(folder.path(), options()).expect("opens");
        for step in 0..10 {
            assert!(matches!(
                append_one(&log, transition(1, round * 20 + step * 2, &[&body, b"x"])),
                Outcome::Appended(_)
            ));
        }
        let frames = read_all(&log);
        assert_eq!(frames.len(), (round as usize + 1) * 10);
        for position in 0..log.durable(HERE).0 {
            let found = log.read(HERE, Position(position), 1).expect("readable");
            assert_eq!(found[0].position, Position(position - position % 2));
        }
        assert_eq!(log.read_stream(stream(1), Revision(0), 1000).expect("readable"), frames);
        assert_eq!(log.verify(HERE).problems, []);
    }
}

#[test]
fn a_disk_that_is_nearly_full_refuses_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { free_bytes_min: u64::MAX, ..Options::new(TABLES) };
    let log = FjallLog::open(folder.path(), options).expect("opens");
    let outcomes = append(&log, vec![transition(1, 0, &[b"a"]), transition(2, 0, &[b"a"])]);
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Outcome::DiskNearlyFull { .. })),
        "{outcomes:?}"
    );
    assert_eq!(outcomes.len(), 2);
    assert_eq!(log.durable(HERE), Position(0));
}

#[test]
fn a_table_may_be_added_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let fewer = Options { tables: &TABLES[..1], free_bytes_min: 0, ..Options::new(TABLES) };
    let log = FjallLog::open(folder.path(), fewer).expect("opens");
    append(
        &log,
        vec![with_rows(transition(1, 0, &[b"a"]), vec![name("k", Change::Put(b"v".to_vec()))])],
    );
    drop(log);
    let log = open(folder.path());
    assert_eq!(log.row(NAMES, b"k").expect("readable").as_deref(), Some(&b"v"[..]));
    assert_eq!(log.row(nexus_log::Table(1), b"k").expect("readable"), None);
    let mut seen = Vec::new();
    log.each_row(NAMES, &mut |key, value| seen.push((key.to_vec(), value.to_vec())))
        .expect("readable");
    assert_eq!(seen, [(b"k".to_vec(), b"v".to_vec())]);
}
