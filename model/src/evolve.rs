//! Folds events into the state.
//!
//! Invariants:
//! * A recorded event of a run's plan always applies; there is no failure and no wildcard arm.
//! * A timer is gone when it fired, when its step settled, or when the run ended; no event says so.

mod attempts;
mod calls;
mod code;
mod heartbeats;
mod holds;
mod items;
mod migration;
mod queueing;
mod rounds;
mod runs;
mod settling;
mod signals;
mod slots;
mod switch;
mod timers;
mod undo;
mod updates;

pub(crate) use timers::{deadline_passed, not_started};

use crate::code::CallMade;
use crate::decide::wish_to_call;
use crate::event::{Awaited, Event, SlotAnswer};
use crate::id::{Attempt, StepIndex, TimerId};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::{
    Hold, Holds, ItemsChange, ItemsRun, KeptSignal, LastCall, Loop, Run, RunStatus, Slot, StepRun,
    StepState, Timer, TimerPurpose, UndoState,
};
use crate::time::Timestamp;
pub(crate) use code::Replaced;
use signals::{awaited, awaits_event};

/// Folds one recorded event into the state. A recorded event always applies. `at` is the time of its transition.
///
/// # Panics
/// If the event is of another plan, see [`fits`].
pub fn evolve(plan: &Plan, run: &mut Run, event: &Event, at: Timestamp) {
    Fold { plan, run, at, changes: None }.event(event);
}

/// As [`evolve`]; also notes what it changed, so that it can be undone.
pub(crate) fn evolve_noting(
    plan: &Plan,
    run: &mut Run,
    event: &Event,
    at: Timestamp,
    changes: &mut Vec<Change>,
) {
    Fold { plan, run, at, changes: Some(changes) }.event(event);
}

/// Something an event changed.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// The step was this before.
    Step(StepIndex, StepRun),
    /// The timer was set.
    TimerSet(TimerId, Timer),
    /// The timer is no longer set.
    TimerCleared(TimerId, Timer),
    /// The holds were these before.
    Holds(Holds),
    /// The progress of the step was this before.
    Progress(StepIndex, Option<Payload>),
    /// The timer by which the step has to start was this before.
    Queued(StepIndex, Option<TimerId>),
    /// A signal came, with this id.
    SignalReceived(String),
    /// An update was accepted, with this id, and the one with that id was forgotten.
    UpdateAccepted(String, Option<(String, u32)>),
    /// The loop was in this round before.
    Loop(StepIndex, Option<Loop>),
    /// The signal was taken.
    SignalTaken(u32, KeptSignal),
    /// The signal was put back.
    SignalLeft(u32),
    /// The event that was kept for a step was dropped.
    OfferDropped(u32, KeptSignal),
    /// The last call of the step was this before.
    Call(StepIndex, Option<LastCall>),
    /// The items of the step changed; this undoes it.
    Items(StepIndex, ItemsChange),
    /// The step had these items before.
    AllItems(StepIndex, Option<Box<ItemsRun>>),
    /// What was held or waited for here, before.
    Slot(Slot, Option<Hold>),
    /// The function has made calls; this was where their steps are.
    Calls(Box<Replaced>),
    /// The run had another plan, and was this.
    Migrated(Box<Run>),
}

