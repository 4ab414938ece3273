//! Tables apart: made when they are needed, and cleaned so that what was deleted is in no file.

use std::fs;
use std::path::{Path, PathBuf};

use nexus_log::{Change, EventLog, FjallLog, Outcome, Row, Table};

use crate::folders::{copy, files};
use crate::stores::open;
use crate::transitions::{HERE, append_one, read_all, transition, with_rows};

const KEYS: Table = Table(2);
const SECRET: [u8; 32] = *b"\x91a key of thirty-two bytes \xf3\x07\x42\x99\x18";

fn put(log: &FjallLog, number: u32, revision: u32, value: &[u8]) {
    let key = number.to_be_bytes().to_vec();
    let row = Row { table: KEYS, key, change: Change::Put(value.to_vec()) };
    let outcome = append_one(log, with_rows(transition(number, revision, &[b"x"]), vec![row]));
    assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
}

fn get(log: &FjallLog, number: u32) -> Option<Vec<u8>> {
    log.row(KEYS, &number.to_be_bytes()).expect("readable")
}

/// Files below a folder that hold these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let content = fs::read(path).expect("readable");
        content.windows(bytes.len()).any(|part| part == bytes)
    };
    files(folder).into_iter().filter(holds).collect()
}

fn keyspaces(store: &Path) -> usize {
    fs::read_dir(store.join("log/keyspaces")).expect("readable").count()
}

#[test]
fn a_table_apart_is_made_with_its_first_row() {
    let folder = crate::scratch::folder();
    let log = open(folder.path()).expect("is made");
    let before = keyspaces(folder.path());
    append_one(&log, transition(1, 0, &[b"x"]));
    assert_eq!((get(&log, 1), keyspaces(folder.path())), (None, before));
    assert_eq!(log.rows(KEYS, &[], &[], 10).expect("readable"), []);
    log.purge(KEYS, Vec::new()).expect("there is nothing to do");
    put(&log, 2, 0, &SECRET);
    assert_eq!((get(&log, 2), keyspaces(folder.path())), (Some(SECRET.to_vec()), before + 1));
    drop(log);
    let log = open(folder.path()).expect("opens");
    assert_eq!(get(&log, 2), Some(SECRET.to_vec()));
    assert_eq!(log.rows(KEYS, &[], &[], 10).expect("readable").len(), 1);
}

#[test]
fn what_was_deleted_is_in_no_file_after_a_purge() {
    let folder = crate::scratch::folder();
    let log = open(folder.path()).expect("is made");
    put(&log, 1, 0, &SECRET);
    put(&log, 2, 0, &[7; 32]);
    // In a table and in the journal.
    log.purge(KEYS, Vec::new()).expect("purged");
    assert_ne!(holding(folder.path(), &SECRET), Vec::<PathBuf>::new());
    put(&log, 1, 1, b"");
    assert_ne!(holding(folder.path(), &SECRET), Vec::<PathBuf>::new());

    // As a crash leaves it.
    let crashed = crate::scratch::folder();
    copy(folder.path(), crashed.path());
    drop(log);
    for path in [folder.path(), crashed.path()] {
        let log = open(path).expect("opens");
        log.purge(KEYS, Vec::new()).expect("purged");
        assert_eq!(holding(path, &SECRET), Vec::<PathBuf>::new());
        assert_eq!((get(&log, 1), get(&log, 2)), (Some(Vec::new()), Some(vec![7; 32])));
        assert_eq!(read_all(&log).len(), 3);
        assert_eq!(log.verify(HERE).problems, []);
        put(&log, 3, 0, &[8; 32]);
        drop(log);
        let log = open(path).expect("opens");
        assert_eq!((get(&log, 3), read_all(&log).len()), (Some(vec![8; 32]), 4));
    }
}

#[test]
fn a_row_that_is_deleted_at_once_is_in_no_file_after_a_purge() {
    let folder = crate::scratch::folder();
    let log = open(folder.path()).expect("is made");
    put(&log, 1, 0, &SECRET);
    put(&log, 1, 1, b"");
    log.purge(KEYS, Vec::new()).expect("purged");
    assert_eq!(holding(folder.path(), &SECRET), Vec::<PathBuf>::new());
}
