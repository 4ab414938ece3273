//! A store written by an earlier build opens with everything in it. If this fails, the format has changed: that is a new layout, not a new fixture.

use std::path::{Path, PathBuf};

use nexus_log::{EventLog, Position};

use crate::folders::copy;
use crate::stores::open;
use crate::transitions::{HERE, NAMES, append, bodies, name, read_all, transition, with_rows};

/// The head of the chain of the fixture's events.
const HEAD: &str = "c9f3379f3999a7a1b90a71e30673df6b5c91fefc92f1d64a180c4fdb1b34b770";

#[test]
fn a_store_of_layout_2_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-2"), folder.path());
    let log = open(folder.path()).expect("opens");
    assert_eq!(log.durable(HERE), Position(5));
    let frames = read_all(&log);
    assert_eq!(
        frames.iter().flat_map(bodies).collect::<Vec<_>>(),
        [&b"begun"[..], b"step", b"done", b"begun", b"step"]
    );
    assert_eq!(log.row(NAMES, b"wf-001").expect("readable").as_deref(), Some(&b"first"[..]));
    assert_eq!(log.verify(HERE).problems, []);
    assert_eq!(log.head().to_string(), HEAD);
}

/// Writes the store of the fixture with this build: the same events have the same hashes. `NEXUS_WRITE_FIXTURES` names a new
/// folder that the store is written into, for a new layout.
#[test]
fn this_build_writes_what_is_in_the_fixture() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = std::env::var_os("NEXUS_WRITE_FIXTURES").map(PathBuf::from);
    let path = new.unwrap_or_else(|| folder.path().to_owned());
    let log = open(&path).expect("is made");
    let row = |key: &str, value: &[u8]| vec![name(key, nexus_log::Change::PutNew(value.to_vec()))];
    let mut second = with_rows(transition(2, 0, &[b"begun"]), row("wf-002", b"second"));
    let payload: std::sync::Arc<[u8]> = vec![42; 10_000].into();
    second.payloads.push((*blake3::hash(&payload).as_bytes(), payload));
    append(&log, vec![with_rows(transition(1, 0, &[b"begun"]), row("wf-001", b"first"))]);
    append(&log, vec![transition(1, 1, &[b"step", b"done"]), second]);
    append(&log, vec![transition(2, 1, &[b"step"])]);
    drop(log);
    let log = open(&path).expect("opens, and ends the journal at its last group");
    assert_eq!(log.durable(HERE), Position(5));
    assert_eq!(log.head().to_string(), HEAD);
}