/// Whether `event` can be one of a run of `plan`; asked when events are read from outside.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
pub fn fits(plan: &Plan, event: &Event) -> bool {
    let is_step = |step: &StepIndex| step.0 < plan.step_count();
    let has_items = |step: &StepIndex| is_step(step) && plan.each(*step).is_some();
    let can_be_undone = |step: &StepIndex| is_step(step) && plan.undo(*step).is_some();
    match event {
        Event::RunStarted(started) => started.definition == plan.hash(),
        Event::StepCompleted { step, .. }
        | Event::StepPaused { step, .. }
        | Event::StepResumed { step, .. }
        | Event::AttemptFailed { step, .. }
        | Event::AttemptResumed { step, .. }
        | Event::HeartbeatRecorded { step, .. }
        | Event::StepStarted { step, .. }
        | Event::StepSlept { step, .. }
        | Event::StepQueued { step, .. }
        | Event::StepWaits { step, .. }
        | Event::EventsRead { step }
        | Event::SignalTaken { step, .. }
        | Event::StepCalled { step, .. }
        | Event::ChildEnded { step, .. }
        | Event::ApprovalGranted { step, .. }
        | Event::ApprovalRejected { step, .. }
        | Event::ApprovalRequested { step, .. }
        | Event::StepSkipped { step, .. }
        | Event::RoundBegun { step, .. }
        | Event::RetryScheduled { step, .. }
        | Event::StepFailed { step, .. }
        | Event::OutputMapped { step, .. } => is_step(step),
        Event::ItemsStarted { step, count, chunks, .. } => {
            has_items(step)
                && *count > 0
                && count.div_ceil(crate::run::ITEMS_PER_CHUNK) as usize == chunks.len()
        }
        Event::StepSlotRequested { step, item, .. }
        | Event::StepSlotGranted(SlotAnswer { step, item, .. })
        | Event::StepCallRequested { step, item, .. }
        | Event::StepCallAllowed(SlotAnswer { step, item, .. })
        | Event::StepCallRefused(SlotAnswer { step, item, .. }) => {
            is_step(step) && (item.is_none() || has_items(step))
        }
        Event::ItemResumed { step, .. }
        | Event::ItemStarted { step, .. }
        | Event::ItemCompleted { step, .. }
        | Event::ItemAttemptFailed { step, .. }
        | Event::ItemOutputMapped { step, .. }
        | Event::ItemRetryScheduled { step, .. }
        | Event::ItemFailed { step, .. }
        | Event::OutputsStored { step, .. } => has_items(step),
        Event::ItemsInterrupted { attempts, .. } => {
            attempts.iter().all(|(step, ..)| has_items(step))
        }
        Event::UndoCompleted { step, .. }
        | Event::UndoAttemptFailed { step, .. }
        | Event::UndoStarted { step, .. }
        | Event::UndoRetryScheduled { step, .. }
        | Event::UndoFailed { step, .. } => can_be_undone(step),
        Event::ItemUndoStarted(started) => has_items(&started.step) && can_be_undone(&started.step),
        Event::ItemUndone(undone) => has_items(&undone.step) && can_be_undone(&undone.step),
        Event::UndoRequested { steps } => steps.iter().all(can_be_undone),
        Event::AttemptsInterrupted { attempts, .. } => {
            attempts.iter().all(|(step, _)| is_step(step))
        }
        Event::RaceDecided { step, winner } => is_step(step) && winner.iter().all(is_step),
        Event::PathChosen { step, skipped, .. } => is_step(step) && skipped.iter().all(is_step),
        Event::StepsBypassed { router, steps } => is_step(router) && steps.iter().all(is_step),
        Event::StepsNotReached { steps }
        | Event::StopRequested { steps }
        | Event::StepsCancelled { steps } => steps.iter().all(is_step),
        Event::UpdateAwaited(awaited) => is_step(&awaited.step),
        Event::UpdateAccepted(accepted) => is_step(&accepted.step),
        Event::RunFailed { step, .. } => step.as_ref().is_none_or(is_step),
        Event::RunMigrated(migrated) => {
            migrated.definition == plan.hash() && migrated.steps.iter().flatten().all(is_step)
        }
        Event::CallsMade(made) => {
            let is_here =
                |call: &CallMade| plan.call_made(call.step).is_some_and(|known| **known == *call);
            plan.is_code() && made.calls.iter().all(is_here)
        }
        Event::FunctionReturned(_) => plan.is_code(),
        Event::TimerFired { .. }
        | Event::RunPaused { .. }
        | Event::RunResumed { .. }
        | Event::RunHeld { .. }
        | Event::RunReleased
        | Event::CancelRequested { .. }
        | Event::UndoWaived { .. }
        | Event::UndoRetried { .. }
        | Event::RunForgotten { .. }
        | Event::RunRetried { .. }
        | Event::SlotsOffered
        | Event::ParentPaused
        | Event::ParentResumed
        | Event::RunQueued { .. }
        | Event::RunSlotGranted { .. }
        | Event::SignalReceived { .. }
        | Event::RunCompleted { .. }
        | Event::RunCancelled { .. } => true,
    }
}

/// The folding of one event.
struct Fold<'a> {
    plan: &'a Plan,
    run: &'a mut Run,
    at: Timestamp,
    changes: Option<&'a mut Vec<Change>>,
}

