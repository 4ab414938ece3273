//! Calls of handlers, as the kit saw them.

use std::time::Duration;

use nexus_model::event::Failure;
use nexus_model::id::RunId;
use nexus_model::time::Timestamp;
use serde_json::Value;

use crate::handler::Data;

/// A call of a handler.
#[derive(Clone, Debug)]
pub struct Call {
    /// The run.
    pub run: RunId,
    /// The run's name.
    pub run_name: String,
    /// The step.
    pub step: String,
    /// The number of the item, if the step has `for_each`.
    pub item: Option<u32>,
    /// The handler it calls: an action, or `script`.
    pub uses: String,
    /// Whether it undoes what the step did.
    pub undo: bool,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The idempotency key: the same on every attempt and after every crash.
    pub key: String,
    /// What the handler was given.
    pub input: Data,
    /// Whether an earlier execution of this attempt was cut off.
    pub may_repeat: bool,
    /// When it was called.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
    /// Whether that is recorded. A call that a crash cut off is not, and is made again.
    pub recorded: bool,
    /// Which life of the engine made it, from 0; each crash begins another.
    pub life: u32,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the handler returned.
    pub result: Result<Data, Failure>,
    /// How long it took.
    pub takes: Duration,
}

impl Call {
    /// What it is found by: the step, `step/undo` for its undo, or the handler.
    pub(super) fn names(&self) -> [String; 2] {
        let undo = if self.undo { "/undo" } else { "" };
        [format!("{}{undo}", self.step), self.uses.clone()]
    }

    /// The input as JSON; text if it is none.
    pub fn input(&self) -> Value {
        value(&self.input)
    }
}

/// Bytes as JSON; text if they are none.
pub(super) fn value(data: &Data) -> Value {
    serde_json::from_slice(&data.bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(&data.bytes).into_owned().into())
}
