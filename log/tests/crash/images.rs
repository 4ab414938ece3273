//! Images of the disk after a power failure at any moment: each opens with everything that was acknowledged, and no group in part.

use std::path::Path;

use crate::content::{self, Verdict};
use crate::disk::Fate;
use crate::failures::{Failure, Left, check, write};
use crate::recording::{Act, Data, Recording, record};
use crate::script;

/// What is lost of a store, if anything is.
fn loss(store: &Path, acknowledged: u32) -> Option<String> {
    match content::examine(store) {
        Ok(Verdict::Holds(found)) if found >= acknowledged => None,
        Ok(verdict) => Some(format!("{verdict:?}")),
        Err(problem) => Some(problem),
    }
}

/// Records a child that plays `parts`, on a store for which others played `before`.
pub(crate) fn recorded(test: &str, before: &str, parts: &str) -> Recording {
    let folder = crate::scratch::folder();
    let store = folder.path().join("store");
    if !before.is_empty() {
        let status = script::command(test, &store, before).status().expect("starts");
        assert!(status.success(), "{before} is played");
    }
    record(&script::command(test, &store, parts), &store)
}

/// The child's part, or nothing to do.
pub(crate) fn elsewhere() -> bool {
    if let Some(store) = crate::children::told_where() {
        script::play(&store);
        return true;
    }
    !crate::trace::is_installed()
}

#[test]
fn a_store_that_is_made_and_appended_to() {
    if !elsewhere() {
        let this = "images::a_store_that_is_made_and_appended_to";
        check("making and appending", &recorded(this, "", "open small small"), 300, &loss);
    }
}

#[test]
fn what_is_appended_where_it_is_handed_over() {
    if !elsewhere() {
        let this = "images::what_is_appended_where_it_is_handed_over";
        check("appending alone", &recorded(this, "small", "alone small alone"), 300, &loss);
    }
}

#[test]
fn segments_that_are_begun() {
    if !elsewhere() {
        let this = "images::segments_that_are_begun";
        check("segments", &recorded(this, "small", "segments small"), 300, &loss);
    }
}

#[test]
fn memtables_that_are_flushed() {
    if !elsewhere() {
        let this = "images::memtables_that_are_flushed";
        check("flush", &recorded(this, "small", "flush small"), 100, &loss);
    }
}

#[test]
fn a_journal_that_is_rotated_and_tables_that_are_compacted() {
    if !elsewhere() {
        let this = "images::a_journal_that_is_rotated_and_tables_that_are_compacted";
        check("rotation and compaction", &recorded(this, "small flush", "purge small"), 30, &loss);
    }
}

#[test]
fn a_torn_tail_that_is_cut_off() {
    if elsewhere() {
        return;
    }
    let this = "images::a_torn_tail_that_is_cut_off";
    let life = recorded(this, "open", "small");
    let folder = crate::scratch::folder();
    let store = folder.path().join("store");
    let is_long =
        |act: &Act| matches!(act, Act::Data(_, Data::Write { bytes, .. }) if bytes.len() > 5000);
    let torn = life.acts.iter().rposition(is_long).expect("a long write");
    let mut disk = life.before.clone();
    for (number, act) in life.acts.iter().enumerate().take(torn + 1) {
        disk.happens(number, act, false);
    }
    write(&disk, Failure { after: torn + 1, left: Left::But(torn, Fate::Cut(4500)) }, &store);
    check("torn tail", &record(&script::command(this, &store, "small"), &store), 100, &loss);
    assert!(store.join("torn").exists(), "a tail was cut off");
}
