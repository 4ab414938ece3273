//! What happens to the starts of one key.

use serde::{Deserialize, Serialize};

use super::{RunRequest, RunToStart};
use crate::aggregate::aggregate_events;
use crate::event::Actor;
use crate::id::RunId;
use crate::time::Timestamp;

aggregate_events! {
    /// Something that has happened to the starts of one key. Kinds 168 to 175.
    pub enum StartKeyEvent {
        /// A start was admitted: its run is started.
        168 StartAdmitted "start.admitted",
        /// A start is kept, in the place of the one before.
        169 StartKept "start.kept",
        /// The time came that a start was kept for: its run is started.
        170 KeptDue "start.due",
        /// A run that was to be started is there.
        171 RunBegun "start.begun",
        /// A run that was to be started cannot be.
        172 RunNotBegun "start.not_begun",
        /// Somebody does not want what is kept.
        173 KeptCancelled "start.cancelled",
    }
}

/// See [`StartKeyEvent::StartAdmitted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartAdmitted {
    /// How long ago a start had to be not to count, in milliseconds.
    pub within_ms: u64,
    /// The name that was asked for; empty: none.
    pub asked: String,
    /// The run.
    pub run: RunToStart,
}

/// See [`StartKeyEvent::StartKept`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartKept {
    /// How long it has to be quiet, in milliseconds.
    pub wait_ms: u64,
    /// How long after the first start it begins at the latest, in milliseconds.
    pub at_most_ms: Option<u64>,
    /// What makes the start count once; empty: nothing.
    pub token: String,
    /// What is kept.
    pub request: RunRequest,
    /// The number of its run.
    pub number: u32,
    /// When it is started, if nobody asks again.
    pub due: Timestamp,
}

/// See [`StartKeyEvent::KeptDue`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDue {}

/// See [`StartKeyEvent::RunBegun`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunBegun {
    /// Its number.
    pub number: u32,
    /// The run.
    pub run: RunId,
}

/// See [`StartKeyEvent::RunNotBegun`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunNotBegun {
    /// Its number.
    pub number: u32,
    /// Code of the error.
    pub code: String,
    /// Why.
    pub message: String,
}

/// See [`StartKeyEvent::KeptCancelled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCancelled {
    /// The number of its run.
    pub number: u32,
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
}
