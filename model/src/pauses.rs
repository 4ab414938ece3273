//! Pauses of the store: of everything, of a workflow, of a label. Pure.
//!
//! They are facts of a stream of their own, so that one event holds any number of runs, also those that are started later.
//! A run in which something would go on is held, which stands in its own stream; a run that sleeps costs nothing.
//!
//! Invariants:
//! * A scope is paused once at most.
//! * The pauses that apply to a run follow from its workflow and labels alone.

mod event;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use event::{PauseEvent, StorePaused, StoreResumed};

use crate::aggregate::{Aggregate, ClockKind, Wire};
use crate::event::{Actor, RunStarted};
use crate::id::TimerId;
use crate::time::Timestamp;

/// The name of the only aggregate of this kind.
pub const STORE: &str = "store";

/// What is paused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Every run.
    Engine,
    /// The runs of a workflow.
    Workflow(String),
    /// The runs with this label.
    Label(String, String),
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// The pauses of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pauses {
    /// The pauses by scope.
    pub active: BTreeMap<Scope, Pause>,
}

/// Something asked of the pauses of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PauseCommand {
    /// Pause.
    Pause {
        /// What.
        scope: Scope,
        /// Who asks.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// End a pause.
    Resume {
        /// Of what.
        scope: Scope,
        /// Who asks.
        by: Actor,
    },
    /// A timer is due; there is none.
    Fire,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PauseRejection {
    /// The scope is paused.
    #[error("{0} is paused already")]
    AlreadyPaused(Scope),
    /// The scope is not paused.
    #[error("{0} is not paused")]
    NotPaused(Scope),
    /// There are no timers.
    #[error("no timer is set")]
    NoTimer,
}

/// Nothing is carried out for pauses: whoever drives runs asks which apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PauseEffect {}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine => f.write_str("the engine"),
            Self::Workflow(name) => write!(f, "workflow {name}"),
            Self::Label(key, value) => write!(f, "label {key}={value}"),
        }
    }
}

impl Scope {
    /// Whether runs of this workflow with these labels are meant.
    pub fn covers(&self, workflow: &str, labels: &[(String, String)]) -> bool {
        match self {
            Self::Engine => true,
            Self::Workflow(name) => name == workflow,
            Self::Label(key, value) => labels.iter().any(|(k, v)| k == key && v == value),
        }
    }
}

impl Pauses {
    /// The pauses that apply to a run, in words.
    pub fn of(&self, started: &RunStarted) -> Vec<String> {
        self.of_workflow(&started.workflow, &started.labels)
    }

    /// The pauses that apply to runs of this workflow with these labels, in words.
    pub fn of_workflow(&self, workflow: &str, labels: &[(String, String)]) -> Vec<String> {
        let scopes = self.active.keys().filter(|scope| scope.covers(workflow, labels));
        scopes.map(ToString::to_string).collect()
    }

    /// Whether some scope that is paused here is not paused in `next`.
    pub fn loses_one_in(&self, next: &Self) -> bool {
        self.active.keys().any(|scope| !next.active.contains_key(scope))
    }
}

impl Aggregate for Pauses {
    type Command = PauseCommand;
    type Event = PauseEvent;
    type Effect = PauseEffect;
    type Rejection = PauseRejection;

    const CLOCK: ClockKind = ClockKind::Engine;

    fn new(_name: &str) -> Self {
        Self::default()
    }

    fn decide(
        &mut self,
        command: PauseCommand,
        now: Timestamp,
    ) -> Result<Vec<PauseEvent>, PauseRejection> {
        let event = match command {
            PauseCommand::Pause { scope, .. } if self.active.contains_key(&scope) => {
                return Err(PauseRejection::AlreadyPaused(scope));
            }
            PauseCommand::Resume { scope, .. } if !self.active.contains_key(&scope) => {
                return Err(PauseRejection::NotPaused(scope));
            }
            PauseCommand::Pause { scope, by, reason } => {
                PauseEvent::StorePaused(StorePaused { scope, by, reason })
            }
            PauseCommand::Resume { scope, by } => {
                PauseEvent::StoreResumed(StoreResumed { scope, by })
            }
            PauseCommand::Fire => return Err(PauseRejection::NoTimer),
        };
        self.evolve(&event, now);
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &PauseEvent, at: Timestamp) {
        match event {
            PauseEvent::StorePaused(StorePaused { scope, by, reason }) => {
                let pause = Pause { by: by.clone(), reason: reason.clone(), since: at };
                self.active.insert(scope.clone(), pause);
            }
            PauseEvent::StoreResumed(StoreResumed { scope, .. }) => {
                self.active.remove(scope);
            }
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        Wire::put(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        Wire::take(bytes)
    }

    fn pending(&self) -> Vec<PauseEffect> {
        Vec::new()
    }

    fn timers(&self) -> Vec<(TimerId, Timestamp)> {
        Vec::new()
    }

    fn fire(_timer: TimerId) -> PauseCommand {
        PauseCommand::Fire
    }

    fn command_of(event: &PauseEvent) -> Option<PauseCommand> {
        Some(match event.clone() {
            PauseEvent::StorePaused(StorePaused { scope, by, reason }) => {
                PauseCommand::Pause { scope, by, reason }
            }
            PauseEvent::StoreResumed(StoreResumed { scope, by }) => {
                PauseCommand::Resume { scope, by }
            }
        })
    }

    fn audit(event: &PauseEvent) -> Option<(&Actor, String)> {
        Some(match event {
            PauseEvent::StorePaused(StorePaused { scope, by, reason }) if reason.is_empty() => {
                (by, format!("paused {scope}"))
            }
            PauseEvent::StorePaused(StorePaused { scope, by, reason }) => {
                (by, format!("paused {scope}: {reason}"))
            }
            PauseEvent::StoreResumed(StoreResumed { scope, by }) => {
                (by, format!("resumed {scope}"))
            }
        })
    }
}

#[cfg(test)]
mod tests;
