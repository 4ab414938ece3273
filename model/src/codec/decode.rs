//! Wire structs to events. Text and bytes are borrowed from the body until they are known to fit.

mod calls;
mod labels;
mod undo;

use std::sync::Arc;

use bincode::config::{Configuration, Limit};
use serde::de::Deserialize;

use super::breakers::{StepCallAllowedV1, StepCallRefusedV1, StepCallRequestedV1};
use super::code::{CallsMadeV1, FunctionReturnedV1, FunctionReturnedV2};
use labels::Labels;

use super::forget::RunForgottenV1;
use super::items::{
    ItemAttemptFailedV1, ItemAttemptV1, ItemCompletedV1, ItemFailedV1, ItemOutputMappedV1,
    ItemResumedV1, ItemRetryScheduledV1, ItemStartedV1, ItemUndoStartedV1, ItemUndoneV1,
    ItemsInterruptedV1, ItemsStartedV1, OutputsStoredV1,
};
use super::slots::{
    OfItemV2, RunQueuedV1, RunSlotGrantedV1, RunStartedV2, RunStartedV3, StepSlotGrantedV1,
    StepSlotRequestedV1,
};
use super::updates::{UpdateAcceptedV1, UpdateAwaitedV1};
use super::wire::{
    AWAITED_SIGNAL, ActorV1, ApprovalAnsweredV1, ApprovalRequestedV1, AttemptFailedV1,
    AttemptResumedV1, AttemptV1, AttemptsInterruptedV1, CONTENT_BYTES, CONTENT_CHUNKS,
    CONTENT_JSON, CancelRequestedV1, EventsReadV1, FailureV1, HeartbeatRecordedV1, OutputMappedV1,
    PAYLOAD_INLINE, PAYLOAD_NULL, PAYLOAD_STORED, PathChosenV1, PayloadV1, RaceDecidedV1,
    RetryScheduledV1, RoundBegunV1, RunCancelledV1, RunCompletedV1, RunFailedV1, RunHeldV1,
    RunMigratedV1, RunPausedV1, RunReleasedV1, RunResumedV1, RunRetriedV1, RunStartedV1,
    SignalReceivedV1, SignalTakenV1, SlotsOfferedV1, StepCompletedV1, StepFailedV1, StepPausedV1,
    StepQueuedV1, StepResumedV1, StepSkippedV1, StepSleptV1, StepStartedV1, StepWaitsV1,
    StepsBypassedV1, StepsCancelledV1, StepsNotReachedV1, StopRequestedV1, TimerFiredV1, TimerV1,
    UndoAttemptFailedV1, UndoCompletedV1, UndoFailedV1, UndoRequestedV1, UndoRetriedV1,
    UndoRetryScheduledV1, UndoStartedV1, UndoWaivedV1,
};
use super::wire::{ChildEndedV1, ParentPausedV1, ParentResumedV1, StepCalledV1};
use super::{BODY_BYTES_MAX, DecodeError, kind};
use crate::event::{Actor, Event, Failure, Interruption, Migrated, RunStarted};
use crate::id::{Attempt, DefinitionHash, RunId, StateHash, StepIndex, TimerId};
use crate::payload::{ContentType, Payload, PayloadHash};
use crate::time::Timestamp;

/// bincode counts a number by its size in memory, which is up to eight times its size in the body; bodies themselves are held
/// to [`BODY_BYTES_MAX`] before they come here.
const CLAIMED_BYTES_MAX: usize = 8 * BODY_BYTES_MAX;

const CONFIG: Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    Limit<CLAIMED_BYTES_MAX>,
> = bincode::config::standard().with_limit::<CLAIMED_BYTES_MAX>();

/// Reads a value from the front of `bytes` and returns what follows it.
pub(crate) fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<(T, &'a [u8])> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(bytes, CONFIG).ok()?;
    Some((value, bytes.get(used..)?))
}

