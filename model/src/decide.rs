//! Decides what a command means for a run.
//!
//! A command is checked, becomes one outside event, and then `advance` derives what follows from it: conditions, pure
//! steps, starts, retries, and the end of the run. Events are folded as they are made, so that each sees what the one
//! before it changed; if the command comes to nothing, the changes are undone.
//!
//! Invariants:
//! * The run is advanced by exactly the events returned, or not at all.
//! * Derived events follow from the state, the outside event and what the shell has [`Given`] with it.
//! * The cost is that of what changes, not that of the run.

mod advance;
mod answer_approval;
mod any_ok;
mod approve;
mod backoff;
mod breakers;
mod call;
mod cancel;
mod complete_step;
mod deliver_signal;
mod draft;
mod end_child;
mod evaluate;
mod fail_step;
mod fire_timer;
mod follow_parent;
mod forget;
mod holds;
mod interrupt;
mod item_slots;
mod items;
mod make_calls;
mod migrate;
mod offer_event;
mod offer_slots;
mod pause;
mod queueing;
mod race;
mod record_heartbeat;
mod repeat;
mod resume;
mod resume_attempt;
mod retry;
mod sealing;
mod slots;
mod start;
mod switch;
mod undo;
mod undo_items;
mod update;
mod wait_for;
mod wind_down;

pub(crate) use breakers::wish_to_call;
use draft::Draft;
use migrate::{Moves, Prepared};
pub use retry::check_retry;
pub use slots::{SlotChange, asked_for};

pub use answer_approval::may_decide;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::code::CallsMade;
use crate::command::Command;
use crate::event::{Event, Given};
use crate::id::TimerId;
use crate::payload::{NewPayload, PayloadHash};
use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::run::Run;
use crate::time::Timestamp;
use crate::vault::Vault;

/// An attempt that was cut off this often runs alone from then on.
pub const ALONE_AFTER_INTERRUPTIONS: u32 = 2;

/// What `decide` may know beside the run.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Time and room, recorded with the outside event.
    pub given: Given,
    /// Payloads loaded so far, by hash.
    pub payloads: &'a BTreeMap<PayloadHash, Arc<[u8]>>,
    /// An attempt that was cut off more often than this fails with NX3013 instead of running again.
    pub interruptions_max: u32,
    /// What hides the values of an encrypted run.
    pub vault: Option<&'a dyn Vault>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Load these payloads and ask again.
    Needs(Vec<PayloadHash>),
    /// This happens.
    Happens(Transition),
}

/// What happens: events to record, and what becomes durable with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transition {
    /// First the outside event, then what was derived from it.
    pub events: Vec<Event>,
    /// Timers that were set or cleared.
    pub timers: Vec<TimerChange>,
    /// What limits have to be told.
    pub slots: Vec<SlotChange>,
    /// Payloads that `decide` made and the events name by hash. Those of the command are the caller's.
    pub payloads: Vec<NewPayload>,
}

/// A change of the set of timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// The timer is set.
    Set(TimerId, Timestamp),
    /// The timer is no longer set.
    Cleared(TimerId, Timestamp),
}

/// Decides what `command` means for `run`. Same inputs, same events.
///
/// When something happens, `run` has already been advanced by exactly those events; otherwise it is unchanged.
///
/// # Errors
/// A [`Rejection`] if the command does not fit the state.
pub fn decide(
    plan: &Plan,
    run: &mut Run,
    command: Command,
    context: Context<'_>,
) -> Result<Decision, Rejection> {
    check_status(run, &command)?;
    refuse_of_function(run, &command)?;
    let moves = match migrate::prepare(plan, run, &command, &context)? {
        Prepared::Keeps => None,
        Prepared::Needs(input) => return Ok(Decision::Needs(vec![input])),
        Prepared::Moves(moves) => Some(moves),
    };
    let (made, grown) = make_calls::grow(plan, run, &command)?.unzip();
    let next = moves.as_ref().map(|moves| Arc::clone(&moves.plan)).or(grown);
    let mut draft = Draft::new(next.as_deref().unwrap_or(plan), run, context);
    match apply(&mut draft, command, moves, made) {
        Ok(()) => {
            draft.advance();
            Ok(draft.finish())
        }
        Err(rejection) => {
            draft.undo();
            Err(rejection)
        }
    }
}

