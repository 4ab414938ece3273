//! Events to wire structs, written without a copy in between.

use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::{Serialize, Serializer};
use serde_bytes::Bytes;

use super::forget::RunForgottenV1;
use super::wire::{
    AWAITED_SIGNAL, ActorV1, ApprovalAnsweredV1, ApprovalRequestedV1, AttemptFailedV1,
    AttemptResumedV1, AttemptV1, AttemptsInterruptedV1, CONTENT_BYTES, CONTENT_CHUNKS,
    CONTENT_JSON, CancelRequestedV1, EventsReadV1, FailureV1, HeartbeatRecordedV1, LabelV1,
    OutputMappedV1, PAYLOAD_INLINE, PAYLOAD_NULL, PAYLOAD_STORED, PathChosenV1, PayloadV1,
    RaceDecidedV1, RetryScheduledV1, RoundBegunV1, RunCancelledV1, RunCompletedV1, RunFailedV1,
    RunHeldV1, RunMigratedV1, RunPausedV1, RunReleasedV1, RunResumedV1, RunRetriedV1, RunStartedV1,
    SignalReceivedV1, SignalTakenV1, SlotsOfferedV1, StepCompletedV1, StepFailedV1, StepPausedV1,
    StepQueuedV1, StepResumedV1, StepSkippedV1, StepSleptV1, StepStartedV1, StepWaitsV1,
    StepsBypassedV1, StepsCancelledV1, StepsNotReachedV1, StopRequestedV1, TimerFiredV1, TimerV1,
    UndoAttemptFailedV1, UndoCompletedV1, UndoFailedV1, UndoRequestedV1, UndoRetriedV1,
    UndoRetryScheduledV1, UndoStartedV1, UndoWaivedV1,
};
use super::wire::{
    CHILD_CANCELLED, CHILD_COMPLETED, CHILD_FAILED, ChildEndedV1, ParentPausedV1, ParentResumedV1,
    ParentV1, StepCalledV1,
};
use super::{breakers, code, slots};
use crate::event::{Actor, ChildEnd, Event, Failure, Migrated, Parent, RunStarted};
use crate::id::{Attempt, StepIndex, TimerId};
use crate::payload::{ContentType, Payload};
use crate::time::Timestamp;

/// Appends `value`.
pub(crate) fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    let written =
        bincode::serde::encode_into_writer(value, Appending(out), bincode::config::standard());
    written.expect("a wire struct has a length for every list, and memory takes every byte");
}

