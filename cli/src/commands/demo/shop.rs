//! The folder of the demo: the workflow, the store, and what the steps leave behind.

use std::fs;
use std::path::{Path, PathBuf};

use nexus_gateway::api::Problem;

use crate::exit::Code;
use crate::files;

/// The folder.
const FOLDER: &str = "demo";
const WORKFLOW: &str = "order.workflow.yaml";
const STORE: &str = ".nexus";
const RAN: &str = "ran.txt";
const PAYMENTS: &str = "payments.txt";
/// Says that the folder is the demo's own.
const MARKER: &str = ".made-by-demo";
const TEXT: &str = include_str!("../../../templates/demo.workflow.yaml");

/// The folder of the demo.
pub(super) struct Shop {
    folder: PathBuf,
    /// Whether the store was there before.
    had_store: bool,
}

impl Shop {
    /// Makes the folder; what an earlier demo kept in it is used again, except for the traces of its steps.
    ///
    /// # Errors
    /// NX1409 if there is a folder of this name that no demo has made.
    pub(super) fn open() -> Result<Self, Problem> {
        let folder = PathBuf::from(FOLDER);
        if holds_something(&folder) && !folder.join(MARKER).exists() {
            return Err(not_ours(&folder));
        }
        files::write(&folder.join(MARKER), b"", true)?;
        files::write(&folder.join(WORKFLOW), TEXT.as_bytes(), true)?;
        let shop = Self { had_store: folder.join(STORE).exists(), folder };
        shop.remove_traces();
        Ok(shop)
    }

    pub(super) fn workflow(&self) -> PathBuf {
        self.folder.join(WORKFLOW)
    }

    pub(super) fn store(&self) -> PathBuf {
        self.folder.join(STORE)
    }

    /// How often a step came to its end.
    pub(super) fn times_ran(&self, step: &str) -> usize {
        self.lines(RAN).iter().filter(|line| *line == step).count()
    }

    /// How often the card was charged.
    pub(super) fn payments(&self) -> usize {
        self.lines(PAYMENTS).len()
    }

    fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn remove_traces(&self) {
        for file in [RAN, PAYMENTS] {
            let _ = fs::remove_file(self.folder.join(file));
        }
    }

    /// Removes what the demo made, unless an earlier demo was asked to keep it; the folder stays if it holds anything else.
    pub(super) fn clean_up(&self) {
        if self.had_store {
            return;
        }
        self.remove_traces();
        for file in [self.workflow(), self.folder.join(MARKER)] {
            let _ = fs::remove_file(file);
        }
        let _ = fs::remove_dir_all(self.store());
        let _ = fs::remove_dir(&self.folder);
    }
}

fn holds_something(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

fn not_ours(folder: &Path) -> Problem {
    let message = format!("there is a folder `{}`, and no demo has made it", folder.display());
    Problem::new("NX1409", Code::Usage as u8, message)
        .hint("nothing was touched; play the demo in another folder")
}
