//! Stores to break.

use std::fs;
use std::path::{Path, PathBuf};

use nexus_log::{FjallLog, OpenError, Options, Outcome};
use tempfile::TempDir;

use crate::transitions::{TABLES, append_one, transition};

/// Options for tests, which do not care how full the disk is.
pub(crate) fn options() -> Options {
    Options { free_bytes_min: 0, ..Options::new(TABLES) }
}

/// Opens the store in `path`.
pub(crate) fn open(path: &Path) -> Result<FjallLog, OpenError> {
    FjallLog::open(path, options())
}

/// A closed store with the sizes that its journal had after each group.
pub(crate) struct Store {
    folder: TempDir,
    /// Where each group ends in the journal.
    pub(crate) ends: Vec<u64>,
    /// The high-water file as it was before each group.
    pub(crate) marks: Vec<Vec<u8>>,
}

impl Store {
    /// Makes a store with one group for each body, all in one stream.
    pub(crate) fn with_groups(bodies: &[&[u8]]) -> Self {
        let folder = crate::scratch::folder();
        let mut store = Self { folder, ends: Vec::new(), marks: Vec::new() };
        drop(open(store.path()).expect("is made"));
        for (number, body) in (0..).zip(bodies) {
            store.marks.push(fs::read(store.mark()).expect("readable"));
            let log = open(store.path()).expect("opens");
            assert!(matches!(
                append_one(&log, transition(1, number, &[body])),
                Outcome::Appended(_)
            ));
            drop(log);
            drop(open(store.path()).expect("opens, and ends the journal at its last group"));
            store.ends.push(fs::metadata(store.journal()).expect("there").len());
        }
        store
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path().join("log/0.jnl")
    }

    pub(crate) fn mark(&self) -> PathBuf {
        self.path().join("high-water")
    }

    /// Where the group with this number begins in the journal.
    pub(crate) fn start(&self, group: usize) -> usize {
        group.checked_sub(1).map_or(0, |before| usize::try_from(self.ends[before]).expect("small"))
    }

    /// Where it ends.
    pub(crate) fn end(&self, group: usize) -> usize {
        usize::try_from(self.ends[group]).expect("small")
    }

    /// Makes the store one that crashed before the last group was acknowledged.
    pub(crate) fn forget_the_last_acknowledgement(&self) {
        fs::write(self.mark(), self.marks.last().expect("a group")).expect("written");
    }

    /// Changes the bytes of the journal.
    pub(crate) fn damage(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.journal()).expect("readable");
        change(&mut bytes);
        fs::write(self.journal(), bytes).expect("written");
    }
}