/// Appends the body of `event` in the version that is written today.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of event")]
pub(super) fn put_event(out: &mut Vec<u8>, event: &Event) {
    match event {
        Event::RunStarted(started) => put_run_started(out, started),
        Event::StepCompleted { step, attempt, output, may_repeat } => {
            let (step, attempt, output) = (step.0, attempt.0, output.into());
            put(out, &StepCompletedV1 { step, attempt, output, may_repeat: *may_repeat });
        }
        Event::AttemptFailed { step, attempt, failure } => {
            let (step, attempt, failure) = (step.0, attempt.0, failure.into());
            put(out, &AttemptFailedV1 { step, attempt, failure });
        }
        Event::AttemptsInterrupted { attempts, how } => {
            put(out, &AttemptsInterruptedV1 { attempts: Attempts(attempts), how: how.number() });
        }
        Event::AttemptResumed { step, attempt } => {
            put(out, &AttemptResumedV1 { step: step.0, attempt: attempt.0 });
        }
        Event::HeartbeatRecorded { step, attempt, progress } => {
            let (step, attempt, progress) = (step.0, attempt.0, progress.into());
            put(out, &HeartbeatRecordedV1 { step, attempt, progress });
        }
        Event::TimerFired { timer } => put(out, &TimerFiredV1 { timer: timer.0 }),
        Event::RunPaused { by, reason } => put(out, &RunPausedV1 { by: by.into(), reason }),
        Event::RunResumed { by } => put(out, &RunResumedV1 { by: by.into() }),
        Event::StepPaused { step, by, reason } => {
            put(out, &StepPausedV1 { step: step.0, by: by.into(), reason });
        }
        Event::StepResumed { step, by } => {
            put(out, &StepResumedV1 { step: step.0, by: by.into() });
        }
        Event::RunHeld { pauses } => put(out, &RunHeldV1 { pauses: pauses.clone() }),
        Event::RunReleased => put(out, &RunReleasedV1 {}),
        Event::CancelRequested { by, reason } => {
            put(out, &CancelRequestedV1 { by: by.into(), reason });
        }
        Event::RunRetried { by, timeout } => {
            put(out, &RunRetriedV1 { by: by.into(), timeout: timeout.map(TimerV1::from) });
        }
        Event::RunMigrated(migrated) => {
            let Migrated { definition, steps, by, reason, retries } = &**migrated;
            let steps = steps.iter().map(|step| step.map(|step| step.0)).collect();
            let (definition, retries) = (definition.0, *retries);
            put(out, &RunMigratedV1 { definition, steps, by: by.into(), reason, retries });
        }
        Event::CallsMade(made) => code::put_calls_made(out, made),
        Event::FunctionReturned(returned) => code::put_function_returned(out, returned),
        Event::EventsRead { step } => put(out, &EventsReadV1 { step: step.0 }),
        Event::SlotsOffered => put(out, &SlotsOfferedV1 {}),
        Event::SignalReceived { name, id, payload, by } => {
            put(out, &SignalReceivedV1 { name, id, payload: payload.into(), by: by.into() });
        }
        Event::StepStarted { step, attempt, input, deadline } => {
            let input = input.as_ref().map(PayloadV1::from);
            let deadline = deadline.map(TimerV1::from);
            put(out, &StepStartedV1 { step: step.0, attempt: attempt.0, input, deadline });
        }
        Event::StepQueued { step, timer, until } => {
            put(out, &StepQueuedV1 { step: step.0, timer: timer.0, until: until.0 });
        }
        Event::StepSlept { step, timer, until } => {
            put(out, &StepSleptV1 { step: step.0, timer: timer.0, until: until.0 });
        }
        Event::StepWaits { step, signal, timer } => {
            let (what, timer) = (AWAITED_SIGNAL, timer.map(TimerV1::from));
            put(out, &StepWaitsV1 { step: step.0, what, name: signal, timer });
        }
        Event::ApprovalGranted { step, by, role, note, form }
        | Event::ApprovalRejected { step, by, role, note, form } => {
            let (step, by, form) = (step.0, by.into(), form.into());
            put(out, &ApprovalAnsweredV1 { step, by, role, note, form });
        }
        Event::ApprovalRequested { step, by, message, timer } => {
            let timer = timer.map(TimerV1::from);
            put(out, &ApprovalRequestedV1 { step: step.0, by, message, timer });
        }
        Event::UpdateAccepted { .. } | Event::UpdateAwaited { .. } => {
            super::updates::put_update(out, event);
        }
        Event::SignalTaken { step, signal } => {
            put(out, &SignalTakenV1 { step: step.0, signal: *signal });
        }
        Event::StepCalled { step, attempt, number, input, timer, deadline } => {
            let wire = StepCalledV1 {
                step: step.0,
                attempt: attempt.0,
                number: *number,
                input: input.as_ref().map(PayloadV1::from),
                timer: timer.map(TimerV1::from),
                deadline: deadline.map(TimerV1::from),
            };
            put(out, &wire);
        }
        Event::ChildEnded { step, child, revision, ended } => {
            put_child_ended(out, *step, child, *revision, ended);
        }
        Event::ParentPaused => put(out, &ParentPausedV1 {}),
        Event::ParentResumed => put(out, &ParentResumedV1 {}),
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
        | Event::OutputsStored { .. } => super::items::put_event(out, event),
        Event::StepSlotRequested { step, attempt, ticket, wish, .. } => {
            slots::put_step_slot_requested(out, *step, *attempt, *ticket, wish);
            slots::put_item(out, event);
        }
        Event::RunQueued { rank, ticket, wish } => slots::put_run_queued(out, *rank, *ticket, wish),
        Event::StepSlotGranted(answer) => {
            slots::put_slot_granted(out, Some(answer.step), answer.ticket);
            slots::put_item(out, event);
        }
        Event::StepCallRequested { step, attempt, ticket, target, .. } => {
            breakers::put_requested(out, *step, *attempt, *ticket, target);
            slots::put_item(out, event);
        }
        Event::StepCallAllowed(answer) | Event::StepCallRefused(answer) => {
            breakers::put_answer(out, answer.step, answer.ticket);
            slots::put_item(out, event);
        }
        Event::RunSlotGranted { ticket } => slots::put_slot_granted(out, None, *ticket),
        Event::StepSkipped { step, reason } => put(out, &StepSkippedV1 { step: step.0, reason }),
        Event::PathChosen { step, case, reason, skipped } => {
            let (step, case, skipped) = (step.0, *case, Steps(skipped));
            put(out, &PathChosenV1 { step, case, reason, skipped });
        }
        Event::StepsBypassed { router, steps } => {
            put(out, &StepsBypassedV1 { router: router.0, steps: Steps(steps) });
        }
        Event::RaceDecided { step, winner } => {
            put(out, &RaceDecidedV1 { step: step.0, winner: winner.map(|step| step.0) });
        }
        Event::RoundBegun { step, round, reason, carry } => {
            let (step, round, carry) = (step.0, *round, carry.into());
            put(out, &RoundBegunV1 { step, round, reason, carry });
        }
        Event::StepsNotReached { steps } => put(out, &StepsNotReachedV1 { steps: Steps(steps) }),
        Event::RetryScheduled { step, attempt, timer, at } => {
            let (step, attempt, timer, at) = (step.0, attempt.0, timer.0, at.0);
            put(out, &RetryScheduledV1 { step, attempt, timer, at });
        }
        Event::StepFailed { step, failure, continued } => {
            let (step, failure, continued) = (step.0, failure.into(), *continued);
            put(out, &StepFailedV1 { step, failure, continued });
        }
        Event::OutputMapped { step, output } => {
            put(out, &OutputMappedV1 { step: step.0, output: output.into() });
        }
        Event::StopRequested { steps } => put(out, &StopRequestedV1 { steps: Steps(steps) }),
        Event::StepsCancelled { steps } => put(out, &StepsCancelledV1 { steps: Steps(steps) }),
        Event::RunCompleted { output, state } => {
            put(out, &RunCompletedV1 { output: output.into(), state: state.0 });
        }
        Event::RunFailed { failure, step, state } => {
            let (failure, step, state) = (failure.into(), step.map(|step| step.0), state.0);
            put(out, &RunFailedV1 { failure, step, state });
        }
        Event::RunCancelled { state } => put(out, &RunCancelledV1 { state: state.0 }),
        Event::UndoCompleted { step, attempt, may_repeat } => {
            let (step, attempt, may_repeat) = (step.0, attempt.0, *may_repeat);
            put(out, &UndoCompletedV1 { step, attempt, may_repeat });
        }
        Event::UndoAttemptFailed { step, attempt, failure } => {
            let (step, attempt, failure) = (step.0, attempt.0, failure.into());
            put(out, &UndoAttemptFailedV1 { step, attempt, failure });
        }
        Event::RunForgotten { by, state } => {
            put(out, &RunForgottenV1 { by: by.into(), state: state.0 });
        }
        Event::UndoWaived { by, reason } => put(out, &UndoWaivedV1 { by: by.into(), reason }),
        Event::UndoRetried { by } => put(out, &UndoRetriedV1 { by: by.into() }),
        Event::UndoRequested { steps } => put(out, &UndoRequestedV1 { steps: Steps(steps) }),
        Event::UndoStarted { step, attempt, input } => {
            let input = input.as_ref().map(PayloadV1::from);
            put(out, &UndoStartedV1 { step: step.0, attempt: attempt.0, input });
        }
        Event::UndoRetryScheduled { step, attempt, timer, at } => {
            let (step, attempt, timer, at) = (step.0, attempt.0, timer.0, at.0);
            put(out, &UndoRetryScheduledV1 { step, attempt, timer, at });
        }
        Event::UndoFailed { step, failure } => {
            put(out, &UndoFailedV1 { step: step.0, failure: failure.into() });
        }
    }
}

