//! A journal that ends anywhere within its last group, in any of the ways that a crash leaves behind.

use std::fs;

use nexus_log::{EventLog, Position};

use crate::chance::Chance;
use crate::stores::{Store, open};
use crate::transitions::{HERE, read_all};

/// Opens the store with these bytes as its journal and finds the first two groups, or all three if nothing was lost.
fn check(store: &Store, journal: &[u8], whole: &[u8], what: &str) {
    fs::write(store.journal(), journal).expect("written");
    store.forget_the_last_acknowledgement();
    let log = open(store.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let groups = if journal == whole { 3 } else { 2 };
    assert_eq!(log.durable(HERE), Position(groups), "{what}");
    assert_eq!(read_all(&log).len() as u64, groups, "{what}");
}

#[test]
fn a_last_group_cut_at_any_length_leaves_those_before_it() {
    let store = Store::with_groups(&[b"first", b"second", b"third"]);
    let whole = fs::read(store.journal()).expect("readable");
    for length in store.start(2)..=whole.len() {
        check(&store, &whole[..length], &whole, &format!("cut at {length}"));
    }
}

#[test]
fn a_last_group_with_any_bytes_zeroed_leaves_those_before_it() {
    let mut chance = Chance::new(11);
    let third = chance.bytes(30_000);
    let store = Store::with_groups(&[b"first", b"second", &third]);
    let whole = fs::read(store.journal()).expect("readable");
    let last = store.start(2)..store.end(2);
    for _ in 0..100 {
        let mut journal = whole.clone();
        let from = last.start + chance.below(last.len());
        let to = from + chance.below(last.end - from) + 1;
        journal[from..to].fill(0);
        if chance.below(2) == 0 {
            journal.resize(1024 * 1024, 0);
        }
        check(&store, &journal, &whole, &format!("zeros from {from} to {to}"));
    }
}
