//! The notation of stories: events and what holds after them as text.

mod items;

use crate::effect::{Effect, Reading, Wish};
use crate::event::{ChildEnd, Event, Failure, Interruption, UpdateAccepted, UpdateAwaited};
use crate::id::{Attempt, StepIndex, TimerId};
use crate::payload::{ContentType, Payload};
use crate::plan::Plan;
use crate::time::Timestamp;

#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
pub(super) fn event(plan: &Plan, event: &Event) -> String {
    let id = |step: &StepIndex| plan.id(*step).to_owned();
    match event {
        Event::RunStarted(started) => format!("run started{}", timer(started.timeout, "timeout")),
        Event::StepCompleted { step, attempt, output, may_repeat } => {
            let again = if *may_repeat { " may repeat" } else { "" };
            format!("{} completed{}{again}", tried(plan, *step, *attempt), payload(Some(output)))
        }
        Event::AttemptFailed { step, attempt, failure } => {
            format!("{} attempt failed {}", tried(plan, *step, *attempt), failure.code)
        }
        Event::AttemptsInterrupted { attempts, how } => {
            let names = attempts.iter().map(|(step, attempt)| tried(plan, *step, *attempt));
            let how = interruption(*how);
            format!("{how}: {}", names.collect::<Vec<_>>().join(" "))
        }
        Event::AttemptResumed { step, attempt } => {
            format!("taken up: {}", tried(plan, *step, *attempt))
        }
        Event::HeartbeatRecorded { step, attempt, progress } => {
            format!("{} heartbeat{}", tried(plan, *step, *attempt), payload(Some(progress)))
        }
        Event::TimerFired { timer } => format!("t{} fired", timer.0),
        Event::RunPaused { .. } => "paused".to_owned(),
        Event::RunMigrated(migrated) => migration(migrated),
        Event::RunResumed { .. } => "resumed".to_owned(),
        Event::StepPaused { step, .. } => format!("{} paused", id(step)),
        Event::StepResumed { step, .. } => format!("{} resumed", id(step)),
        Event::RunHeld { pauses } => format!("held by {}", pauses.join(", ")),
        Event::RunReleased => "released".to_owned(),
        Event::CancelRequested { .. } => "cancel requested".to_owned(),
        Event::RunRetried { timeout, .. } => format!("run retried{}", timer(*timeout, "timeout")),
        Event::CallsMade(made) => {
            let calls = made.calls.iter().map(|call| format!("{}@{}", call.id(), call.step.0));
            let patches = made.patches.iter().map(|name| format!("patch {name}"));
            let said: Vec<String> = calls.chain(patches).collect();
            format!("calls in turn {}: {}", made.turn, said.join(" "))
        }
        Event::FunctionReturned(returned) => {
            let said = match &returned.failure {
                Some(failure) => format!(" {}", failure.code),
                None => payload(Some(&returned.output)),
            };
            let colon = if said.is_empty() { "" } else { ":" };
            let how = if returned.again { "goes again" } else { "returns" };
            let left = returned.left.iter();
            let left = left.map(|left| format!(", leaves signal {}", left.number));
            let left = left.collect::<Vec<_>>().concat();
            format!("{how} in turn {}{colon}{said}{left}", returned.turn)
        }
        Event::SlotsOffered => "slots offered".to_owned(),
        Event::EventsRead { step } => format!("{} has read events", id(step)),
        Event::SignalReceived { name, payload: carried, .. } => {
            format!("signal {name}{}", payload(Some(carried)))
        }
        Event::UpdateAwaited(awaited) => {
            let UpdateAwaited { step, name, timer: due } = &**awaited;
            format!("{} takes update {name}{}", id(step), timer(*due, ""))
        }
        Event::UpdateAccepted(accepted) => {
            let UpdateAccepted { step, name, data, reply, .. } = &**accepted;
            let (data, reply) = (payload(Some(data)), payload(Some(reply)));
            format!("{} accepts {name}{data} answers{reply}", id(step))
        }
        Event::StepSlotRequested { step, item, attempt, ticket, wish } => {
            let tried = items::tried(plan, *step, *item, *attempt);
            format!("{tried} queued #{} for {}", ticket.0, wish.limit)
        }
        Event::RunQueued { ticket, wish, .. } => {
            format!("run queued #{} for {}", ticket.0, wish.limit)
        }
        Event::StepSlotGranted(answer) => items::answered(plan, *answer, "granted"),
        Event::StepCallRequested { step, item, attempt, ticket, target } => {
            let tried = items::tried(plan, *step, *item, *attempt);
            format!("{tried} asks {target} #{}", ticket.0)
        }
        Event::StepCallAllowed(answer) => items::answered(plan, *answer, "allowed"),
        Event::StepCallRefused(answer) => items::answered(plan, *answer, "refused"),
        Event::RunSlotGranted { ticket } => format!("run granted #{}", ticket.0),
        Event::StepWaits { step, signal, timer: due } => {
            format!("{} waits for {signal}{}", id(step), timer(*due, ""))
        }
        Event::ApprovalRequested { step, by, message, timer: due } => {
            let said = if message.is_empty() { String::new() } else { format!(" \"{message}\"") };
            format!("{} asks {}{said}{}", id(step), by.join(","), timer(*due, ""))
        }
        Event::ApprovalGranted { step, by, role, form, .. } => {
            format!("{} approved by {} as {role}{}", id(step), by.name, payload(Some(form)))
        }
        Event::ApprovalRejected { step, by, role, form, .. } => {
            format!("{} rejected by {} as {role}{}", id(step), by.name, payload(Some(form)))
        }
        Event::StepCalled { step, attempt, number, input, timer: due, deadline } => {
            let with = payload(input.as_ref());
            let (due, deadline) = (timer(*due, ""), timer(*deadline, "deadline"));
            format!("{} calls {number}{with}{due}{deadline}", tried(plan, *step, *attempt))
        }
        Event::ChildEnded { child, ended, .. } => match ended {
            ChildEnd::Completed { output } => format!("{child} ended{}", payload(Some(output))),
            ChildEnd::Failed { failure, .. } => format!("{child} failed {}", failure.code),
            ChildEnd::Cancelled { .. } => format!("{child} was cancelled"),
        },
        Event::ParentPaused => "parent paused".to_owned(),
        Event::ParentResumed => "parent resumed".to_owned(),
        Event::SignalTaken { step, signal } => format!("{} takes signal {signal}", id(step)),
        Event::StepStarted { step, attempt, input, deadline } => {
            let with = payload(input.as_ref());
            let deadline = timer(*deadline, "deadline");
            format!("{} started{with}{deadline}", tried(plan, *step, *attempt))
        }
        Event::StepQueued { step, timer: id, until } => {
            format!("{} queued{}", plan.id(*step), timer(Some((*id, *until)), ""))
        }
        Event::StepSlept { step, timer: id, until } => {
            format!("{} sleeps{}", plan.id(*step), timer(Some((*id, *until)), ""))
        }
        Event::ItemsStarted { .. }
        | Event::ItemResumed { .. }
        | Event::ItemStarted { .. }
        | Event::ItemCompleted { .. }
        | Event::ItemAttemptFailed { .. }
        | Event::ItemsInterrupted { .. }
        | Event::ItemOutputMapped { .. }
        | Event::ItemRetryScheduled { .. }
        | Event::ItemFailed { .. }
        | Event::ItemUndoStarted(_)
        | Event::ItemUndone(_)
        | Event::OutputsStored { .. } => items::event(plan, event),
        Event::StepSkipped { step, reason } => format!("{} skipped: {reason}", id(step)),
        Event::PathChosen { step, case, reason, skipped } => {
            let case = case.map_or_else(|| "default".to_owned(), |case| case.to_string());
            let rest = if skipped.is_empty() {
                String::new()
            } else {
                format!(", not {}", ids(plan, skipped))
            };
            format!("{} takes {case}{rest}: {reason}", id(step))
        }
        Event::StepsBypassed { router, steps } => {
            format!("{} goes around: {}", id(router), ids(plan, steps))
        }
        Event::RaceDecided { step, winner } => {
            let winner = winner.map_or_else(|| "nobody".to_owned(), |step| id(&step));
            format!("{} is won by {winner}", id(step))
        }
        Event::RoundBegun { step, round, reason, carry } => {
            format!("{} begins round {round}{}: {reason}", id(step), payload(Some(carry)))
        }
        Event::StepsNotReached { steps } => format!("not reached: {}", ids(plan, steps)),
        Event::RetryScheduled { step, attempt, timer: id, at } => {
            format!("{} retry{}", tried(plan, *step, *attempt), timer(Some((*id, *at)), ""))
        }
        Event::StepFailed { step, failure, continued } => {
            let goes_on = if *continued { ", continued" } else { "" };
            format!("{} failed {}{goes_on}", id(step), why(failure))
        }
        Event::OutputMapped { step, output } => {
            format!("{} mapped{}", id(step), payload(Some(output)))
        }
        Event::StopRequested { steps } => format!("stop: {}", ids(plan, steps)),
        Event::StepsCancelled { steps } => format!("cancelled: {}", ids(plan, steps)),
        Event::RunCompleted { output, .. } => format!("run completed{}", payload(Some(output))),
        Event::RunFailed { failure, step, .. } => {
            let at = step.map(|step| format!(" at {}", plan.id(step))).unwrap_or_default();
            format!("run failed{at}: {}", why(failure))
        }
        Event::RunCancelled { .. } => "run cancelled".to_owned(),
        Event::UndoCompleted { step, attempt, may_repeat } => {
            let again = if *may_repeat { " may repeat" } else { "" };
            format!("{} undone{again}", tried(plan, *step, *attempt))
        }
        Event::UndoAttemptFailed { step, attempt, failure } => {
            format!("{} undo attempt failed {}", tried(plan, *step, *attempt), failure.code)
        }
        Event::UndoWaived { .. } => "undo waived".to_owned(),
        Event::UndoRetried { .. } => "undo retried".to_owned(),
        Event::RunForgotten { .. } => "forgotten".to_owned(),
        Event::UndoRequested { steps } if steps.is_empty() => "nothing to undo".to_owned(),
        Event::UndoRequested { steps } => format!("undo: {}", ids(plan, steps)),
        Event::UndoStarted { step, attempt, input } => {
            format!("{} undo started{}", tried(plan, *step, *attempt), payload(input.as_ref()))
        }
        Event::UndoRetryScheduled { step, attempt, timer: id, at } => {
            let due = timer(Some((*id, *at)), "");
            format!("{} undo retry{due}", tried(plan, *step, *attempt))
        }
        Event::UndoFailed { step, failure } => {
            format!("{} undo failed {}", id(step), why(failure))
        }
    }
}