fn put_run_started(out: &mut Vec<u8>, started: &RunStarted) {
    let wire = RunStartedV1 {
        run: started.run.0,
        name: &started.name,
        workflow: &started.workflow,
        definition: started.definition.0,
        input: (&started.input).into(),
        labels: Labels(&started.labels),
        folder: &started.folder,
        by: (&started.by).into(),
        seed: started.seed,
        timeout: started.timeout.map(TimerV1::from),
    };
    put(out, &wire);
    match &started.parent {
        None => slots::put_limits(out, &started.limits),
        Some(Parent { run, name, step }) => {
            slots::put_all_limits(out, &started.limits);
            put(out, &ParentV1 { run: run.0, name, step: step.0 });
        }
    }
}

fn put_child_ended(
    out: &mut Vec<u8>,
    step: StepIndex,
    child: &str,
    revision: u32,
    ended: &ChildEnd,
) {
    let (how, output, failure, reason, goes_on) = match ended {
        ChildEnd::Completed { output } => (CHILD_COMPLETED, Some(output.into()), None, None, false),
        ChildEnd::Failed { failure, goes_on } => {
            (CHILD_FAILED, None, Some(failure.into()), None, *goes_on)
        }
        ChildEnd::Cancelled { reason, goes_on } => {
            (CHILD_CANCELLED, None, None, Some(reason.as_str()), *goes_on)
        }
    };
    let step = step.0;
    put(out, &ChildEndedV1 { step, child, revision, how, output, failure, reason, goes_on });
}

