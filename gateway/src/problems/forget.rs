//! Why a run is not forgotten.

use nexus_engine::{ForgetError, RequestError};

use super::exit::{CONFLICT, NOT_FOUND, UNREACHABLE};
use super::{request, with_causes};
use crate::api::Problem;

/// The code of the problem that the outcome is not known.
const UNKNOWN: &str = "NX7016";

/// Why a run is not forgotten.
pub(crate) fn forget(error: &ForgetError, name: &str) -> Problem {
    match error {
        ForgetError::NotEncrypted => Problem::new("NX6021", CONFLICT, error.to_string())
            .hint("write `encrypt: true` in the workflow, for the runs that come")
            .run(name),
        ForgetError::CalledGoesOn { name: called, .. } => {
            Problem::new("NX6020", CONFLICT, error.to_string())
                .hint(format!("wait for its end, or end it: nexus-engine cancel {called}"))
                .run(name)
        }
        ForgetError::Purge(_) => Problem::new("NX6024", UNREACHABLE, with_causes(error))
            .hint(format!("run it again: nexus-engine forget {name}"))
            .run(name),
        ForgetError::Request(RequestError::Unknown) => unknown(super::unknown_outcome(), name),
        ForgetError::Request(error) => request(error, name),
    }
}

/// Nobody can read the output of the run any more.
pub(crate) fn output_forgotten(name: &str) -> Problem {
    let message = format!("{name} is forgotten: its output can be read by nobody");
    Problem::new("NX6022", CONFLICT, message)
        .hint(format!("see what is left of it: nexus-engine history {name}"))
        .run(name)
}

/// What to do if it is not known whether a run was forgotten.
pub(crate) fn unknown(problem: Problem, name: &str) -> Problem {
    if problem.code != UNKNOWN {
        return problem;
    }
    problem.hint(format!("it can be repeated safely: nexus-engine forget {name}")).run(name)
}

/// What cannot be taken back is done only to a run that is named in full.
pub(crate) fn not_in_full(name: &str, whole: &str) -> Problem {
    Problem::new("NX7011", NOT_FOUND, format!("there is no run with the whole name `{name}`"))
        .hint(format!("did you mean {whole}? what cannot be taken back takes the whole name"))
        .run(name)
}