/// Makes the outside event of a command, and what follows from it for the steps it names.
fn apply(
    draft: &mut Draft<'_>,
    command: Command,
    moves: Option<Moves>,
    made: Option<CallsMade>,
) -> Result<(), Rejection> {
    match command {
        Command::MakeCalls(_) => draft.make_calls(made),
        Command::ReturnFunction(returned) => draft.return_function(*returned),
        Command::StartRun(start) => draft.start_run(start),
        Command::CompleteStep { step, attempt, output } => {
            draft.complete_step(step, attempt, output)
        }
        Command::FailStep { step, attempt, failure } => draft.fail_step(step, attempt, failure),
        Command::InterruptAttempts { attempts, how } => draft.interrupt_attempts(attempts, how),
        Command::CompleteItem { step, item, attempt, output } => {
            draft.complete_item(step, item, attempt, output)
        }
        Command::FailItem { step, item, attempt, failure } => {
            draft.fail_item(step, item, attempt, failure)
        }
        Command::InterruptItems { attempts, how } => draft.interrupt_items(attempts, how),
        Command::ResumeItem { step, item, attempt } => draft.resume_item(step, item, attempt),
        Command::ResumeAttempt { step, attempt } => draft.resume_attempt(step, attempt),
        Command::RecordHeartbeat { step, attempt, progress } => {
            draft.record_heartbeat(step, attempt, progress)
        }
        Command::FireTimer { timer } => draft.fire_timer(timer),
        Command::PauseRun { by, reason } => draft.pause_run(by, reason),
        Command::ResumeRun { by } => draft.resume_run(by),
        Command::PauseStep { step, by, reason } => draft.pause_step(step, by, reason),
        Command::ResumeStep { step, by } => draft.resume_step(step, by),
        Command::HoldRun { pauses } => draft.hold_run(pauses),
        Command::ReleaseRun => draft.release_run(),
        Command::InHold { pauses, command } => {
            apply(draft, *command, moves, made)?;
            draft.hold_run(pauses)
        }
        Command::CancelRun { by, reason, undo } => draft.cancel_run(by, reason, undo),
        Command::RetryRun { by } => draft.retry_run(by),
        Command::MigrateRun(migrate) => draft.migrate_run(*migrate, moves),
        Command::ForgetRun { by } => draft.forget_run(by),
        Command::OfferSlots => draft.offer_slots(),
        Command::AllowCall { step, item, ticket } => draft.allow_call(step, item, ticket),
        Command::RefuseCall { step, item, ticket } => draft.refuse_call(step, item, ticket),
        Command::GrantSlot { step, item, ticket } => draft.grant_slot(step, item, ticket),
        Command::AnswerApproval { step, answer } => draft.answer_approval(step, *answer),
        Command::Update(request) => draft.take_update(*request),
        Command::OfferEvent { step, event, id, payload, by } => {
            draft.offer_event(step, &event, id, payload, by)
        }
        Command::EventsRead { step, waiting } => draft.events_read(step, waiting),
        Command::DeliverSignal { name, id, payload, by } => {
            draft.deliver_signal(name, id, payload, by)
        }
        Command::EndChild { step, child, revision, ended } => {
            draft.end_child(step, child, revision, ended)
        }
        Command::FollowParent { paused } => draft.follow_parent(paused),
    }
}

/// What no command may do in this status, whatever it says.
fn check_status(run: &Run, command: &Command) -> Result<(), Rejection> {
    match command {
        Command::StartRun(_) => Ok(()),
        Command::InHold { command, .. } => check_status(run, command),
        // The same signal again is no new one, whatever has become of the run.
        Command::DeliverSignal { id, .. } | Command::OfferEvent { id, .. }
            if run.signals.ids.contains(id) =>
        {
            Err(Rejection::AlreadyReceived { id: id.clone() })
        }
        // The same update again is answered as it was, whatever has become of the run.
        Command::Update(request) if run.updates.contains_key(&request.id) => {
            let (id, revision) = (request.id.clone(), run.updates[&request.id]);
            Err(Rejection::UpdateAccepted { id, revision })
        }
        // Of an approval it is asked first whether it was decided before, also of a run that has ended.
        Command::RetryRun { .. }
        | Command::ForgetRun { .. }
        | Command::AnswerApproval { .. }
        | Command::MigrateRun(_)
            if run.started.is_some() =>
        {
            Ok(())
        }
        // The breaker is told what came of the call, whatever has become of the run.
        Command::AllowCall { .. } | Command::RefuseCall { .. } if run.started.is_some() => Ok(()),
        Command::MakeCalls(_)
        | Command::ReturnFunction(_)
        | Command::RetryRun { .. }
        | Command::ForgetRun { .. }
        | Command::AnswerApproval { .. }
        | Command::MigrateRun(_)
        | Command::CompleteStep { .. }
        | Command::FailStep { .. }
        | Command::InterruptAttempts { .. }
        | Command::CompleteItem { .. }
        | Command::FailItem { .. }
        | Command::InterruptItems { .. }
        | Command::ResumeItem { .. }
        | Command::ResumeAttempt { .. }
        | Command::RecordHeartbeat { .. }
        | Command::FireTimer { .. }
        | Command::PauseRun { .. }
        | Command::ResumeRun { .. }
        | Command::PauseStep { .. }
        | Command::ResumeStep { .. }
        | Command::HoldRun { .. }
        | Command::ReleaseRun
        | Command::CancelRun { .. }
        | Command::DeliverSignal { .. }
        | Command::EndChild { .. }
        | Command::FollowParent { .. }
        | Command::OfferEvent { .. }
        | Command::Update(_)
        | Command::EventsRead { .. }
        | Command::AllowCall { .. }
        | Command::RefuseCall { .. }
        | Command::GrantSlot { .. }
        | Command::OfferSlots => check_goes_on(run),
    }
}

/// What cannot be asked of a run whose steps are the calls of a function: it has said what happens, and would say it again.
fn refuse_of_function(run: &Run, command: &Command) -> Result<(), Rejection> {
    if run.code.is_none() {
        return Ok(());
    }
    if let Command::InHold { command, .. } = command {
        return refuse_of_function(run, command);
    }
    if command.migrates().is_some() {
        return Err(Rejection::OfFunction);
    }
    Ok(())
}

fn check_goes_on(run: &Run) -> Result<(), Rejection> {
    if run.started.is_none() {
        return Err(Rejection::NotStarted);
    }
    if run.status.is_terminal() {
        return Err(Rejection::Ended { status: run.status.word() });
    }
    Ok(())
}