impl<'a> From<&'a Payload> for PayloadV1<'a> {
    fn from(payload: &'a Payload) -> Self {
        let content_type = match payload.content_type() {
            ContentType::Json => CONTENT_JSON,
            ContentType::Bytes => CONTENT_BYTES,
            ContentType::Chunks => CONTENT_CHUNKS,
        };
        let none = Bytes::new(&[]);
        let (tag, bytes, hash, len) = match payload {
            Payload::Null => (PAYLOAD_NULL, none, None, 0),
            Payload::Inline(_, bytes) => (PAYLOAD_INLINE, Bytes::new(bytes), None, 0),
            Payload::Stored(_, hash, len) => (PAYLOAD_STORED, none, Some(hash.0), *len),
        };
        Self { tag, content_type, bytes, hash, len }
    }
}

impl<'a> From<&'a Actor> for ActorV1<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self { name: &actor.name, via: &actor.via }
    }
}

impl<'a> From<&'a Failure> for FailureV1<'a> {
    fn from(failure: &'a Failure) -> Self {
        let Failure { code, message, fatal, details } = failure;
        Self { code, message, fatal: *fatal, details: details.as_deref() }
    }
}

impl From<(TimerId, Timestamp)> for TimerV1 {
    fn from((timer, at): (TimerId, Timestamp)) -> Self {
        Self { timer: timer.0, at: at.0 }
    }
}

/// Written as a list of numbers.
struct Steps<'a>(&'a [StepIndex]);

impl Serialize for Steps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|step| step.0))
    }
}

/// Written as a list of [`AttemptV1`].
struct Attempts<'a>(&'a [(StepIndex, Attempt)]);

impl Serialize for Attempts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire =
            |(step, attempt): &(StepIndex, Attempt)| AttemptV1 { step: step.0, attempt: attempt.0 };
        serializer.collect_seq(self.0.iter().map(wire))
    }
}

/// Written as a list of [`LabelV1`].
struct Labels<'a>(&'a [(String, String)]);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(key, value)| LabelV1 { key, value }))
    }
}

struct Appending<'a>(&'a mut Vec<u8>);

impl Writer for Appending<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}