/// Reads a body that holds one event and nothing else.
pub(super) fn event(kind: u16, version: u8, body: &[u8]) -> Result<Event, DecodeError> {
    let event = match (kind, version) {
        (kind::RUN_STARTED, 1) => read::<RunStartedV1<'_, Labels>>(body),
        (kind::RUN_STARTED, 3) => read::<RunStartedV3<'_, Labels>>(body),
        (kind::CHILD_ENDED, 1) => read::<ChildEndedV1<'_>>(body),
        (kind::STEP_CALLED, 1) => read::<StepCalledV1<'_>>(body),
        (kind::PARENT_PAUSED, 1) => read::<ParentPausedV1>(body),
        (kind::PARENT_RESUMED, 1) => read::<ParentResumedV1>(body),
        (kind::RUN_STARTED, 2) => read::<RunStartedV2<'_, Labels>>(body),
        (kind::STEP_COMPLETED, 1) => read::<StepCompletedV1<'_>>(body),
        (kind::ATTEMPT_FAILED, 1) => read::<AttemptFailedV1<'_>>(body),
        (kind::ATTEMPTS_INTERRUPTED, 1) => read::<AttemptsInterruptedV1<Vec<AttemptV1>>>(body),
        (kind::ATTEMPT_RESUMED, 1) => read::<AttemptResumedV1>(body),
        (kind::HEARTBEAT_RECORDED, 1) => read::<HeartbeatRecordedV1<'_>>(body),
        (kind::TIMER_FIRED, 1) => read::<TimerFiredV1>(body),
        (kind::RUN_PAUSED, 1) => read::<RunPausedV1<'_>>(body),
        (kind::RUN_RESUMED, 1) => read::<RunResumedV1<'_>>(body),
        (kind::STEP_PAUSED, 1) => read::<StepPausedV1<'_>>(body),
        (kind::STEP_RESUMED, 1) => read::<StepResumedV1<'_>>(body),
        (kind::RUN_HELD, 1) => read::<RunHeldV1>(body),
        (kind::RUN_RELEASED, 1) => read::<RunReleasedV1>(body),
        (kind::CANCEL_REQUESTED, 1) => read::<CancelRequestedV1<'_>>(body),
        (kind::RUN_RETRIED, 1) => read::<RunRetriedV1<'_>>(body),
        (kind::RUN_MIGRATED, 1) => read::<RunMigratedV1<'_>>(body),
        (kind::CALLS_MADE, 1) => read::<CallsMadeV1<'_>>(body),
        (kind::FUNCTION_RETURNED, 1) => read::<FunctionReturnedV1<'_>>(body),
        (kind::FUNCTION_RETURNED, 2) => read::<FunctionReturnedV2<'_>>(body),
        (kind::EVENTS_READ, 1) => read::<EventsReadV1>(body),
        (kind::SLOTS_OFFERED, 1) => read::<SlotsOfferedV1>(body),
        (kind::SIGNAL_RECEIVED, 1) => read::<SignalReceivedV1<'_>>(body),
        (kind::UPDATE_ACCEPTED, 1) => read::<UpdateAcceptedV1<'_>>(body),
        (kind::UPDATE_AWAITED, 1) => read::<UpdateAwaitedV1<'_>>(body),
        (kind::STEP_WAITS, 1) => read::<StepWaitsV1<'_>>(body),
        (kind::APPROVAL_GRANTED, 1) => read::<ApprovalGrantedV1<'_>>(body),
        (kind::APPROVAL_REJECTED, 1) => read::<ApprovalRejectedV1<'_>>(body),
        (kind::APPROVAL_REQUESTED, 1) => read::<ApprovalRequestedV1<'_, Vec<String>>>(body),
        (kind::SIGNAL_TAKEN, 1) => read::<SignalTakenV1>(body),
        (kind::STEP_SLOT_REQUESTED, 1) => read::<StepSlotRequestedV1<'_>>(body),
        (kind::RUN_QUEUED, 1) => read::<RunQueuedV1<'_>>(body),
        (kind::STEP_SLOT_GRANTED, 1) => read::<StepSlotGrantedV1>(body),
        (kind::STEP_CALL_REQUESTED, 1) => read::<StepCallRequestedV1<'_>>(body),
        (kind::STEP_CALL_ALLOWED, 1) => read::<StepCallAllowedV1>(body),
        (kind::STEP_CALL_REFUSED, 1) => read::<StepCallRefusedV1>(body),
        (kind::RUN_SLOT_GRANTED, 1) => read::<RunSlotGrantedV1>(body),
        (kind::STEP_STARTED, 1) => read::<StepStartedV1<'_>>(body),
        (kind::STEP_QUEUED, 1) => read::<StepQueuedV1>(body),
        (kind::STEP_SLEPT, 1) => read::<StepSleptV1>(body),
        (kind::STEP_SKIPPED, 1) => read::<StepSkippedV1<'_>>(body),
        (kind::PATH_CHOSEN, 1) => read::<PathChosenV1<'_, Vec<u32>>>(body),
        (kind::STEPS_BYPASSED, 1) => read::<StepsBypassedV1<Vec<u32>>>(body),
        (kind::RACE_DECIDED, 1) => read::<RaceDecidedV1>(body),
        (kind::ROUND_BEGUN, 1) => read::<RoundBegunV1<'_>>(body),
        (kind::STEPS_NOT_REACHED, 1) => read::<StepsNotReachedV1<Vec<u32>>>(body),
        (kind::RETRY_SCHEDULED, 1) => read::<RetryScheduledV1>(body),
        (kind::STEP_FAILED, 1) => read::<StepFailedV1<'_>>(body),
        (kind::OUTPUT_MAPPED, 1) => read::<OutputMappedV1<'_>>(body),
        (kind::STOP_REQUESTED, 1) => read::<StopRequestedV1<Vec<u32>>>(body),
        (kind::STEPS_CANCELLED, 1) => read::<StepsCancelledV1<Vec<u32>>>(body),
        (kind::RUN_COMPLETED, 1) => read::<RunCompletedV1<'_>>(body),
        (kind::RUN_FAILED, 1) => read::<RunFailedV1<'_>>(body),
        (kind::RUN_CANCELLED, 1) => read::<RunCancelledV1>(body),
        _ => return item_or_undo(kind, version, body),
    };
    event.ok_or(DecodeError::Body { kind })
}

