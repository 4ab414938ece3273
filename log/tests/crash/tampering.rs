//! Histories changed behind the log's back, by somebody who knows the format: verification says what and where.

use std::fs;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use nexus_log::{EventLog, OpenError, Position, Problem, ReadError, Revision};

use crate::stores::open;
use crate::transitions::{HERE, append, stream, transition};

const CRC: std::ops::Range<usize> = 4..8;
const CHAIN: std::ops::Range<usize> = 44..60;
const RECORDS: usize = 60;

/// Makes a store with two streams, lets `tamper` at its database, and returns what verification finds.
fn problems(tamper: impl FnOnce(&Tampered)) -> Vec<Problem> {
    let folder = crate::scratch::folder();
    let log = open(folder.path()).expect("is made");
    append(&log, vec![transition(1, 0, &[b"aaaa"]), transition(2, 0, &[b"bbbb", b"cccc"])]);
    let mut last = transition(1, 1, &[b"dddd"]);
    last.payloads.push((*blake3::hash(b"payload").as_bytes(), (*b"payload").into()));
    append(&log, vec![last]);
    append(&log, vec![transition(3, 0, &[b"eeee"])]);
    drop(log);
    let db = Database::builder(folder.path().join("log")).open().expect("opens");
    tamper(&Tampered { db });
    let log = open(folder.path()).expect("opens");
    let report = log.verify(HERE);
    if report.problems.is_empty() {
        assert_eq!((report.frames, report.records, report.streams, report.payloads), (4, 5, 3, 1));
    }
    report.problems
}

struct Tampered {
    db: Database,
}

impl Tampered {
    fn keyspace(&self, name: &str) -> Keyspace {
        self.db.keyspace(name, KeyspaceCreateOptions::default).expect("there")
    }

    fn frames(&self) -> Keyspace {
        self.keyspace("ev-000001")
    }

    /// Changes the frame at `position` and makes its checksum right again.
    fn rewrite(&self, position: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let key = position.to_be_bytes();
        let mut frame = self.frames().get(key).expect("readable").expect("there").to_vec();
        change(&mut frame);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..]);
        frame[CRC].copy_from_slice(&crc.to_le_bytes());
        self.frames().insert(key, frame.as_slice()).expect("written");
    }
}

fn index_key(number: u32, revision: u32) -> Vec<u8> {
    [&stream(number).0[..], &revision.to_be_bytes()].concat()
}

#[test]
fn an_honest_store_has_no_problem() {
    assert_eq!(problems(|_| {}), []);
}

#[test]
fn a_damaged_frame_is_found() {
    let found =
        problems(|store| store.frames().insert(1_u64.to_be_bytes(), b"nonsense").expect("written"));
    assert!(matches!(found[0], Problem::Frame { at: Position(1), .. }), "{found:?}");
    assert!(found.contains(&Problem::Head { at: Position(5) }), "{found:?}");
}

#[test]
fn a_removed_frame_is_a_hole() {
    let found = problems(|store| store.frames().remove(1_u64.to_be_bytes()).expect("removed"));
    assert_eq!(found[0], Problem::Hole { from: Position(1), to: Position(3) });
    assert!(
        found.contains(&Problem::IndexExtra {
            stream: stream(2),
            revision: Revision(0),
            at: Position(1)
        }),
        "{found:?}"
    );
}

#[test]
fn a_hole_is_an_error_for_readers() {
    let folder = crate::scratch::folder();
    let log = open(folder.path()).expect("is made");
    for revision in 0..3 {
        append(&log, vec![transition(1, revision, &[b"a"])]);
    }
    drop(log);
    let db = Database::builder(folder.path().join("log")).open().expect("opens");
    Tampered { db }.frames().remove(1_u64.to_be_bytes()).expect("removed");
    let log = open(folder.path()).expect("opens");
    assert!(matches!(log.read(HERE, Position(0), 1000), Err(ReadError::Hole { at: Position(1) })));
    assert!(matches!(log.read(HERE, Position(1), 1000), Err(ReadError::Hole { at: Position(1) })));
    assert!(log.read(HERE, Position(2), 1000).is_ok());
    assert!(matches!(
        log.read_stream(stream(1), Revision(0), 9),
        Err(ReadError::Index { at: Position(1), .. })
    ));
}

