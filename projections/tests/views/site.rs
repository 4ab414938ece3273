//! Sites: where views are kept. Every test of behaviour runs on each.

use std::path::PathBuf;
use std::sync::Arc;

use nexus_log::EventLog;
use nexus_projections::{Checksum, Views};
use tempfile::TempDir;

use crate::history::end;
use crate::scratch;

/// A place for views.
pub(crate) enum Site {
    Memory,
    Folder(TempDir),
}

impl Site {
    pub(crate) fn folder() -> Self {
        Self::Folder(scratch::folder())
    }

    pub(crate) fn open(&self, log: &Arc<dyn EventLog>) -> Views {
        match self {
            Self::Memory => Views::in_memory(Arc::clone(log)).unwrap(),
            Self::Folder(_) => Views::open(&self.path(), Arc::clone(log)).unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::Memory => panic!("memory has no path"),
            Self::Folder(folder) => folder.path().join("views"),
        }
    }
}

/// Runs a test on each site.
pub(crate) fn on_each(test: impl Fn(&Site)) {
    test(&Site::Memory);
    test(&Site::folder());
}

/// The checksums of all views once they have caught up.
pub(crate) fn checksums(views: &Views, log: &dyn EventLog) -> Vec<(&'static str, Checksum)> {
    views.catch_up(end(log)).unwrap();
    let checksum = |name| (name, views.checksum(name).unwrap());
    let checksums: Vec<_> = Views::names().into_iter().map(checksum).collect();
    assert!(checksums.iter().all(|(_, checksum)| checksum.position == end(log)));
    checksums
}

/// The checksums of a fold from nothing.
pub(crate) fn fresh(log: &Arc<dyn EventLog>) -> Vec<(&'static str, Checksum)> {
    checksums(&Site::Memory.open(log), &**log)
}