fn item_or_undo(kind: u16, version: u8, body: &[u8]) -> Result<Event, DecodeError> {
    let event = match (kind, version) {
        (kind::ITEMS_STARTED, 1) => read::<ItemsStartedV1<Vec<[u8; 32]>>>(body),
        (kind::ITEM_STARTED, 1) => read::<ItemStartedV1<'_>>(body),
        (kind::ITEM_COMPLETED, 1) => read::<ItemCompletedV1<'_>>(body),
        (kind::ITEM_ATTEMPT_FAILED, 1) => read::<ItemAttemptFailedV1<'_>>(body),
        (kind::ITEMS_INTERRUPTED, 1) => read::<ItemsInterruptedV1<Vec<ItemAttemptV1>>>(body),
        (kind::ITEM_RETRY_SCHEDULED, 1) => read::<ItemRetryScheduledV1>(body),
        (kind::ITEM_FAILED, 1) => read::<ItemFailedV1<'_>>(body),
        (kind::OUTPUTS_STORED, 1) => read::<OutputsStoredV1>(body),
        (kind::ITEM_UNDO_STARTED, 1) => read::<ItemUndoStartedV1<'_>>(body),
        (kind::ITEM_UNDONE, 1) => read::<ItemUndoneV1>(body),
        (kind::STEP_SLOT_REQUESTED, 2) => read::<OfItemV2<StepSlotRequestedV1<'_>>>(body),
        (kind::STEP_SLOT_GRANTED, 2) => read::<OfItemV2<StepSlotGrantedV1>>(body),
        (kind::STEP_CALL_REQUESTED, 2) => read::<OfItemV2<StepCallRequestedV1<'_>>>(body),
        (kind::STEP_CALL_ALLOWED, 2) => read::<OfItemV2<StepCallAllowedV1>>(body),
        (kind::STEP_CALL_REFUSED, 2) => read::<OfItemV2<StepCallRefusedV1>>(body),
        (kind::ITEM_RESUMED, 1) => read::<ItemResumedV1>(body),
        (kind::ITEM_OUTPUT_MAPPED, 1) => read::<ItemOutputMappedV1<'_>>(body),
        (kind::UNDO_COMPLETED, 1) => read::<UndoCompletedV1>(body),
        (kind::UNDO_ATTEMPT_FAILED, 1) => read::<UndoAttemptFailedV1<'_>>(body),
        (kind::RUN_FORGOTTEN, 1) => read::<RunForgottenV1<'_>>(body),
        (kind::UNDO_WAIVED, 1) => read::<UndoWaivedV1<'_>>(body),
        (kind::UNDO_RETRIED, 1) => read::<UndoRetriedV1<'_>>(body),
        (kind::UNDO_REQUESTED, 1) => read::<UndoRequestedV1<Vec<u32>>>(body),
        (kind::UNDO_STARTED, 1) => read::<UndoStartedV1<'_>>(body),
        (kind::UNDO_RETRY_SCHEDULED, 1) => read::<UndoRetryScheduledV1>(body),
        (kind::UNDO_FAILED, 1) => read::<UndoFailedV1<'_>>(body),
        _ => return Err(DecodeError::Unknown { kind, version }),
    };
    event.ok_or(DecodeError::Body { kind })
}

