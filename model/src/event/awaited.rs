//! What steps wait for from outside, and updates, which come from there.

use super::Actor;
use crate::id::{StepIndex, TimerId};
use crate::payload::Payload;
use crate::time::Timestamp;

/// What a step waits for from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A signal.
    Signal {
        /// Its name.
        name: String,
    },
    /// An event that somebody emits. It comes as a signal whose name [`signal_name`](crate::topic::signal_name) makes.
    Event {
        /// Its name.
        name: String,
        /// Set while events that were emitted before the step waited are still to be offered to it: the revision at which
        /// it began to wait.
        reads: Option<u32>,
    },
    /// An update.
    Update {
        /// Its name.
        name: String,
    },
    /// The decision of a person.
    Approval {
        /// Who may decide: `user:…`, `group:…`, or either.
        by: Vec<String>,
        /// What they are asked; may be empty.
        message: String,
    },
}

/// A step waits for an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateAwaited {
    /// The step.
    pub step: StepIndex,
    /// The update's name.
    pub name: String,
    /// The timer that ends the wait, and when.
    pub timer: Option<(TimerId, Timestamp)>,
}

/// A step took an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateAccepted {
    /// The step.
    pub step: StepIndex,
    /// The update's name.
    pub name: String,
    /// The sender's key, under which the reply is found again; empty if there is none.
    pub id: String,
    /// What it carries, complete with defaults.
    pub data: Payload,
    /// What the sender is answered.
    pub reply: Payload,
    /// Who sent it.
    pub by: Actor,
}
