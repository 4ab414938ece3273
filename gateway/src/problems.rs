//! Errors as problems: a code, a line about what happened, what to do, and the exit code of the command line.

mod aggregates;
mod forget;
mod start_keys;
mod state_queries;
mod updates;
mod workers;

pub(crate) use aggregates::{
    ambiguous_hash, no_such_breaker, no_such_definition, no_such_limit, no_such_schedule,
    no_such_trigger, no_such_version, no_such_workflow, no_triggers, nothing_before, other_event,
    topic,
};
pub(crate) use forget::{forget, not_in_full, output_forgotten, unknown as unknown_if_forgotten};
pub(crate) use start_keys::{
    kept_and_no_run, never_a_run, no_such_start, not_kept, starting_and_no_run,
};
pub(crate) use state_queries::query;
pub(crate) use updates::update;
pub(crate) use workers::{PROTOCOL, no_such_task, not_understood, of_worker, task};

use std::error::Error;
use std::path::Path;

use nexus_engine::code::FunctionTrouble;
use nexus_engine::log::{OpenError as LogOpenError, ReadError};
use nexus_engine::model::input::InputError;
use nexus_engine::model::plan::DefinitionError;
use nexus_engine::model::rejection::Rejection;
use nexus_engine::model::topic::event_of;
use nexus_engine::projections::ViewsError;
use nexus_engine::shard::Refusal;
use nexus_engine::{LoadError, OpenError, ReplayError, RequestError, StartError, log_code};

use crate::api::Problem;

/// The exit codes of the command line that problems have.
pub(crate) mod exit {
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const NOT_FOUND: u8 = 3;
    pub(crate) const REFUSED: u8 = 4;
    pub(crate) const CONFLICT: u8 = 5;
    pub(crate) const UNREACHABLE: u8 = 6;
    pub(crate) const STILL_GOING: u8 = 8;
    pub(crate) const DAMAGED: u8 = 10;
    pub(crate) const BUG: u8 = 70;
}

use exit::{BUG, CONFLICT, DAMAGED, NOT_FOUND, STILL_GOING, UNREACHABLE, USAGE};

/// An error with its causes, on one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Why a store cannot be opened.
pub fn open_problem(error: &OpenError) -> Problem {
    match error {
        OpenError::Log(error) => open_log(error),
        OpenError::Read(error) => read(error),
        OpenError::Pauses(error) => load(error),
        OpenError::Views(error) => views(error),
        OpenError::StateMissing { .. } => Problem::new(error.code(), USAGE, error.words()),
    }
}

fn open_log(error: &LogOpenError) -> Problem {
    let (exit, hint) = match error {
        LogOpenError::Locked { is_here: true, .. } => {
            (UNREACHABLE, "use the engine that has it open, or shut that one down first")
        }
        LogOpenError::Locked { is_here: false, .. } => (
            UNREACHABLE,
            "wait for the other process, or end it; commands ask a `serve` by themselves, but not a program that has the engine in it",
        ),
        LogOpenError::Damaged { .. } => {
            (DAMAGED, "the disk lost data that was written; restore the store from a backup")
        }
        LogOpenError::Storage { .. } => {
            (DAMAGED, "files of the store are damaged or missing; restore the store from a backup")
        }
        LogOpenError::HighWater { .. } => (
            DAMAGED,
            "restore the file from a backup, or open the store once with --accept-data-loss and look at nexus-engine verify",
        ),
        LogOpenError::Layout { .. } => (
            DAMAGED,
            "restore the file from a backup of the store; nothing else of the store was looked at",
        ),
        LogOpenError::EndsEarly { .. } => {
            (DAMAGED, "restore the store from a backup, or open it once with --accept-data-loss")
        }
        LogOpenError::Differs { .. } => {
            (DAMAGED, "an older copy of the store was put back, or it was changed by hand")
        }
        LogOpenError::Older { .. } => {
            (DAMAGED, "read it with the version that wrote it; this one needs a new store")
        }
        LogOpenError::Newer { .. } => (DAMAGED, "use the newer version of nexus-engine"),
        LogOpenError::NotAStore { .. } => {
            (USAGE, "name another folder with --store; an empty or new one becomes a store")
        }
        LogOpenError::Io { .. } => (UNREACHABLE, "look at the folder's owner and permissions"),
    };
    Problem::new(log_code(error), exit, with_causes(error)).hint(hint)
}

