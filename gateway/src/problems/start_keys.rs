//! Starts that have a key, refused.

use nexus_engine::StartError;
use nexus_engine::model::start_key::StartKeyRejection;

use super::exit::{CONFLICT, NOT_FOUND, USAGE};
use super::with_causes;
use crate::api::Problem;

/// Why a run whose start has a key was not started.
pub(super) fn start(error: &StartError) -> Problem {
    let text = with_causes(error);
    match error {
        StartError::KeyedTooLarge { .. } => Problem::new("NX4169", USAGE, text)
            .hint("put large data into a file or store, and pass its address"),
        StartError::KeyedEncrypted => Problem::new("NX4185", USAGE, text)
            .hint("take `dedupe` or `debounce` off the workflow, or start it where runs are not encrypted"),
        StartError::Kept { name } => Problem::new("NX4186", CONFLICT, text)
            .hint(format!("see when: nexus-engine starts get {name}")),
        StartError::KeptGone { name } => Problem::new("NX4187", CONFLICT, text)
            .hint(format!("see who cancelled it: nexus-engine starts get {name}, nexus-engine audit")),
        // A code of its own says more than the code of the key.
        StartError::StartKey { code, .. } => Problem::new(code.clone(), USAGE, text)
            .hint("correct the input, or the `key` in the workflow"),
        other => super::start_problem(other),
    }
}

/// Why a start key did not do something.
pub(super) fn refused(rejection: &StartKeyRejection, name: &str) -> Problem {
    match rejection {
        StartKeyRejection::TooLarge { .. } => Problem::new("NX4169", USAGE, rejection.to_string())
            .hint("put large data into a file or store, and pass its address"),
        StartKeyRejection::Seen { .. }
        | StartKeyRejection::KeptAlready { .. }
        | StartKeyRejection::NotDue
        | StartKeyRejection::NotStarting
        | StartKeyRejection::NothingKept => not_kept(name, &rejection.to_string()),
    }
}

/// A start is kept no longer.
pub(crate) fn not_kept(id: &str, status: &str) -> Problem {
    Problem::new("NX4184", CONFLICT, format!("{id} is not kept any more: {status}")).hint(format!(
        "see how it stands: nexus-engine starts get {id}; end a run: nexus-engine cancel {id}"
    ))
}

/// There is no such start.
pub(crate) fn no_such_start(id: &str) -> Problem {
    Problem::new("NX4183", NOT_FOUND, format!("no start is kept for `{id}`"))
        .hint("see which are: nexus-engine starts list")
}
