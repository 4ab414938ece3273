//! The table of damages: what a crash, a bad disk or a careless restore does to a journal, and what opening makes of it.

use std::fs;

use nexus_log::{EventLog, FjallLog, OpenError, Options, Outcome, Position};

use crate::stores::{Chance, Store, copy, files, open, options};
use crate::transitions::{HERE, append_one, bodies, read_all, transition};

const PAGE: usize = 4096;

fn five_groups() -> Store {
    let mut chance = Chance::new(5);
    let groups: Vec<_> = (0..5).map(|_| chance.bytes(64 * 1024)).collect();
    Store::with_groups(&groups.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Opens and finds the first `groups` groups, and can go on.
fn opens_with(store: &Store, groups: u32) -> FjallLog {
    let log = open(store.path()).expect("opens");
    assert_eq!(read_all(&log).len(), groups as usize);
    assert_eq!(log.verify(HERE).problems, []);
    assert_eq!(
        append_one(&log, transition(1, groups, &[b"goes on"])),
        Outcome::Appended(Position(u64::from(groups)))
    );
    log
}

/// Refuses, and changes nothing.
fn is_refused(store: &Store) -> OpenError {
    let content = || -> Vec<_> {
        files(store.path())
            .into_iter()
            .map(|path| (fs::read(&path).expect("readable"), path))
            .collect()
    };
    let before = content();
    let refusal = open(store.path()).expect_err("is refused");
    assert!(before == content(), "a refusal changes nothing");
    refusal
}

#[test]
fn a_last_group_that_is_cut_off_is_dropped() {
    let store = five_groups();
    store.forget_the_last_acknowledgement();
    let (start, end) = (store.start(4), store.end(4));
    store.damage(|bytes| bytes[start + 10_000..end].fill(0));
    let log = opens_with(&store, 4);
    assert_eq!(log.status().torn_tail.expect("reported").bytes, 10_000);
}

#[test]
fn a_last_group_whose_first_page_is_zero_is_dropped() {
    let store = five_groups();
    store.forget_the_last_acknowledgement();
    let start = store.start(4);
    store.damage(|bytes| bytes[start..start + PAGE].fill(0));
    opens_with(&store, 4);
}

#[test]
fn a_last_group_with_a_page_of_zeros_inside_is_dropped_and_a_copy_is_kept() {
    let store = five_groups();
    store.forget_the_last_acknowledgement();
    let (start, end) = (store.start(4), store.end(4));
    store.damage(|bytes| bytes[start + 5 * PAGE..start + 6 * PAGE].fill(0));
    let damaged = fs::read(store.journal()).expect("readable");
    let log = opens_with(&store, 4);
    let torn = log.status().torn_tail.expect("reported");
    assert_eq!((torn.offset, torn.bytes), (start as u64, (end - start) as u64));
    assert_eq!(fs::read(&torn.copy).expect("readable"), damaged[start..end]);
    drop(log);
    assert_eq!(open(store.path()).expect("opens").status().torn_tail, None, "it is reported once");
}

#[test]
fn a_flipped_byte_of_a_value_in_the_middle_is_refused() {
    let store = five_groups();
    let start = store.start(2);
    store.damage(|bytes| bytes[start + 2000] ^= 0x10);
    let refusal = is_refused(&store);
    assert!(
        matches!(refusal, OpenError::Damaged { offset, .. } if offset == start as u64),
        "{refusal:?}"
    );
}

#[test]
fn a_flipped_byte_of_the_framing_in_the_middle_is_refused() {
    for byte in [0, 1, 6, 13, 14, 15, 16, 24, 26, 30] {
        let store = five_groups();
        let start = store.start(2);
        store.damage(|bytes| bytes[start + byte] ^= 0x40);
        let refusal = is_refused(&store);
        assert!(matches!(refusal, OpenError::Damaged { .. }), "byte {byte}: {refusal:?}");
    }
}

#[test]
fn a_torn_group_that_was_acknowledged_is_refused() {
    let store = five_groups();
    let start = store.start(4);
    store.damage(|bytes| bytes[start + 5 * PAGE..start + 6 * PAGE].fill(0));
    let refusal = is_refused(&store);
    assert!(
        matches!(refusal, OpenError::EndsEarly { found: Position(4), acknowledged: Position(5) }),
        "{refusal:?}"
    );
    let accepting = Options { accept_data_loss: true, ..options() };
    let log = FjallLog::open(store.path(), accepting).expect("opens");
    assert_eq!(log.durable(HERE), Position(4));
    assert!(log.status().torn_tail.expect("reported").copy.exists());
}

#[test]
fn an_older_copy_of_the_journal_is_refused_unless_the_loss_is_accepted() {
    let store = five_groups();
    let end = store.end(2);
    store.damage(|bytes| bytes.truncate(end));
    let refusal = is_refused(&store);
    assert!(
        matches!(refusal, OpenError::EndsEarly { found: Position(3), acknowledged: Position(5) }),
        "{refusal:?}"
    );
    let accepting = Options { accept_data_loss: true, ..options() };
    let log = FjallLog::open(store.path(), accepting).expect("opens");
    assert_eq!((log.durable(HERE), log.verify(HERE).problems), (Position(3), Vec::new()));
    drop(log);
    opens_with(&store, 3);
}

#[test]
fn another_history_of_the_same_length_is_refused() {
    let store = Store::with_groups(&[b"one", b"two"]);
    let other = crate::scratch::folder();
    copy(store.path(), other.path());
    append_one(&open(store.path()).expect("opens"), transition(1, 2, &[b"ours"]));
    append_one(&open(other.path()).expect("opens"), transition(1, 2, &[b"theirs"]));
    fs::copy(store.mark(), other.path().join("high-water")).expect("copied");
    let refusal = open(other.path()).expect_err("is refused");
    assert!(matches!(refusal, OpenError::Differs { at: Position(3) }), "{refusal:?}");
}

#[test]
fn a_lost_database_is_refused_unless_the_loss_is_accepted() {
    let store = Store::with_groups(&[b"one"]);
    fs::remove_dir_all(store.path().join("log")).expect("removed");
    let refusal = is_refused(&store);
    assert!(
        matches!(refusal, OpenError::EndsEarly { found: Position(0), acknowledged: Position(1) }),
        "{refusal:?}"
    );
    let accepting = Options { accept_data_loss: true, ..options() };
    let log = FjallLog::open(store.path(), accepting).expect("opens");
    assert_eq!(log.durable(HERE), Position(0));
}

#[test]
fn a_lost_high_water_file_is_refused_unless_the_loss_is_accepted() {
    let store = Store::with_groups(&[b"one", b"two"]);
    fs::write(store.mark(), [0; 8192]).expect("written");
    let refusal = is_refused(&store);
    assert!(matches!(refusal, OpenError::Io { .. }), "{refusal:?}");
    let accepting = Options { accept_data_loss: true, ..options() };
    drop(FjallLog::open(store.path(), accepting).expect("opens"));
    opens_with(&store, 2);
}

#[test]
fn groups_behind_the_mark_are_kept() {
    let store = Store::with_groups(&[b"one", b"two", b"three"]);
    let head = open(store.path()).expect("opens").head();
    fs::write(store.mark(), &store.marks[1]).expect("written");
    let log = open(store.path()).expect("opens");
    assert_eq!(log.head(), head, "the head is computed again");
    assert_eq!(
        read_all(&log).iter().map(bodies).collect::<Vec<_>>(),
        [[b"one".to_vec()], [b"two".to_vec()], [b"three".to_vec()]]
    );
    assert_eq!(log.verify(HERE).problems, []);
}
