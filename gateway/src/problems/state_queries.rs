//! Why a query of a run was not answered.

use nexus_engine::QueryError;

use super::exit::{CONFLICT, NOT_FOUND};
use super::{load, no_such_run};
use crate::api::Problem;

/// Why `query` of the run `name` was not answered.
pub(crate) fn query(error: &QueryError, name: &str, query: &str) -> Problem {
    match error {
        QueryError::NoSuchRun => no_such_run(name, None),
        QueryError::NoSuchQuery { near, count, .. } => {
            let text = format!("the workflow of {name} has no query `{query}`");
            let hint = match near {
                Some(near) => format!("did you mean {near}?"),
                None if *count == 0 => "a workflow declares them under `queries`".to_owned(),
                None => format!("see what there is: nexus-engine query {name}"),
            };
            Problem::new("NX4125", NOT_FOUND, text).hint(hint).run(name)
        }
        QueryError::Failed { code, message } => {
            let text = format!("query `{query}` of {name} has no answer now: {code} {message}");
            Problem::new("NX4126", CONFLICT, text)
                .hint("get(steps.NAME.output, \"a.b\", 0) reads what may not be there yet")
                .run(name)
        }
        QueryError::Load(error) => load(error).run(name),
    }
}
