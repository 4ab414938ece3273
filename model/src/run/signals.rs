//! Signals of a run: those that no step has taken yet, and the ids of all.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Actor;
use crate::payload::Payload;
use crate::time::Timestamp;

/// The signals of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// How many came; the next one has the number after it.
    pub received: u32,
    /// Those that no step has taken yet, by number.
    pub kept: BTreeMap<u32, KeptSignal>,
    /// The ids of all that had one.
    pub ids: BTreeSet<String>,
}

/// A signal that no step has taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSignal {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub payload: Payload,
    /// Who sent it; nobody, if a round of a function has left it to the next.
    pub by: Actor,
    /// When it came, or was left.
    pub at: Timestamp,
}

impl Signals {
    /// Whether none ever came.
    pub fn is_empty(&self) -> bool {
        self.received == 0
    }
}