/// Why the views do not answer.
pub(crate) fn views(error: &(dyn Error + 'static)) -> Problem {
    let refused = error.downcast_ref::<ViewsError>().is_some_and(ViewsError::is_refusal);
    if refused {
        let message = format!("the views cannot be opened or read: {}", with_causes(error));
        return Problem::new("NX6009", UNREACHABLE, message).hint(
            "nothing is damaged: look at the room on the disk, the folder's owner, and ulimit -n, -u and -v",
        );
    }
    Problem::new("NX6011", DAMAGED, format!("the views cannot be used: {}", with_causes(error)))
        .hint("damaged views are rebuilt by themselves; see whether the log can be read: nexus-engine verify")
}

/// Why the log cannot be read.
pub(crate) fn read(error: &ReadError) -> Problem {
    Problem::new("NX6002", DAMAGED, format!("the log cannot be read: {}", with_causes(error)))
        .hint("see how far it goes: nexus-engine verify")
}

/// Why a run cannot be read.
pub(crate) fn load(error: &LoadError) -> Problem {
    let (exit, hint) = match error {
        LoadError::Log(error) => return read(error),
        LoadError::Event { .. } | LoadError::Misfit { .. } | LoadError::NoStart => (
            DAMAGED,
            "a newer version of nexus-engine may have written it; see nexus-engine verify",
        ),
        LoadError::Forgotten => {
            (CONFLICT, "its history and state are still there: nexus-engine history RUN")
        }
        LoadError::NoEncryption => {
            (UNREACHABLE, "use a program that was built with the feature `encryption`")
        }
        LoadError::Definition(_) => {
            (DAMAGED, "use the version of nexus-engine that started the run")
        }
    };
    Problem::new(error.code(), exit, with_causes(error)).hint(hint)
}

pub(crate) fn replay(error: &ReplayError, name: &str) -> Problem {
    match error {
        ReplayError::NotFound => no_such_run(name, None),
        ReplayError::Load(error) => load(error).run(name),
    }
}

/// Why a request was not carried out.
pub(crate) fn request(error: &RequestError, name: &str) -> Problem {
    match error {
        RequestError::Refused(refusal) => refused(refusal, name),
        RequestError::Unknown => unknown_outcome(),
        RequestError::Load(error) => load(error).run(name),
    }
}

/// The engine ended before it answered.
pub(crate) fn unknown_outcome() -> Problem {
    Problem::new(
        "NX7016",
        UNREACHABLE,
        "the engine ended before it answered; whether the request was recorded is not known",
    )
    .hint("look at the run when the engine is back; a start with --id can be repeated safely")
}

fn refused(refusal: &Refusal, name: &str) -> Problem {
    let text = refusal.to_string();
    match refusal {
        Refusal::TooLarge | Refusal::Rejected(Rejection::TooManyLabels { .. }) => too_large(text),
        Refusal::Rejected(rejection) => rejected(rejection, name),
        Refusal::Aggregate(rejection) => aggregates::refused(rejection, name),
        Refusal::NotFound => no_such_run(name, None),
        Refusal::Taken(..) => taken(name),
        Refusal::Unreadable { .. } => Problem::new("NX5004", DAMAGED, text).run(name),
        Refusal::DiskNearlyFull(_) => {
            Problem::new("NX6007", UNREACHABLE, text).hint("free some space, then try again")
        }
        Refusal::ShuttingDown => shutting_down(),
    }
}

fn rejected(rejection: &Rejection, name: &str) -> Problem {
    if let Some(problem) = updates::refused_update(rejection, name) {
        return problem;
    }
    let hint = match rejection {
        Rejection::NotAwaitingApproval { .. }
        | Rejection::AlreadyDecided { .. }
        | Rejection::NotAnApprover { .. }
        | Rejection::FormMisfit { .. } => undecided(rejection, name),
        Rejection::Ended { status: "failed" | "cancelled" } => {
            format!("continue it: nexus-engine retry {name}")
        }
        Rejection::NotEnded { .. } => {
            format!("wait for its end, or end it: nexus-engine cancel {name}")
        }
        Rejection::Forgotten => {
            format!("its history is still there: nexus-engine history {name}")
        }
        Rejection::NotRetryable { status: "completed" } | Rejection::Ended { .. } => {
            format!("see how it ended: nexus-engine get {name}")
        }
        Rejection::Incompatible { .. } => {
            "it keeps the definition it has; see what differs: nexus-engine diff OLD NEW".to_owned()
        }
        Rejection::Undone { .. } => {
            "start it again, from the beginning: nexus-engine run FILE".to_owned()
        }
        Rejection::AlreadyPaused => format!("go on with it: nexus-engine resume {name}"),
        Rejection::PausedWithParent { .. }
        | Rejection::StepPaused { .. }
        | Rejection::StepNotPaused { .. }
        | Rejection::StepEnded { .. }
        | Rejection::NoSuchStep { .. } => of_step(rejection, name),
        Rejection::SignalOfEvent { name } => {
            let event = event_of(name).unwrap_or(name);
            format!("emit the event, for all who wait for it: nexus-engine emit {event}")
        }
        Rejection::OtherSignal { .. } => "give it an id of its own, or leave --id out".to_owned(),
        Rejection::OfFunction
        | Rejection::FailedByItself
        | Rejection::NoFunction { .. }
        | Rejection::OtherTurn { .. }
        | Rejection::BadCall { .. } => of_function(rejection, name),
        Rejection::AlreadyStarted
        | Rejection::UpdateNotAwaited { .. }
        | Rejection::UpdateRefused { .. }
        | Rejection::UpdateMisfit { .. }
        | Rejection::UpdateFailed { .. }
        | Rejection::UpdateAccepted { .. }
        | Rejection::EventNotAwaited { .. }
        | Rejection::EventNotWanted { .. }
        | Rejection::TimerHeld { .. }
        | Rejection::AttemptHeld { .. }
        | Rejection::TooManyLabels { .. }
        | Rejection::NotStarted
        | Rejection::StaleAttempt { .. }
        | Rejection::NotResting { .. }
        | Rejection::NoSuchTimer { .. }
        | Rejection::NotPaused
        | Rejection::AlreadyCancelling
        | Rejection::NotRetryable { .. }
        | Rejection::AlreadyReceived { .. }
        | Rejection::StaleChild { .. }
        | Rejection::SlotHeld
        | Rejection::SlotNotWanted
        | Rejection::CallAllowed
        | Rejection::CallNotWanted { .. }
        | Rejection::NothingReady => format!("see where it stands: nexus-engine get {name}"),
    };
    Problem::new(rejection.code(), CONFLICT, format!("{name}: {rejection}")).hint(hint).run(name)
}

/// What to do if a step, or a pause of it, did not take something.
fn of_step(rejection: &Rejection, name: &str) -> String {
    if let Rejection::PausedWithParent { parent } = rejection {
        return format!("resume the run that called it: nexus-engine resume {parent}");
    }
    if let Rejection::StepPaused { .. } | Rejection::StepNotPaused { .. } = rejection {
        format!("see which steps are paused: nexus-engine explain {name}")
    } else {
        format!("see its steps: nexus-engine get {name}")
    }
}

/// What to do if something was refused because the run is one of a function.
fn of_function(rejection: &Rejection, name: &str) -> String {
    if matches!(rejection, Rejection::OfFunction) {
        "open the store with the new program, and guard the change with `cx.patched`".to_owned()
    } else if matches!(rejection, Rejection::FailedByItself) {
        start_another()
    } else {
        format!("see what it is: nexus-engine get {name}")
    }
}

/// What to do about a run of a program that cannot be continued.
pub(crate) fn start_another() -> String {
    "start another run, from the program that has its code, under another name".to_owned()
}

/// What to do if an answer to an approval was refused.
#[expect(clippy::wildcard_enum_match_arm, reason = "only answers come here")]
fn undecided(rejection: &Rejection, name: &str) -> String {
    match rejection {
        Rejection::AlreadyDecided { .. } => format!("see who: nexus-engine audit --run {name}"),
        Rejection::NotAnApprover { .. } => {
            "ask one of them; groups are said with --group".to_owned()
        }
        Rejection::FormMisfit { errors, .. } => {
            let hint = errors.first().and_then(|error| error.hint.clone());
            hint.unwrap_or_else(|| "see the form: nexus-engine inbox -o json".into())
        }
        _ => "see what waits: nexus-engine inbox".to_owned(),
    }
}

/// A signal came to a run that has ended.
pub(crate) fn nobody_waits(name: &str, signal: &str, status: &str) -> Problem {
    let text = format!("{name} has ended ({status}); no step can take signal `{signal}`");
    Problem::new("NX4002", CONFLICT, text)
        .hint(format!("see how it ended: nexus-engine get {name}"))
        .run(name)
}

/// The step was approved or rejected before.
pub(crate) fn decided(name: &str, step: &str, how: &str) -> Problem {
    let text = format!("{step} in {name} was {how}; nothing was changed");
    let problem = Problem::new("NX4104", CONFLICT, text).run(name);
    Problem { step: Some(step.to_owned()), ..problem }
        .hint(format!("see how it went on: nexus-engine get {name}"))
}

/// Which of several steps is meant.
pub(crate) fn which_step(name: &str, steps: &[&str]) -> Problem {
    let text = format!("several steps of {name} wait for an approval: {}", steps.join(", "));
    Problem::new("NX7019", USAGE, text).hint("name one of them").run(name)
}

/// No step of the run asks anybody.
pub(crate) fn nobody_asks(name: &str) -> Problem {
    Problem::new("NX4105", CONFLICT, format!("no step of {name} waits for an approval"))
        .hint("see what waits: nexus-engine inbox")
        .run(name)
}

/// Why a run was not started.
pub fn start_problem(error: &StartError) -> Problem {
    let text = with_causes(error);
    match error {
        StartError::Inputs(errors) => inputs(errors),
        StartError::InputTooLarge { .. } => too_large(text),
        StartError::Name(_) => {
            Problem::new("NX7020", USAGE, text).hint("for example: order-2026-117")
        }
        StartError::RunId { code, .. } => Problem::new(code.clone(), USAGE, text)
            .hint("give the run a name with --id, or correct `run.id` in the workflow"),
        StartError::Unresolved { workflow, .. } => {
            Problem::new("NX1185", USAGE, text).hint(match workflow.rsplit_once('@') {
                Some((name, _)) => format!("see which versions there are: nexus-engine versions {name}"),
                None => "publish it with nexus-engine publish FILE, or name a file, as in `call: ./other.workflow.yaml`".to_owned(),
            })
        }
        StartError::CallMisfit { code, hint, .. } => {
            Problem::new(*code, USAGE, text).hint(hint.clone())
        }
        StartError::Limit { code, .. } => Problem::new(code.clone(), USAGE, text)
            .hint("correct the input, or `run.concurrency` in the workflow"),
        StartError::Conflict { name, .. } => taken(name),
        StartError::StartKey { code, .. } => Problem::new(code.clone(), USAGE, text)
            .hint("correct the input, or the `key` in the workflow"),
        StartError::KeyedTooLarge { .. } => start_keys::too_large(text),
        StartError::KeyedEncrypted => start_keys::encrypted(text),
        StartError::Kept { name } => start_keys::kept(text, name),
        StartError::KeptOther { name, .. } => start_keys::other(text, name.as_deref()),
        StartError::KeptGone { name } => start_keys::gone(text, name),
        StartError::FunctionEncrypted => Problem::new("NX1136", USAGE, text)
            .hint("start it where runs are not encrypted by default"),
        StartError::NoEncryption => Problem::new("NX6023", UNREACHABLE, text)
            .hint("use a program that was built with the feature `encryption`"),
        StartError::Busy { retry_ms } => Problem::new("NX7006", UNREACHABLE, text)
            .hint("nothing was recorded; the same start can be repeated")
            .retry_after_ms(*retry_ms),
        StartError::Full { retry_ms, .. } => Problem::new("NX4168", UNREACHABLE, text)
            .hint("nothing was recorded; repeat the same start when runs have ended")
            .retry_after_ms(*retry_ms),
        StartError::Request(error) => request(error, "the run"),
    }
}

/// Why a schedule cannot be made.
pub(crate) fn schedule_problem(error: &StartError, name: &str) -> Problem {
    match error {
        StartError::Request(error) => request(error, name),
        StartError::Inputs(_)
        | StartError::InputTooLarge { .. }
        | StartError::Name(_)
        | StartError::RunId { .. }
        | StartError::Unresolved { .. }
        | StartError::CallMisfit { .. }
        | StartError::Limit { .. }
        | StartError::Conflict { .. }
        | StartError::StartKey { .. }
        | StartError::KeyedTooLarge { .. }
        | StartError::KeyedEncrypted
        | StartError::Kept { .. }
        | StartError::KeptOther { .. }
        | StartError::KeptGone { .. }
        | StartError::NoEncryption
        | StartError::FunctionEncrypted
        | StartError::Full { .. }
        | StartError::Busy { .. } => start_problem(error),
    }
}

/// How many wrong inputs are told.
const INPUTS_MAX: usize = 10;

fn inputs(errors: &[InputError]) -> Problem {
    let Some(first) = errors.first() else {
        return Problem::new("NX1205", USAGE, "the input does not fit the workflow");
    };
    let mut said: Vec<&str> =
        errors.iter().take(INPUTS_MAX).map(|error| error.message.as_str()).collect();
    let more = format!("and {} more", errors.len().saturating_sub(INPUTS_MAX));
    said.extend((errors.len() > INPUTS_MAX).then_some(more.as_str()));
    let problem = Problem::new(first.code, USAGE, said.join("; "));
    Problem { hint: errors.iter().find_map(|error| error.hint.clone()), ..problem }
}

/// Why a definition cannot be used.
pub(crate) fn definition(errors: &[DefinitionError]) -> Problem {
    let mut wrong = errors.iter().filter(|error| !error.warning);
    let Some(first) = wrong.next() else {
        return Problem::new("NX7019", USAGE, "the definition cannot be used");
    };
    let message = format!("{}: {}", first.path.join("."), first.message);
    let problem = Problem::new(first.code, USAGE, several(message, wrong.count() + 1));
    Problem { hint: first.hint.clone(), ..problem }
}

fn several(first: String, count: usize) -> String {
    match count {
        0 | 1 => first,
        2 => format!("{first} (and one more error)"),
        count => format!("{first} (and {} more errors)", count - 1),
    }
}

/// The name belongs to a run that is forgotten.
pub(crate) fn forgotten(name: &str) -> Problem {
    let text = format!("run `{name}` is forgotten: whether it had the same input is not known");
    Problem::new("NX6022", CONFLICT, text)
        .hint(format!(
            "see what is left of it: nexus-engine history {name}; or choose another --id"
        ))
        .run(name)
}

fn taken(name: &str) -> Problem {
    Problem::new("NX7003", CONFLICT, format!("run `{name}` exists with another workflow or input"))
        .hint(format!("see it with nexus-engine get {name}, or choose another --id"))
        .run(name)
}

pub(crate) fn too_large(text: String) -> Problem {
    Problem::new("NX7005", USAGE, text)
        .hint("put large data into a file or store, and pass its address")
}

/// There is no such run; `near` is a name that may be meant.
pub(crate) fn no_such_run(name: &str, near: Option<&str>) -> Problem {
    let problem = Problem::new("NX7011", NOT_FOUND, format!("there is no run `{name}`")).run(name);
    match near {
        Some(near) => problem.hint(format!("did you mean {near}?")),
        None => problem.hint("see what there is: nexus-engine list"),
    }
}

/// The function of a run is one of another program.
pub(crate) fn function_elsewhere(name: &str, workflow: &str) -> Problem {
    let message = format!(
        "{name} is carried out by the function `{workflow}` of a program, which this one does not have"
    );
    Problem::new("NX5022", CONFLICT, message).run(name).hint(in_its_program(name))
}

/// The function of a run gets no further in the program that has the store open.
pub(crate) fn function_stuck(name: &str, trouble: &FunctionTrouble) -> Problem {
    let message = format!("{name} gets no further here: {}", trouble.message);
    let hint = format!("nexus-engine explain {name} says more; it goes on with code that fits");
    Problem::new(trouble.code, CONFLICT, message).run(name).hint(hint)
}

/// The handlers that a run gets no further without are those of another program.
pub(crate) fn handlers_elsewhere(name: &str, handlers: &str, is_one: bool) -> Problem {
    let s = if is_one { "" } else { "s" };
    let message = format!(
        "{name} gets no further without the handler{s} {handlers}, which nobody here offers"
    );
    let it = if is_one { "it" } else { "them" };
    let hint = format!("run the program that has {it}: {name} goes on once that opens the store");
    Problem::new("NX3004", CONFLICT, message).run(name).hint(hint)
}

/// What to do about a run whose code is in another program.
pub(crate) fn in_its_program(name: &str) -> String {
    format!("run the program that has it: {name} goes on once that opens the store")
}

/// No run has this name, though some begin so: what changes a run is told its whole name.
pub fn not_whole(name: &str, some: &[String]) -> Problem {
    Problem::new("NX7011", NOT_FOUND, format!("there is no run `{name}`"))
        .run(name)
        .hint(format!("did you mean {}? what changes a run takes its whole name", some.join(", ")))
}

/// Several runs are meant.
pub(crate) fn ambiguous(name: &str, some: &[String], more: bool) -> Problem {
    let list = some.join(", ");
    let and_more = if more { ", …" } else { "" };
    Problem::new(
        "NX7012",
        USAGE,
        format!("`{name}` is the beginning of several runs: {list}{and_more}"),
    )
    .hint("write more of the name")
}

/// The run has not ended.
pub(crate) fn still_going(name: &str, why: &str) -> Problem {
    Problem::new("NX7013", STILL_GOING, format!("{name} is still going: {why}"))
        .hint(format!("wait on: nexus-engine wait {name}"))
        .run(name)
}

/// The definition has no such step.
pub(crate) fn no_such_step(name: &str, step: &str, near: Option<&str>) -> Problem {
    let problem = Problem::new("NX7014", NOT_FOUND, format!("{name} has no step `{step}`"));
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("see its steps: nexus-engine get {name}"),
    };
    Problem { step: Some(step.to_owned()), ..problem.hint(hint).run(name) }
}

/// The engine is on its way out.
pub(crate) fn shutting_down() -> Problem {
    Problem::new("NX7017", UNREACHABLE, "the engine is shutting down")
        .hint("try again when it is back")
}

/// The request is not understood.
pub(crate) fn bad_request(text: impl Into<String>) -> Problem {
    Problem::new("NX7019", USAGE, text)
        .hint("docs/reference/control-api.md describes every request")
}

/// The engine has no store on disk.
pub(crate) fn no_store(what: &str) -> Problem {
    Problem::new("NX6012", USAGE, format!("{what} needs a store on disk, and this engine has none"))
}

/// A file or folder cannot be used.
pub(crate) fn files(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new("NX6009", UNREACHABLE, format!("cannot use {}: {error}", path.display()))
        .hint("look at the folder's owner and permissions")
}

/// Something of ours broke.
pub(crate) fn bug(what: &str) -> Problem {
    Problem::new("NX9001", BUG, format!("a bug in nexus-engine: {what}"))
}
