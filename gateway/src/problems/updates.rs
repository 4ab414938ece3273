//! Why an update was not taken.

use nexus_engine::model::rejection::Rejection;
use nexus_engine::shard::Refusal;
use nexus_engine::{RequestError, UpdateError};

use super::exit::CONFLICT;
use super::request;
use crate::api::Problem;

/// Why `update` was not taken by the run `name`.
pub(crate) fn update(error: &UpdateError, name: &str, update: &str) -> Problem {
    match error {
        UpdateError::Conflict { id } => {
            let text = format!("{name} took another update with the id `{id}` before");
            Problem::new("NX4130", CONFLICT, text)
                .hint("send it with another --id, or as it was before")
                .run(name)
        }
        UpdateError::Request(RequestError::Refused(Refusal::Rejected(Rejection::Ended {
            status,
        }))) => {
            let text = format!("{name} has ended ({status}); no step can take update `{update}`");
            Problem::new("NX4127", CONFLICT, text)
                .hint(format!("see how it ended: nexus-engine get {name}"))
                .run(name)
        }
        UpdateError::Request(error) => request(error, name),
    }
}

/// What is said to a refused update; `None`: it was refused for a reason that has nothing to do with updates.
pub(super) fn refused_update(rejection: &Rejection, name: &str) -> Option<Problem> {
    let code = rejection.update_code().filter(|_| !matches!(rejection, Rejection::Ended { .. }))?;
    let hint = match code {
        "NX4127" => format!("see where it stands: nexus-engine explain {name}"),
        "NX4131" => format!("see what it looks at: nexus-engine get {name}"),
        _ => "nothing was recorded; correct it and send it again".to_owned(),
    };
    Some(Problem::new(code, CONFLICT, format!("{name}: {rejection}")).hint(hint).run(name))
}