#[test]
fn a_rewritten_record_breaks_the_chain() {
    let found = problems(|store| store.rewrite(0, |frame| frame[RECORDS + 8] = b'z'));
    assert_eq!(
        found,
        [Problem::Chain { stream: stream(1), at: Position(0) }, Problem::Head { at: Position(5) }]
    );
}

/// What the high-water file does not name yet was synced all the same: it is not taken on trust.
#[test]
fn a_frame_behind_the_mark_that_breaks_its_chain_is_refused() {
    let folder = crate::scratch::folder();
    let (store, mark) = (folder.path(), folder.path().join("high-water"));
    let log = open(store).expect("is made");
    append(&log, vec![transition(1, 0, &[b"aaaa"])]);
    drop(log);
    let earlier = fs::read(&mark).expect("readable");
    let log = open(store).expect("opens");
    append(&log, vec![transition(1, 1, &[b"bbbb"])]);
    drop(log);
    fs::write(&mark, &earlier).expect("written");
    assert_eq!(open(store).expect("opens").durable(HERE), Position(2));
    fs::write(&mark, &earlier).expect("written");
    let db = Database::builder(store.join("log")).open().expect("opens");
    Tampered { db }.rewrite(1, |frame| frame[RECORDS + 8] = b'z');
    let refusal = open(store).expect_err("is refused");
    assert!(matches!(refusal, OpenError::Differs { at: Position(1) }), "{refusal:?}");
}

#[test]
fn a_rewritten_stream_with_a_chain_that_fits_shows_in_the_head() {
    let found = problems(|store| {
        store.rewrite(1, |frame| {
            frame[RECORDS + 8] = b'z';
            let parts =
                [&[0; 16][..], &frame[16..32], &frame[12..16], &frame[32..40], &frame[RECORDS..]]
                    .concat();
            frame[CHAIN].copy_from_slice(&blake3::hash(&parts).as_bytes()[..16]);
        });
    });
    assert_eq!(found, [Problem::Head { at: Position(5) }]);
}

#[test]
fn a_frame_that_changes_its_stream_is_found() {
    let found =
        problems(|store| store.rewrite(3, |frame| frame[16..32].copy_from_slice(&stream(2).0)));
    let elsewhere = Problem::Revision {
        stream: stream(2),
        at: Position(3),
        expected: Revision(2),
        found: Revision(1),
    };
    assert!(found.contains(&elsewhere), "{found:?}");
    assert!(
        found.contains(&Problem::IndexExtra {
            stream: stream(1),
            revision: Revision(1),
            at: Position(3)
        }),
        "{found:?}"
    );
}

#[test]
fn a_removed_row_of_the_index_is_found() {
    let found = problems(|store| store.keyspace("st").remove(index_key(2, 0)).expect("removed"));
    assert_eq!(found, [Problem::IndexMissing { stream: stream(2), at: Position(1) }]);
}

#[test]
fn an_invented_row_of_the_index_is_found() {
    let row = [&1_u64.to_be_bytes()[..], &2_u32.to_be_bytes()].concat();
    let found =
        problems(|store| store.keyspace("st").insert(index_key(9, 0), row).expect("written"));
    assert_eq!(
        found,
        [Problem::IndexExtra { stream: stream(9), revision: Revision(0), at: Position(1) }]
    );
}

#[test]
fn a_changed_payload_is_found() {
    let hash = *blake3::hash(b"payload").as_bytes();
    let found =
        problems(|store| store.keyspace("payload").insert(hash, b"paylord").expect("written"));
    assert_eq!(found, [Problem::Payload { hash }]);
}