fn read<'a, T: Wire<'a>>(body: &'a [u8]) -> Option<Event> {
    let (wire, rest) = take::<T>(body)?;
    if rest.is_empty() { wire.event() } else { None }
}

/// A body of one kind and version.
pub(super) trait Wire<'a>: Deserialize<'a> {
    /// The event; `None` if a number in it stands for nothing.
    fn event(self) -> Option<Event>;
}

impl<'a> Wire<'a> for RunStartedV1<'a, Labels> {
    fn event(self) -> Option<Event> {
        Some(Event::RunStarted(Box::new(self.started()?)))
    }
}

impl RunStartedV1<'_, Labels> {
    fn started(self) -> Option<RunStarted> {
        Some(RunStarted {
            run: RunId(self.run),
            name: self.name.to_owned(),
            workflow: self.workflow.to_owned(),
            definition: DefinitionHash(self.definition),
            input: self.input.payload()?,
            labels: self.labels.0,
            folder: self.folder.to_owned(),
            by: self.by.actor(),
            seed: self.seed,
            timeout: self.timeout.map(TimerV1::due),
            parent: None,
            limits: Vec::new(),
        })
    }
}

impl<'a> Wire<'a> for StepCompletedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::StepCompleted {
            step: StepIndex(self.step),
            attempt: Attempt(self.attempt),
            output: self.output.payload()?,
            may_repeat: self.may_repeat,
        })
    }
}

impl<'a> Wire<'a> for AttemptFailedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::AttemptFailed {
            step: StepIndex(self.step),
            attempt: Attempt(self.attempt),
            failure: self.failure.failure(),
        })
    }
}

impl Wire<'_> for AttemptsInterruptedV1<Vec<AttemptV1>> {
    fn event(self) -> Option<Event> {
        let attempt = |wire: AttemptV1| (StepIndex(wire.step), Attempt(wire.attempt));
        let attempts = self.attempts.into_iter().map(attempt).collect();
        let how = Interruption::from_number(self.how)?;
        Some(Event::AttemptsInterrupted { attempts, how })
    }
}

impl Wire<'_> for AttemptResumedV1 {
    fn event(self) -> Option<Event> {
        let (step, attempt) = (StepIndex(self.step), Attempt(self.attempt));
        Some(Event::AttemptResumed { step, attempt })
    }
}

impl<'a> Wire<'a> for HeartbeatRecordedV1<'a> {
    fn event(self) -> Option<Event> {
        let (step, attempt) = (StepIndex(self.step), Attempt(self.attempt));
        Some(Event::HeartbeatRecorded { step, attempt, progress: self.progress.payload()? })
    }
}

impl Wire<'_> for TimerFiredV1 {
    fn event(self) -> Option<Event> {
        Some(Event::TimerFired { timer: TimerId(self.timer) })
    }
}

impl<'a> Wire<'a> for RunPausedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::RunPaused { by: self.by.actor(), reason: self.reason.to_owned() })
    }
}

impl<'a> Wire<'a> for RunResumedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::RunResumed { by: self.by.actor() })
    }
}

impl<'a> Wire<'a> for StepPausedV1<'a> {
    fn event(self) -> Option<Event> {
        let (step, by, reason) = (StepIndex(self.step), self.by.actor(), self.reason.to_owned());
        Some(Event::StepPaused { step, by, reason })
    }
}

impl<'a> Wire<'a> for StepResumedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::StepResumed { step: StepIndex(self.step), by: self.by.actor() })
    }
}

impl Wire<'_> for RunHeldV1 {
    fn event(self) -> Option<Event> {
        Some(Event::RunHeld { pauses: self.pauses })
    }
}

impl Wire<'_> for RunReleasedV1 {
    fn event(self) -> Option<Event> {
        Some(Event::RunReleased)
    }
}

impl<'a> Wire<'a> for CancelRequestedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::CancelRequested { by: self.by.actor(), reason: self.reason.to_owned() })
    }
}

