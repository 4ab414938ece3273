//! Why a worker's word about a task is not taken.

use nexus_engine::remote::TaskError;

use super::exit::{CONFLICT, NOT_FOUND};
use super::{bad_request, bug, request, too_large};
use crate::api::Problem;

/// Where the protocol is described.
pub(crate) const PROTOCOL: &str = "docs/reference/workers.md";

/// What a worker says is not understood.
pub(crate) fn not_understood(text: impl Into<String>) -> Problem {
    of_worker(bad_request(text))
}

/// A problem with a request, as a worker is told: where its requests are described.
pub(crate) fn of_worker(problem: Problem) -> Problem {
    if problem.code != "NX7019" {
        return problem;
    }
    problem.hint(format!("{PROTOCOL} describes every request of a worker"))
}

/// Why it is not taken.
pub(crate) fn task(error: &TaskError, task: &str) -> Problem {
    match error {
        TaskError::Unknown => no_such_task(task),
        TaskError::Stale(over) => {
            let (step, run) = (&over.step, &over.run);
            let now = match over.token {
                Some(token) => format!("; token {token} counts now"),
                None => String::new(),
            };
            let text = format!("ignored: stale attempt of {step} in {run}: {}{now}", over.why);
            let problem = Problem::new("NX4189", CONFLICT, text)
                .hint("nothing was recorded; drop this work and ask for another task")
                .run(run);
            Problem { step: Some(step.clone()), ..problem }
        }
        TaskError::Progress(error) => too_large(error.0.message.clone()),
        TaskError::Request(error) => request(error, task),
        TaskError::NotHeld => bug("a task that is not held was not looked up"),
    }
}

/// There was never such a task.
pub(crate) fn no_such_task(task: &str) -> Problem {
    Problem::new("NX7025", NOT_FOUND, format!("there is no task `{task}` under this token"))
        .hint("use `task` and `token` of the answer to a poll, from the engine that gave it")
}