impl Fold<'_> {
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
    fn event(&mut self, event: &Event) {
        self.run.revision = self.run.revision.saturating_add(1);
        self.note_outcome(event);
        match event {
            Event::CallsMade(made) => self.calls_made(made),
            Event::FunctionReturned(returned) => self.function_returned(returned),
            Event::RunStarted(started) => self.run_started(started),
            Event::StepCompleted { step, attempt, output, .. } => {
                self.step_completed(*step, *attempt, output);
            }
            Event::AttemptFailed { step, failure, .. } => self.attempt_failed(*step, failure),
            Event::AttemptsInterrupted { attempts, how } => {
                self.attempts_interrupted(attempts, *how);
            }
            Event::AttemptResumed { step, .. } => self.attempt_resumed(*step),
            Event::HeartbeatRecorded { step, progress, .. } => {
                self.heartbeat_recorded(*step, progress);
            }
            Event::TimerFired { timer } => self.timer_fired(*timer),
            Event::RunPaused { .. } => self.run_paused(),
            Event::RunResumed { .. } => self.run.paused = false,
            Event::StepPaused { step, .. } => self.step_paused(*step),
            Event::StepResumed { step, .. } => self.step_resumed(*step),
            Event::RunHeld { pauses } => self.run_held(pauses),
            Event::RunReleased => self.run_released(),
            Event::CancelRequested { reason, .. } => {
                self.run.status = RunStatus::Cancelling { reason: reason.clone() };
                self.pauses_end();
                self.drop_waiting_of_run();
                if self.plan.undoes_on_cancel() {
                    self.run.plan_undo(true);
                }
            }
            Event::RunRetried { timeout, .. } => self.run_retried(*timeout),
            Event::RunMigrated(migrated) => self.run_migrated(migrated),
            Event::StepSlotRequested { step, item, attempt, ticket, wish } => {
                self.item_asks(*step, *item, *attempt);
                self.queued(Slot::of(*step, *item), *attempt, *ticket, wish);
            }
            Event::RunQueued { rank, ticket, wish } => {
                self.queued(Slot::Run(*rank), Attempt(0), *ticket, wish);
            }
            Event::StepSlotGranted(SlotAnswer { step, item, ticket }) => {
                self.slot_granted(Some(*step), *item, *ticket);
            }
            Event::StepCallRequested { step, item, attempt, ticket, target } => {
                self.item_asks(*step, *item, *attempt);
                let wish = wish_to_call(target);
                self.queued(Slot::call_of(*step, *item), *attempt, *ticket, &wish);
            }
            Event::StepCallAllowed(SlotAnswer { step, item, ticket }) => {
                self.granted(Slot::call_of(*step, *item), *ticket);
            }
            Event::RunSlotGranted { ticket } => self.slot_granted(None, None, *ticket),
            // The events that follow say what becomes of the steps.
            Event::SlotsOffered
            | Event::RaceDecided { .. }
            | Event::StepCallRefused { .. }
            | Event::ApprovalGranted { .. }
            | Event::ApprovalRejected { .. } => {}
            Event::ApprovalRequested { step, by, message, timer } => {
                let (by, message) = (by.clone(), message.clone());
                self.step_waits(*step, Awaited::Approval { by, message }, *timer);
            }
            Event::EventsRead { step } => self.events_read(*step),
            Event::UpdateAwaited(awaited) => self.update_awaited(awaited),
            Event::UpdateAccepted(accepted) => self.update_accepted(&accepted.id),
            Event::SignalReceived { name, id, payload, by } => {
                self.signal_received(name, id, payload, by);
            }
            Event::StepStarted { step, attempt, input, deadline } => {
                self.step_started(*step, *attempt, input.as_ref(), *deadline);
            }
            Event::StepQueued { step, timer, until } => self.step_queued(*step, *timer, *until),
            Event::StepSlept { step, timer, until } => self.step_slept(*step, *timer, *until),
            Event::StepWaits { step, signal, timer } => {
                self.step_waits(*step, awaited(signal, self.run.revision), *timer);
            }
            Event::SignalTaken { signal, .. } => self.signal_taken(*signal),
            Event::StepCalled { step, attempt, number, input, timer, deadline } => {
                self.step_called(*step, *attempt, *number, input.as_ref(), (*timer, *deadline));
            }
            Event::ChildEnded { step, revision, ended, .. } => {
                self.child_ended(*step, *revision, ended);
            }
            Event::ParentPaused => {
                self.run.parent_paused = true;
                self.drop_idle_slots_of_items(None);
            }
            Event::ParentResumed => self.run.parent_paused = false,
            Event::StepSkipped { step, reason } => {
                self.settle(*step, StepState::Skipped { reason: reason.clone(), router: None });
            }
            Event::PathChosen { step, skipped, .. } => self.steps_bypassed(*step, skipped),
            Event::StepsBypassed { router, steps } => self.steps_bypassed(*router, steps),
            Event::RoundBegun { step, round, carry, .. } => self.round_begun(*step, *round, carry),
            Event::StepsNotReached { steps } => self.settle_all(steps, &StepState::NotReached),
            Event::RetryScheduled { step, attempt, timer, at } => {
                self.retry_scheduled(*step, *attempt, *timer, *at);
            }
            Event::StepFailed { step, failure, continued } => {
                self.step_failed(*step, failure, *continued);
            }
            Event::OutputMapped { step, output } => self.output_mapped(*step, output),
            Event::StopRequested { steps } => self.stop_requested(steps),
            Event::StepsCancelled { steps } => self.settle_all(steps, &StepState::Cancelled),
            Event::ItemsStarted { step, count, chunks, deadline } => {
                self.items_started(*step, *count, chunks, *deadline);
            }
            Event::ItemResumed { step, item, .. } => self.item_resumed(*step, *item),
            Event::ItemStarted { step, item, attempt, input } => {
                self.item_started(*step, *item, *attempt, input.as_ref());
            }
            Event::ItemCompleted { step, item, output, .. }
            | Event::ItemOutputMapped { step, item, output } => {
                self.item_completed(*step, *item, output);
            }
            Event::ItemAttemptFailed { step, item, failure, .. } => {
                self.item_attempt_failed(*step, *item, failure);
            }
            Event::ItemsInterrupted { attempts, how } => {
                self.items_interrupted(attempts, *how);
            }
            Event::ItemRetryScheduled { step, item, timer, at, .. } => {
                self.item_retry_scheduled(*step, *item, *timer, *at);
            }
            Event::ItemFailed { step, item, attempt, failure } => {
                self.item_failed(*step, *item, *attempt, failure);
            }
            Event::OutputsStored { step, chunk, outputs } => {
                self.outputs_stored(*step, *chunk, *outputs);
            }
            Event::RunCompleted { output, .. } => {
                self.end(RunStatus::Completed { output: output.clone() });
            }
            Event::RunFailed { failure, step, .. } => {
                self.end(RunStatus::Failed { failure: failure.clone(), step: *step });
            }
            Event::RunCancelled { .. } => self.run_cancelled(),
            Event::UndoCompleted { step, .. } => self.settle_undo(*step, UndoState::Undone),
            Event::ItemUndone(undone) => self.item_undone(undone),
            Event::UndoAttemptFailed { step, failure, .. } => {
                self.undo_attempt_failed(*step, failure);
            }
            Event::UndoWaived { reason, .. } => self.undo_waived(reason),
            Event::UndoRetried { .. } => self.undo_retried(),
            Event::RunForgotten { .. } => self.run.forgotten = true,
            Event::UndoRequested { steps } => self.undo_requested(steps),
            Event::UndoStarted { step, attempt, input } => {
                self.undo_started(*step, *attempt, input.as_ref());
            }
            Event::ItemUndoStarted(started) => self.item_undo_started(started),
            Event::UndoRetryScheduled { step, attempt, timer, at } => {
                self.undo_retry_scheduled(*step, *attempt, *timer, *at);
            }
            Event::UndoFailed { step, failure } => self.undo_failed(*step, failure),
        }
    }

    /// `step` with its numbers and another state.
    fn with_state(&self, step: StepIndex, state: StepState) -> StepRun {
        let StepRun { attempt, attempts_forgiven, deadline, started_at, settled_at, undo, .. } =
            self.run.step_run(step);
        StepRun {
            state,
            attempt: *attempt,
            attempts_forgiven: *attempts_forgiven,
            deadline: *deadline,
            started_at: *started_at,
            settled_at: *settled_at,
            undo: undo.clone(),
        }
    }

    fn set(&mut self, step: StepIndex, next: StepRun) {
        self.drop_outdated(step, &next);
        let before = self.run.set_step(self.plan, step, next);
        let waited = awaits_event(&before.state) && !awaits_event(&self.run.step_run(step).state);
        self.note(Change::Step(step, before));
        if waited {
            self.drop_offers(step);
        }
    }

    fn set_timer(&mut self, id: TimerId, due: Timestamp, purpose: TimerPurpose) {
        let timer = Timer { due, purpose };
        self.run.timers.insert(id, timer);
        self.run.next_timer = self.run.next_timer.max(id.next());
        self.note(Change::TimerSet(id, timer));
    }

    fn clear_timer(&mut self, id: TimerId) -> Option<TimerPurpose> {
        let timer = self.run.timers.remove(&id)?;
        self.note(Change::TimerCleared(id, timer));
        Some(timer.purpose)
    }

    fn note(&mut self, change: Change) {
        if let Some(changes) = &mut self.changes {
            changes.push(change);
        }
    }
}
