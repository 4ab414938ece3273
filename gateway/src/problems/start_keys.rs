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

/// Another start had this id.
pub(super) fn other(text: String, run: Option<&str>) -> Problem {
    let see = run.map(|run| format!("see what became of it: nexus-engine starts get {run}; or "));
    let see = see.unwrap_or_default();
    Problem::new("NX7003", CONFLICT, text).hint(format!("{see}choose another --id"))
}

/// The start that was kept is gone.
pub(super) fn gone(text: String, id: &str) -> Problem {
    Problem::new("NX4187", CONFLICT, text)
        .hint(format!("see what happened: nexus-engine starts get {id}, or nexus-engine audit"))
}

/// A run was meant, and it is a start that is kept.
pub(crate) fn kept_and_no_run(id: &str, why: &str) -> Problem {
    let message = format!(
        "{id} is no run yet, but a start that is kept: {why}; the run it becomes has this id"
    );
    Problem::new("NX4186", CONFLICT, message).run(id).hint(format!(
        "see it: nexus-engine starts get {id}; have it not happen: nexus-engine starts cancel {id}"
    ))
}

/// A run was meant, and it is about to be started.
pub(crate) fn starting_and_no_run(id: &str, why: &str) -> Problem {
    Problem::new("NX4186", CONFLICT, format!("{id} is no run yet, but a start: {why}"))
        .run(id)
        .hint(format!(
            "an engine starts it: nexus-engine serve; see it: nexus-engine starts get {id}"
        ))
}

/// A run was meant, and its start never became one.
pub(crate) fn never_a_run(id: &str, why: &str) -> Problem {
    Problem::new("NX4187", CONFLICT, format!("{id} never became a run: {why}"))
        .run(id)
        .hint("start it again if it should happen; see who did what: nexus-engine audit")
}

/// Why a start key did not do something.
pub(super) fn refused(rejection: &StartKeyRejection, name: &str) -> Problem {
    match rejection {
        StartKeyRejection::TooLarge { .. } => too_large(rejection.to_string()),
        StartKeyRejection::Seen { .. }
        | StartKeyRejection::KeptAlready { .. }
        | StartKeyRejection::KeptOther { .. }
        | StartKeyRejection::NotDue
        | StartKeyRejection::NotStarting
        | StartKeyRejection::NothingKept => not_kept(name, &rejection.to_string()),
    }
}

/// A start is kept no longer.
pub(crate) fn not_kept(id: &str, why: &str) -> Problem {
    Problem::new("NX4184", CONFLICT, format!("{id} is not kept any more: {why}")).hint(format!(
        "see how it stands: nexus-engine starts get {id}; end a run: nexus-engine cancel {id}"
    ))
}

/// There is no such start.
pub(crate) fn no_such_start(id: &str) -> Problem {
    Problem::new("NX4183", NOT_FOUND, format!("no start is kept for `{id}`"))
        .hint("see which are: nexus-engine starts list")
}

#[cfg(test)]
mod tests {
    use nexus_engine::model::id::RunId;
    use nexus_engine::model::input::InputError;
    use nexus_engine::model::rejection::Rejection;
    use nexus_engine::shard::Refusal;
    use nexus_engine::{LoadError, RequestError, StartError};

    use crate::problems::start_problem;

    fn unreadable(passing: bool) -> Refusal {
        Refusal::Unreadable { reason: "no".to_owned(), passing }
    }

    #[test]
    fn what_is_recorded_of_a_start_that_fails_has_the_code_that_who_asks_is_told() {
        let (code, message) = ("NX2104".to_owned(), "no".to_owned());
        let (name, workflow) = ("wf-1".to_owned(), "w".to_owned());
        let input = InputError {
            code: "NX1206",
            name: "shop".into(),
            message: message.clone(),
            hint: None,
        };
        let errors = [
            StartError::Inputs(vec![input]),
            StartError::InputTooLarge { bytes: 2, bytes_max: 1 },
            StartError::RunId { code: code.clone(), message: message.clone() },
            StartError::Limit { code: code.clone(), message: message.clone() },
            StartError::StartKey { code, message },
            StartError::Unresolved { step: "a".into(), workflow },
            StartError::Conflict { name: name.clone(), run: RunId([1; 16]) },
            StartError::KeyedTooLarge { bytes: 2, bytes_max: 1 },
            StartError::KeyedEncrypted,
            StartError::KeptOther { id: "x".into(), name: None },
            StartError::KeptGone { name },
            StartError::FunctionEncrypted,
            StartError::NoEncryption,
            RequestError::Refused(Refusal::TooLarge).into(),
            RequestError::Refused(Refusal::NotFound).into(),
            RequestError::Refused(Refusal::Rejected(Rejection::AlreadyStarted)).into(),
            RequestError::Refused(unreadable(false)).into(),
            RequestError::Load(LoadError::NoStart).into(),
        ];
        for error in &errors {
            assert_eq!(error.final_code(), Some(&*start_problem(error).code), "{error}");
        }
        for passing in [
            StartError::Busy { retry_ms: 1 },
            StartError::Full { open: 1, open_max: 1, retry_ms: 1 },
            StartError::Request(RequestError::Unknown),
            RequestError::Refused(Refusal::DiskNearlyFull(1)).into(),
            RequestError::Refused(Refusal::ShuttingDown).into(),
            RequestError::Refused(unreadable(true)).into(),
        ] {
            assert_eq!(passing.final_code(), None, "{passing}");
        }
    }
}