impl<'a> Wire<'a> for RunMigratedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::RunMigrated(Box::new(Migrated {
            definition: DefinitionHash(self.definition),
            steps: self.steps.into_iter().map(|step| step.map(StepIndex)).collect(),
            by: self.by.actor(),
            reason: self.reason.to_owned(),
            retries: self.retries,
        })))
    }
}

impl<'a> Wire<'a> for RunRetriedV1<'a> {
    fn event(self) -> Option<Event> {
        let timeout = self.timeout.map(TimerV1::due);
        Some(Event::RunRetried { by: self.by.actor(), timeout })
    }
}

impl Wire<'_> for EventsReadV1 {
    fn event(self) -> Option<Event> {
        Some(Event::EventsRead { step: StepIndex(self.step) })
    }
}

impl Wire<'_> for SlotsOfferedV1 {
    fn event(self) -> Option<Event> {
        Some(Event::SlotsOffered)
    }
}

impl<'a> Wire<'a> for SignalReceivedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::SignalReceived {
            name: self.name.to_owned(),
            id: self.id.to_owned(),
            payload: self.payload.payload()?,
            by: self.by.actor(),
        })
    }
}

impl<'a> Wire<'a> for StepWaitsV1<'a> {
    fn event(self) -> Option<Event> {
        let (step, timer) = (StepIndex(self.step), self.timer.map(TimerV1::due));
        let waits = Event::StepWaits { step, signal: self.name.to_owned(), timer };
        (self.what == AWAITED_SIGNAL).then_some(waits)
    }
}

impl ApprovalAnsweredV1<'_> {
    fn event(self, granted: bool) -> Option<Event> {
        let (step, by) = (StepIndex(self.step), self.by.actor());
        let (role, note) = (self.role.to_owned(), self.note.to_owned());
        let form = self.form.payload()?;
        Some(if granted {
            Event::ApprovalGranted { step, by, role, note, form }
        } else {
            Event::ApprovalRejected { step, by, role, note, form }
        })
    }
}

/// The body of `approval.granted`.
#[derive(serde::Deserialize)]
struct ApprovalGrantedV1<'a>(#[serde(borrow)] ApprovalAnsweredV1<'a>);

/// The body of `approval.rejected`.
#[derive(serde::Deserialize)]
struct ApprovalRejectedV1<'a>(#[serde(borrow)] ApprovalAnsweredV1<'a>);

impl<'a> Wire<'a> for ApprovalGrantedV1<'a> {
    fn event(self) -> Option<Event> {
        self.0.event(true)
    }
}

impl<'a> Wire<'a> for ApprovalRejectedV1<'a> {
    fn event(self) -> Option<Event> {
        self.0.event(false)
    }
}

impl<'a> Wire<'a> for ApprovalRequestedV1<'a, Vec<String>> {
    fn event(self) -> Option<Event> {
        Some(Event::ApprovalRequested {
            step: StepIndex(self.step),
            by: self.by,
            message: self.message.to_owned(),
            timer: self.timer.map(TimerV1::due),
        })
    }
}

impl Wire<'_> for SignalTakenV1 {
    fn event(self) -> Option<Event> {
        Some(Event::SignalTaken { step: StepIndex(self.step), signal: self.signal })
    }
}

impl<'a> Wire<'a> for StepStartedV1<'a> {
    fn event(self) -> Option<Event> {
        let input = match self.input {
            Some(input) => Some(input.payload()?),
            None => None,
        };
        Some(Event::StepStarted {
            step: StepIndex(self.step),
            attempt: Attempt(self.attempt),
            input,
            deadline: self.deadline.map(TimerV1::due),
        })
    }
}

impl Wire<'_> for StepQueuedV1 {
    fn event(self) -> Option<Event> {
        Some(Event::StepQueued {
            step: StepIndex(self.step),
            timer: TimerId(self.timer),
            until: Timestamp(self.until),
        })
    }
}

impl Wire<'_> for StepSleptV1 {
    fn event(self) -> Option<Event> {
        Some(Event::StepSlept {
            step: StepIndex(self.step),
            timer: TimerId(self.timer),
            until: Timestamp(self.until),
        })
    }
}

impl<'a> Wire<'a> for StepSkippedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::StepSkipped { step: StepIndex(self.step), reason: self.reason.to_owned() })
    }
}

impl<'a> Wire<'a> for PathChosenV1<'a, Vec<u32>> {
    fn event(self) -> Option<Event> {
        Some(Event::PathChosen {
            step: StepIndex(self.step),
            case: self.case,
            reason: self.reason.to_owned(),
            skipped: steps(self.skipped),
        })
    }
}

