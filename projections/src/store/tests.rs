//! What every store promises.

use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Change, FjallStore, MemoryStore, Table, ViewStore};
use crate::checkpoint;

fn on_every_store(check: impl Fn(&dyn ViewStore)) {
    check(&MemoryStore::default());
    let folder = tempfile::tempdir().expect("a folder");
    check(&FjallStore::open(folder.path()).expect("it opens"));
}

fn put(table: Table, key: &[u8], value: &[u8]) -> Change {
    Change { table, key: key.to_vec(), value: Some(value.to_vec()) }
}

fn remove(table: Table, key: &[u8]) -> Change {
    Change { table, key: key.to_vec(), value: None }
}

fn keys(store: &dyn ViewStore, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Vec<Vec<u8>> {
    let rows = store.read();
    let keys = rows.range(Table::Runs, from, to).map(|row| row.expect("readable").0);
    keys.collect()
}

#[test]
fn rows_are_put_replaced_and_removed() {
    on_every_store(|store| {
        store.commit(vec![put(Table::Runs, b"a", b"1"), put(Table::Names, b"a", b"2")]).unwrap();
        store.commit(vec![put(Table::Runs, b"a", b"3"), remove(Table::Names, b"a")]).unwrap();
        assert_eq!(store.read().get(Table::Runs, b"a").unwrap().unwrap(), b"3");
        assert_eq!(store.read().get(Table::Names, b"a").unwrap(), None);
        assert_eq!(store.read().get(Table::Marks, b"a").unwrap(), None);
    });
}

#[test]
fn ranges_are_in_order_from_both_ends() {
    on_every_store(|store| {
        let rows = [&b"b"[..], b"a", b"bb", b"c"].map(|key| put(Table::Runs, key, b""));
        store.commit(rows.to_vec()).unwrap();
        assert_eq!(keys(store, Bound::Unbounded, Bound::Unbounded), [&b"a"[..], b"b", b"bb", b"c"]);
        assert_eq!(keys(store, Bound::Included(b"b"), Bound::Excluded(b"c")), [&b"b"[..], b"bb"]);
        assert_eq!(keys(store, Bound::Excluded(b"b"), Bound::Unbounded), [&b"bb"[..], b"c"]);
        let rows = store.read();
        let last = rows.all(Table::Runs).next_back().unwrap().unwrap();
        assert_eq!(last.0, b"c");
    });
}

#[test]
fn a_reset_store_is_empty_and_goes_on() {
    on_every_store(|store| {
        store.commit(vec![put(Table::Runs, b"a", b"1")]).unwrap();
        store.reset().unwrap();
        assert_eq!(keys(store, Bound::Unbounded, Bound::Unbounded), Vec::<Vec<u8>>::new());
        store.commit(vec![put(Table::Runs, b"b", b"1")]).unwrap();
        assert_eq!(keys(store, Bound::Unbounded, Bound::Unbounded), [b"b"]);
    });
}

#[test]
fn a_store_that_is_opened_again_has_its_rows_and_goes_on() {
    on_every_store(|store| {
        store.commit(vec![put(Table::Runs, b"a", b"1")]).unwrap();
        store.reopen().unwrap();
        store.commit(vec![put(Table::Runs, b"b", b"1")]).unwrap();
        assert_eq!(keys(store, Bound::Unbounded, Bound::Unbounded), [b"a", b"b"]);
    });
}

#[test]
fn a_batch_is_seen_as_a_whole() {
    on_every_store(|store| {
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..2000_u32 {
                    let value = round.to_be_bytes();
                    let tables = [Table::Meta, Table::Runs, Table::Metrics];
                    store.commit(tables.map(|table| put(table, b"x", &value)).to_vec()).unwrap();
                }
                is_done.store(true, Ordering::SeqCst);
            });
            while !is_done.load(Ordering::SeqCst) {
                let rows = store.read();
                let meta = rows.get(Table::Meta, b"x").unwrap();
                assert_eq!(rows.get(Table::Runs, b"x").unwrap(), meta);
                assert_eq!(rows.get(Table::Metrics, b"x").unwrap(), meta);
            }
        });
    });
}

#[test]
fn what_was_made_and_never_used_is_no_other_layout() {
    on_every_store(|store| {
        assert!(checkpoint::is_unused(&*store.read()).expect("readable"));
        store.commit(vec![put(Table::Runs, b"a", b"1")]).expect("room");
        assert!(!checkpoint::is_unused(&*store.read()).expect("readable"));
    });
}
