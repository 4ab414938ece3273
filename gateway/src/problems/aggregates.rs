//! Requests to what is no run, refused.

use nexus_engine::model::aggregate::Rejection;
use nexus_engine::model::limit::LimitRejection;
use nexus_engine::model::schedule::ScheduleRejection;

use super::exit::{CONFLICT, NOT_FOUND, USAGE};
use crate::api::Problem;

/// Why an aggregate did not do something.
pub(super) fn refused(rejection: &Rejection, name: &str) -> Problem {
    match rejection {
        Rejection::Schedule(rejection) => schedule(rejection, name),
        Rejection::Pauses(rejection) => Problem::new("NX4182", CONFLICT, rejection.to_string())
            .hint("see what is paused: nexus-engine pause --list"),
        Rejection::Limit(rejection) => limit(rejection, name),
        Rejection::OtherKind(_) => Problem::new("NX4142", CONFLICT, rejection.to_string()),
    }
}

fn limit(rejection: &LimitRejection, name: &str) -> Problem {
    Problem::new("NX4162", CONFLICT, rejection.to_string())
        .hint(format!("see how it stands: nexus-engine limit get {name}"))
}

fn schedule(rejection: &ScheduleRejection, name: &str) -> Problem {
    let text = rejection.to_string();
    match rejection {
        ScheduleRejection::NotThere => no_such_schedule(name),
        ScheduleRejection::Exists => Problem::new("NX4141", CONFLICT, text)
            .hint("change it with --replace, or choose another name"),
        ScheduleRejection::Name => Problem::new("NX4146", USAGE, text).hint("for example: nightly"),
        ScheduleRejection::NeverDue => Problem::new("NX4144", USAGE, text).hint(
            "see when an expression is due: nexus-engine schedule preview --cron '0 6 * * *'",
        ),
        ScheduleRejection::TooMany { .. } => {
            Problem::new("NX4145", USAGE, text).hint("ask for a shorter stretch, then for the next")
        }
        ScheduleRejection::Unchanged
        | ScheduleRejection::AlreadyPaused
        | ScheduleRejection::NotPaused
        | ScheduleRejection::NoSuchTimer
        | ScheduleRejection::NotAwaited
        | ScheduleRejection::NothingMissing => Problem::new("NX4142", CONFLICT, text)
            .hint("see how it stands: nexus-engine schedule list"),
    }
}

/// There is no such schedule.
pub(crate) fn no_such_schedule(name: &str) -> Problem {
    Problem::new("NX4140", NOT_FOUND, format!("there is no schedule `{name}`"))
        .hint("see which there are: nexus-engine schedule list")
}

/// There is no such limit.
pub(crate) fn no_such_limit(name: &str) -> Problem {
    Problem::new("NX4163", NOT_FOUND, format!("there is no limit `{name}`"))
        .hint("see which there are: nexus-engine limit list")
}
