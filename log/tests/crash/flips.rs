//! Single flipped bits anywhere in a closed store: it opens with everything, or it does not open, or the damage is found when it is read.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use nexus_log::{Change, EventLog, FjallLog, Frame};

use crate::chance::Chance;
use crate::folders::{copy, files};
use crate::stores::open;
use crate::transitions::{HERE, NAMES, append, append_one, name, read_all, transition, with_rows};

/// What a store holds.
#[derive(PartialEq)]
struct Content {
    frames: Vec<Frame>,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
}

fn content(log: &FjallLog) -> Content {
    Content {
        frames: read_all(log),
        rows: log.rows(NAMES, b"", b"", usize::MAX).expect("readable"),
    }
}

/// Flips one bit, opens, and puts the bit back. Breaks if the store opened.
fn flip(store: &Path, expected: &Content, file: &Path, bit: usize) -> ControlFlow<()> {
    let copied = crate::scratch::folder();
    copy(store, copied.path());
    let path = copied.path().join(file.strip_prefix(store).expect("below the store"));
    let mut bytes = fs::read(&path).expect("readable");
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(&path, bytes).expect("written");
    let Ok(log) = open(copied.path()) else { return ControlFlow::Continue(()) };
    if log.verify(HERE).problems.is_empty() {
        assert!(
            content(&log) == *expected,
            "bit {bit} of {} was flipped and something else is there",
            file.display()
        );
    }
    ControlFlow::Break(())
}

/// Flips `flips` bits in files chosen by `chosen`; returns how many were refused.
fn sweep(store: &Path, flips: usize, chance: &mut Chance, chosen: fn(&Path) -> bool) -> usize {
    let expected = content(&open(store).expect("opens"));
    let files: Vec<_> = files(store)
        .into_iter()
        .filter(|file| chosen(file) && fs::metadata(file).expect("there").len() > 0)
        .collect();
    let sizes: Vec<_> = files
        .iter()
        .map(|file| usize::try_from(fs::metadata(file).expect("there").len()).expect("small"))
        .collect();
    let mut refused = 0;
    for _ in 0..flips {
        let mut byte = chance.below(sizes.iter().sum());
        let which = sizes
            .iter()
            .position(|size| {
                byte < *size || {
                    byte -= size;
                    false
                }
            })
            .expect("within");
        let bit = byte * 8 + chance.below(8);
        refused += usize::from(flip(store, &expected, &files[which], bit).is_continue());
    }
    refused
}

fn is_journal(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "jnl")
}

/// A store of twelve groups with rows, all of it in the journal.
fn small_store(store: &Path) {
    let log = open(store).expect("is made");
    for number in 0..12 {
        let row = name(&format!("name-{number}"), Change::PutNew(b"value".to_vec()));
        append(
            &log,
            vec![
                with_rows(transition(number, 0, &[b"begun"]), vec![row]),
                transition(number, 1, &[b"step", b"done"]),
            ],
        );
    }
    drop(log);
    drop(open(store).expect("opens, and ends the journal at its last group"));
}

#[test]
fn a_flipped_bit_in_the_journal_loses_nothing_silently() {
    let folder = crate::scratch::folder();
    small_store(folder.path());
    let refused = sweep(folder.path(), 300, &mut Chance::new(21), is_journal);
    assert!(refused >= 250, "only {refused} of 300 were noticed when opening");
}

#[test]
fn a_flipped_bit_in_any_other_file_loses_nothing_silently() {
    let folder = crate::scratch::folder();
    small_store(folder.path());
    sweep(folder.path(), 200, &mut Chance::new(22), |file| !is_journal(file));
}

#[test]
fn a_flipped_bit_in_a_store_with_tables_loses_nothing_silently() {
    let folder = crate::scratch::folder();
    let mut chance = Chance::new(23);
    let log = open(folder.path()).expect("is made");
    for number in 0..18 {
        let row = name(&format!("name-{number}"), Change::PutNew(b"value".to_vec()));
        append_one(
            &log,
            with_rows(transition(number, 0, &[&chance.bytes(1024 * 1024)]), vec![row]),
        );
    }
    drop(log);
    drop(open(folder.path()).expect("opens"));
    let tables = |file: &Path| !is_journal(file);
    sweep(folder.path(), 12, &mut chance, tables);
}
