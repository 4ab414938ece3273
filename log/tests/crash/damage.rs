//! The table of damages: what a crash, a bad disk or a careless restore does to a journal, and what opening makes of it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use nexus_log::{EventLog, FjallLog, OpenError, Options, Outcome, Position};

use crate::chance::Chance;
use crate::folders::{copy, files};
use crate::stores::{Store, open, options};
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

/// The sequence number of a batch: the storage engine's checksum does not cover it.
fn set_sequence(store: &Store, group: usize, change: impl FnOnce(u64) -> u64) {
    let at = store.start(group) + 5;
    store.damage(|bytes| {
        let number: [u8; 8] = bytes[at..at + 8].try_into().expect("eight bytes");
        bytes[at..at + 8].copy_from_slice(&change(u64::from_le_bytes(number)).to_le_bytes());
    });
}

/// The first write of the group reached the disk in part, and the others whole.
#[test]
fn a_last_group_whose_sequence_number_is_cut_off_is_dropped_unless_it_was_acknowledged() {
    let store = five_groups();
    set_sequence(&store, 4, |_| 0);
    assert!(matches!(is_refused(&store), OpenError::EndsEarly { .. }));
    store.forget_the_last_acknowledgement();
    let torn = opens_with(&store, 4).status().torn_tail.expect("reported");
    assert_eq!(torn.offset, store.start(4) as u64);
}

#[test]
fn a_sequence_number_that_is_wrong_otherwise_is_refused() {
    // Where it is greater than all behind it, those are too small, as if they were cut off.
    for (group, added) in [(4, -1), (4, 1 << 40), (2, -2), (2, 1 << 16)] {
        let store = five_groups();
        store.forget_the_last_acknowledgement();
        set_sequence(&store, group, |number| number.saturating_add_signed(added));
        assert!(matches!(is_refused(&store), OpenError::Damaged { .. }), "{group}");
    }
}

#[test]
fn a_sequence_number_that_makes_the_last_one_too_small_is_refused() {
    let store = five_groups();
    set_sequence(&store, 3, |number| number + (1 << 16));
    assert!(matches!(is_refused(&store), OpenError::EndsEarly { .. }));
}

#[test]
fn a_torn_tail_is_counted_only_if_the_store_opens_without_it() {
    let store = five_groups();
    let start = store.start(4);
    store.damage(|bytes| bytes[start + 5 * PAGE..start + 6 * PAGE].fill(0));
    assert_eq!(counted(|| drop(is_refused(&store))), 0);
    store.forget_the_last_acknowledgement();
    assert_eq!(counted(|| drop(open(store.path()).expect("opens"))), 1);
}

/// How often `work` counts a torn tail.
fn counted(work: impl FnOnce()) -> u64 {
    let tails = TornTails::default();
    metrics::with_local_recorder(&tails, work);
    tails.0.load(Ordering::Relaxed)
}

/// A recorder that keeps one counter.
#[derive(Default)]
struct TornTails(Arc<AtomicU64>);

impl Recorder for TornTails {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "nexus_log_torn_tails_total" => Counter::from_arc(Arc::clone(&self.0)),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
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
    assert!(matches!(refusal, OpenError::HighWater { .. }), "{refusal:?}");
    fs::remove_file(store.mark()).expect("removed");
    let refusal = is_refused(&store);
    assert!(matches!(refusal, OpenError::HighWater { .. }), "{refusal:?}");
    let accepting = Options { accept_data_loss: true, ..options() };
    drop(FjallLog::open(store.path(), accepting).expect("opens"));
    opens_with(&store, 2);
}

#[test]
fn a_damaged_part_of_the_database_is_named() {
    let part = |store: &Store, part: &str| store.path().join("log").join(part);
    let damages: [&dyn Fn(&Store); 4] = [
        &|store| fs::write(part(store, "version"), b"nonsense").expect("written"),
        &|store| fs::write(part(store, "version"), b"").expect("written"),
        &|store| fs::write(part(store, "keyspaces/0/current"), b"nonsense").expect("written"),
        &|store| fs::remove_file(part(store, "keyspaces/0/current")).expect("removed"),
    ];
    for damage in damages {
        let store = Store::with_groups(&[b"one"]);
        damage(&store);
        let refusal = open(store.path()).expect_err("is refused");
        let database = store.path().join("log");
        assert!(
            matches!(&refusal, OpenError::Storage { path, .. } if *path == database),
            "{refusal:?}"
        );
    }
}

#[test]
fn a_store_with_a_damaged_layout_file_is_damaged() {
    let store = Store::with_groups(&[b"one"]);
    let layout = store.path().join("layout");
    for content in [&b""[..], b"nonsense", b"\xff\xfe", b"nexus-log layout 0\n"] {
        fs::write(&layout, content).expect("written");
        let refusal = is_refused(&store);
        assert!(matches!(refusal, OpenError::Layout { .. }), "{refusal:?}");
    }
    fs::remove_file(&layout).expect("removed");
    let refusal = is_refused(&store);
    assert!(matches!(refusal, OpenError::Layout { .. }), "{refusal:?}");
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

/// A store whose groups have left the journal for tables, and the largest of these.
fn store_with_tables() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = crate::scratch::folder();
    let mut chance = Chance::new(29);
    let log = open(folder.path()).expect("is made");
    for number in 0..18 {
        append_one(&log, transition(number, 0, &[&chance.bytes(1024 * 1024)]));
    }
    drop(log);
    drop(open(folder.path()).expect("opens"));
    let is_table = |path: &std::path::PathBuf| {
        path.parent().is_some_and(|folder| folder.file_name().is_some_and(|name| name == "tables"))
    };
    let tables = files(folder.path()).into_iter().filter(is_table);
    let largest = tables.max_by_key(|path| fs::metadata(path).expect("there").len());
    let largest = largest.expect("some groups are in tables");
    let table = largest.strip_prefix(folder.path()).expect("below it").to_owned();
    (folder, table)
}

/// Does something to a file.
type Damage = dyn Fn(&std::path::Path);

#[test]
fn a_damaged_table_is_named_when_it_is_opened_or_read() {
    let (whole, table) = store_with_tables();
    let damages: [(&str, &Damage); 3] = [
        ("a flipped byte", &|path| {
            let mut bytes = fs::read(path).expect("readable");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            fs::write(path, bytes).expect("written");
        }),
        ("cut in half", &|path| {
            let bytes = fs::read(path).expect("readable");
            fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
        }),
        ("missing", &|path| fs::remove_file(path).expect("removed")),
    ];
    for (what, damage) in damages {
        let broken = crate::scratch::folder();
        copy(whole.path(), broken.path());
        damage(&broken.path().join(&table));
        match open(broken.path()) {
            Err(refusal) => {
                assert!(matches!(refusal, OpenError::Storage { .. }), "{what}: {refusal:?}");
            }
            Ok(log) => assert_ne!(log.verify(HERE).problems, [], "{what} is not noticed"),
        }
    }
    assert_eq!(open(whole.path()).expect("opens").verify(HERE).problems, []);
}
