//! Why a run is not forgotten.

use nexus_engine::ForgetError;

use super::exit::{CONFLICT, UNREACHABLE};
use super::{request, with_causes};
use crate::api::Problem;

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
        ForgetError::Request(error) => request(error, name),
    }
}