pub(super) fn effect(plan: &Plan, effect: &Effect) -> String {
    match effect {
        Effect::RunAttempt(run) => {
            let undo = if run.undo { "undo" } else { "run" };
            let progress = payload(Some(&run.progress));
            let from = if progress.is_empty() { "" } else { " from" };
            let tried = items::tried(plan, run.step, run.item, run.attempt);
            format!("{undo} {tried}{from}{progress}")
        }
        Effect::ResumeAttempt { step, item, attempt, alone } => {
            let alone = if *alone { " alone" } else { "" };
            format!("resume {}{alone}", items::tried(plan, *step, *item, *attempt))
        }
        Effect::ReadEvents(Reading { step, event, since, .. }) => {
            format!("read {event} for {} since {}", plan.id(*step), time(*since))
        }
        Effect::StopAttempt { step, item, attempt } => {
            format!("stop {}", items::tried(plan, *step, *item, *attempt))
        }
        Effect::Call(call) => {
            let seen = if call.seen > 0 { format!(" after {}", call.seen) } else { String::new() };
            let word = match call.wish {
                Wish::GoOn => "call",
                Wish::Pause => "hold",
                Wish::End => "end",
            };
            format!("{word} {}{seen}{}", call.child, payload(Some(&call.input)))
        }
    }
}

