//! Starts that have a key, refused.

use nexus_engine::model::start_key::StartKeyRejection;

use super::exit::{CONFLICT, NOT_FOUND, USAGE};
use crate::api::Problem;

/// The input is too large for a start that has a key.
pub(super) fn too_large(text: String) -> Problem {
    Problem::new("NX4169", USAGE, text)
        .hint("put large data into a file or store, and pass its address")
}

/// The engine encrypts, and starts that have a key are not encrypted.
pub(super) fn encrypted(text: String) -> Problem {
    Problem::new("NX4185", USAGE, text).hint(
        "take `dedupe` or `debounce` off the workflow, or start it where runs are not encrypted",
    )
}

/// The start is kept, and the caller wanted a run.
pub(super) fn kept(text: String, id: &str) -> Problem {
    Problem::new("NX4186", CONFLICT, text).hint(format!("see when: nexus-engine starts get {id}"))
}

/// The start that was kept is gone.
pub(super) fn gone(text: String, id: &str) -> Problem {
    Problem::new("NX4187", CONFLICT, text)
        .hint(format!("see what happened: nexus-engine starts get {id}, or nexus-engine audit"))
}

/// Why a start key did not do something.
pub(super) fn refused(rejection: &StartKeyRejection, name: &str) -> Problem {
    match rejection {
        StartKeyRejection::TooLarge { .. } => too_large(rejection.to_string()),
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
