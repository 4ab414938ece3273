//! The folder of the demo: the workflow, the store, and what the steps leave behind.

use std::fs;
use std::path::PathBuf;

use nexus_gateway::api::Problem;

use crate::files;

/// The folder.
const FOLDER: &str = "demo";
const WORKFLOW: &str = "order.workflow.yaml";
const STORE: &str = ".nexus";
const RAN: &str = "ran.txt";
const PAYMENTS: &str = "payments.txt";
const TEXT: &str = include_str!("../../../templates/demo.workflow.yaml");

/// The folder of the demo.
pub(super) struct Shop {
    folder: PathBuf,
    /// Whether the store was there before.
    had_store: bool,
}

impl Shop {
    /// Makes the folder; what an earlier demo left in it is used again, except for the traces of its steps.
    pub(super) fn open() -> Result<Self, Problem> {
        let folder = PathBuf::from(FOLDER);
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

    /// Removes what the demo made; the folder stays if it holds anything else.
    pub(super) fn clean_up(&self) {
        self.remove_traces();
        let _ = fs::remove_file(self.workflow());
        if !self.had_store {
            let _ = fs::remove_dir_all(self.store());
        }
        let _ = fs::remove_dir(&self.folder);
    }
}