impl Wire<'_> for StepsBypassedV1<Vec<u32>> {
    fn event(self) -> Option<Event> {
        Some(Event::StepsBypassed { router: StepIndex(self.router), steps: steps(self.steps) })
    }
}

impl Wire<'_> for RaceDecidedV1 {
    fn event(self) -> Option<Event> {
        let winner = self.winner.map(StepIndex);
        Some(Event::RaceDecided { step: StepIndex(self.step), winner })
    }
}

impl<'a> Wire<'a> for RoundBegunV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::RoundBegun {
            step: StepIndex(self.step),
            round: self.round,
            reason: self.reason.to_owned(),
            carry: self.carry.payload()?,
        })
    }
}

impl Wire<'_> for StepsNotReachedV1<Vec<u32>> {
    fn event(self) -> Option<Event> {
        Some(Event::StepsNotReached { steps: steps(self.steps) })
    }
}

impl Wire<'_> for RetryScheduledV1 {
    fn event(self) -> Option<Event> {
        Some(Event::RetryScheduled {
            step: StepIndex(self.step),
            attempt: Attempt(self.attempt),
            timer: TimerId(self.timer),
            at: Timestamp(self.at),
        })
    }
}

impl<'a> Wire<'a> for StepFailedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::StepFailed {
            step: StepIndex(self.step),
            failure: self.failure.failure(),
            continued: self.continued,
        })
    }
}

impl<'a> Wire<'a> for OutputMappedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::OutputMapped { step: StepIndex(self.step), output: self.output.payload()? })
    }
}

impl Wire<'_> for StopRequestedV1<Vec<u32>> {
    fn event(self) -> Option<Event> {
        Some(Event::StopRequested { steps: steps(self.steps) })
    }
}

impl Wire<'_> for StepsCancelledV1<Vec<u32>> {
    fn event(self) -> Option<Event> {
        Some(Event::StepsCancelled { steps: steps(self.steps) })
    }
}

impl<'a> Wire<'a> for RunCompletedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::RunCompleted { output: self.output.payload()?, state: StateHash(self.state) })
    }
}

impl<'a> Wire<'a> for RunFailedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::RunFailed {
            failure: self.failure.failure(),
            step: self.step.map(StepIndex),
            state: StateHash(self.state),
        })
    }
}

impl Wire<'_> for RunCancelledV1 {
    fn event(self) -> Option<Event> {
        Some(Event::RunCancelled { state: StateHash(self.state) })
    }
}

impl Wire<'_> for UndoRequestedV1<Vec<u32>> {
    fn event(self) -> Option<Event> {
        Some(Event::UndoRequested { steps: steps(self.steps) })
    }
}

impl PayloadV1<'_> {
    pub(super) fn payload(&self) -> Option<Payload> {
        let content_type = match self.content_type {
            CONTENT_JSON => ContentType::Json,
            CONTENT_BYTES => ContentType::Bytes,
            CONTENT_CHUNKS => ContentType::Chunks,
            _ => return None,
        };
        match (self.tag, self.hash, self.len) {
            (PAYLOAD_NULL, None, 0)
                if self.bytes.is_empty() && self.content_type == CONTENT_JSON =>
            {
                Some(Payload::Null)
            }
            (PAYLOAD_INLINE, None, 0) => {
                Some(Payload::Inline(content_type, Arc::from(&**self.bytes)))
            }
            (PAYLOAD_STORED, Some(hash), len) if self.bytes.is_empty() => {
                Some(Payload::Stored(content_type, PayloadHash(hash), len))
            }
            _ => None,
        }
    }
}

impl ActorV1<'_> {
    pub(super) fn actor(&self) -> Actor {
        Actor { name: self.name.to_owned(), via: self.via.to_owned() }
    }
}

impl FailureV1<'_> {
    pub(super) fn failure(&self) -> Failure {
        Failure {
            code: self.code.to_owned(),
            message: self.message.to_owned(),
            fatal: self.fatal,
            details: self.details.map(str::to_owned),
        }
    }
}

impl TimerV1 {
    pub(super) fn due(self) -> (TimerId, Timestamp) {
        (TimerId(self.timer), Timestamp(self.at))
    }
}

fn steps(numbers: Vec<u32>) -> Vec<StepIndex> {
    numbers.into_iter().map(StepIndex).collect()
}
