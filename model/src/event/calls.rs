//! Runs that other runs call.

use super::Failure;
use crate::payload::Payload;

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
