//! Requests to what is no run, refused.

use nexus_engine::model::aggregate::Rejection;
use nexus_engine::model::limit::LimitRejection;
use nexus_engine::model::schedule::ScheduleRejection;
use nexus_engine::model::topic::TopicRejection;
use nexus_engine::model::versions::VersionRejection;

use super::exit::{CONFLICT, NOT_FOUND, USAGE};
use crate::api::Problem;

/// Why an aggregate did not do something.
pub(super) fn refused(rejection: &Rejection, name: &str) -> Problem {
    match rejection {
        Rejection::Schedule(rejection) => schedule(rejection, name),
        Rejection::Pauses(rejection) => Problem::new("NX4182", CONFLICT, rejection.to_string())
            .hint("see what is paused: nexus-engine pause --list"),
        Rejection::Limit(rejection) => limit(rejection, name),
        Rejection::Breaker(_) => Problem::new("NX4167", CONFLICT, rejection.to_string())
            .hint(format!("see how it stands: nexus-engine breaker get {name}")),
        Rejection::Versions(rejection) => version(rejection, name),
        Rejection::Topic(rejection) => topic(rejection, name),
        Rejection::StartKey(rejection) => super::start_keys::refused(rejection, name),
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

/// There is no such breaker.
pub(crate) fn no_such_breaker(target: &str) -> Problem {
    Problem::new("NX4166", NOT_FOUND, format!("there is no circuit breaker of `{target}`"))
        .hint("see which there are: nexus-engine breaker list")
}

/// There is no such limit.
pub(crate) fn no_such_limit(name: &str) -> Problem {
    Problem::new("NX4163", NOT_FOUND, format!("there is no limit `{name}`"))
        .hint("see which there are: nexus-engine limit list")
}

fn version(rejection: &VersionRejection, name: &str) -> Problem {
    match rejection {
        VersionRejection::NotThere { number, newest } => no_such_version(name, *number, *newest),
        VersionRejection::IsCurrent(_) | VersionRejection::NoTimer => {
            Problem::new("NX5012", CONFLICT, format!("{name}: {rejection}"))
                .hint(format!("see which is current: nexus-engine versions {name}"))
        }
    }
}

/// No workflow of this name is published; `near` is a name that may be meant.
pub(crate) fn no_such_workflow(name: &str, near: Option<&str>) -> Problem {
    Problem::new("NX5010", NOT_FOUND, format!("no workflow `{name}` is published"))
        .hint(or_near(near, "nexus-engine versions"))
}

/// There is no such trigger; `near` is an event, or a trigger of this event, that may be meant.
pub(crate) fn no_such_trigger(event: &str, name: &str, near: Option<&str>) -> Problem {
    let message = format!("{event}: there is no such trigger as `{name}`");
    Problem::new("NX4123", NOT_FOUND, message).hint(or_near(near, "nexus-engine trigger list"))
}

fn or_near(near: Option<&str>, list: &str) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`? see which there are: {list}"),
        None => format!("see which there are: {list}"),
    }
}

/// No definition is meant by this.
pub(crate) fn no_such_definition(reference: &str, near: Option<&str>) -> Problem {
    let message =
        format!("no workflow, version or definition `{reference}` is published or stored");
    Problem::new("NX5010", NOT_FOUND, message).hint(match near {
        Some(near) => format!("did you mean `{near}`? see which are: nexus-engine versions"),
        None => "see which are: nexus-engine versions; a file is published with nexus-engine publish FILE".to_owned(),
    })
}

/// The workflow is published, but not this version.
pub(crate) fn no_such_version(name: &str, number: u32, newest: u32) -> Problem {
    let message = format!("there is no {name}@{number}; the newest is {name}@{newest}");
    Problem::new("NX5011", NOT_FOUND, message)
        .hint(format!("see which there are: nexus-engine versions {name}"))
}

/// There is no version before the current one.
pub(crate) fn nothing_before(name: &str) -> Problem {
    let message = format!("{name}@1 is current; there is no version before it");
    Problem::new("NX5012", CONFLICT, message)
        .hint(format!("name another one: nexus-engine rollback {name} --to N"))
}

/// A hash is the beginning of several.
pub(crate) fn ambiguous_hash(digits: &str) -> Problem {
    Problem::new(
        "NX5013",
        USAGE,
        format!("several definitions have a hash that begins with {digits}"),
    )
    .hint("write more digits of it")
}

/// A topic did not do something.
pub(crate) fn topic(rejection: &TopicRejection, name: &str) -> Problem {
    let text = format!("{name}: {rejection}");
    match rejection {
        TopicRejection::Name | TopicRejection::Id | TopicRejection::TooLarge { .. } => {
            Problem::new("NX4121", USAGE, text)
                .hint("for example: nexus-engine emit order.paid --data '{\"order\": 7}' --id payment-117")
        }
        TopicRejection::NoTrigger => Problem::new("NX4123", NOT_FOUND, text)
            .hint("see which there are: nexus-engine trigger list"),
        TopicRejection::AlreadyEmitted => other_event(&text),
        TopicRejection::Unchanged | TopicRejection::AlreadyDelivered => {
            Problem::new("NX4124", CONFLICT, text)
                .hint("see how it stands: nexus-engine trigger list")
        }
    }
}

/// An event with this id was emitted and carries something else.
pub(crate) fn other_event(text: &str) -> Problem {
    Problem::new("NX4122", CONFLICT, text.to_owned())
        .hint("give it an id of its own, or leave --id out")
}

/// The workflow is started by no event.
pub(crate) fn no_triggers(workflow: &str) -> Problem {
    Problem::new("NX4123", USAGE, format!("no event starts `{workflow}`"))
        .hint("add a trigger to the workflow: `triggers:` and below it `- event: order.created`")
}