pub(super) fn ids(plan: &Plan, steps: &[StepIndex]) -> String {
    steps.iter().map(|step| plan.id(*step)).collect::<Vec<_>>().join(" ")
}

pub(super) fn time(at: Timestamp) -> String {
    let ms = at.0 / 1000;
    if ms % 1000 == 0 { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}

fn tried(plan: &Plan, step: StepIndex, attempt: Attempt) -> String {
    format!("{}#{}", plan.id(step), attempt.0)
}

/// The code; of our own failures also the message.
fn why(failure: &Failure) -> String {
    let is_ours = failure.code.starts_with("NX3") || failure.code.starts_with("NX4");
    if is_ours { format!("{} {}", failure.code, failure.message) } else { failure.code.clone() }
}

fn timer(timer: Option<(TimerId, Timestamp)>, word: &str) -> String {
    let Some((id, at)) = timer else { return String::new() };
    let word = if word.is_empty() { String::new() } else { format!(" {word}") };
    format!("{word} t{}@{}", id.0, time(at))
}

fn payload(payload: Option<&Payload>) -> String {
    match payload {
        None | Some(Payload::Null) => String::new(),
        Some(Payload::Inline(_, bytes)) => format!(" {}", String::from_utf8_lossy(bytes)),
        Some(Payload::Stored(ContentType::Chunks, _, _)) => " <chunks>".to_owned(),
        Some(Payload::Stored(_, _, len)) => format!(" <{len} bytes>"),
    }
}

fn migration(migrated: &crate::event::Migrated) -> String {
    let place = |place: &Option<StepIndex>| place.map_or("–".to_owned(), |at| at.0.to_string());
    let places: Vec<String> = migrated.steps.iter().map(place).collect();
    format!("migrated {}", places.join(" "))
}

/// How attempts came to rest.
pub(super) fn interruption(how: Interruption) -> &'static str {
    match how {
        Interruption::ProcessEnded => "interrupted",
        Interruption::ShutDown => "shut down",
        Interruption::NotCalled => "not called",
    }
}
