//! What steps wait for: events, people, and the ends of runs that they have called.

use super::Failure;
use crate::payload::Payload;

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
    /// The decision of a person.
    Approval {
        /// Who may decide: `user:…`, `group:…`, or either.
        by: Vec<String>,
        /// What they are asked; may be empty.
        message: String,
    },
}

/// How a called run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    /// Well.
    Completed {
        /// Its output.
        output: Payload,
    },
    /// Badly, or it could not be started.
    Failed {
        /// Why.
        failure: Failure,
        /// Whether another attempt goes on with the same run; else it calls a new one.
        goes_on: bool,
    },
    /// It was cancelled.
    Cancelled {
        /// Why.
        reason: String,
        /// As with a failure.
        goes_on: bool,
    },
}

/// The name of the run number `number` that `step` of the run `parent` calls.
///
/// Source: docs/how-to/call-a-workflow.md, "Names".
pub fn child_name(parent: &str, step: &str, number: u32) -> String {
    match number {
        0 | 1 => format!("{parent}/{step}"),
        _ => format!("{parent}/{step}.{number}"),
    }
}
