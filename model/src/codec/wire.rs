//! The shapes of event bodies, one plain struct for each kind and version. None is ever edited once a release has written it.
//!
//! Fields are fixed integers, `bool`, text, byte strings, byte arrays, options and lists of these, in this order, without any
//! serde attribute that would change the shape: bincode writes fields one after another and no names. Closed choices are
//! numbers, mapped by hand. Structs borrow from the event when writing and from the body when reading; a list is generic
//! because it is written from the event's own list and read into a new one.

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

/// [`PayloadV1::tag`] of JSON `null`: nothing else is set.
pub(super) const PAYLOAD_NULL: u8 = 0;
/// [`PayloadV1::tag`] of a payload that stands in `bytes`.
pub(super) const PAYLOAD_INLINE: u8 = 1;
/// [`PayloadV1::tag`] of a payload of which only `hash` and `len` are here.
pub(super) const PAYLOAD_STORED: u8 = 2;

/// [`PayloadV1::content_type`] of JSON.
pub(super) const CONTENT_JSON: u8 = 0;
/// [`PayloadV1::content_type`] of anything else.
pub(super) const CONTENT_BYTES: u8 = 1;
/// [`PayloadV1::content_type`] of a list of chunks.
pub(super) const CONTENT_CHUNKS: u8 = 2;

#[derive(Serialize, Deserialize)]
pub(super) struct PayloadV1<'a> {
    pub(super) tag: u8,
    pub(super) content_type: u8,
    #[serde(borrow)]
    pub(super) bytes: &'a Bytes,
    pub(super) hash: Option<[u8; 32]>,
    pub(super) len: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ActorV1<'a> {
    pub(super) name: &'a str,
    pub(super) via: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FailureV1<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) fatal: bool,
    #[serde(borrow)]
    pub(super) details: Option<&'a str>,
}

/// A timer and when it is due.
#[derive(Serialize, Deserialize)]
pub(super) struct TimerV1 {
    pub(super) timer: u32,
    pub(super) at: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LabelV1<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AttemptV1 {
    pub(super) step: u32,
    pub(super) attempt: u32,
}

/// `Labels` is a list of [`LabelV1`].
#[derive(Serialize, Deserialize)]
pub(super) struct RunStartedV1<'a, Labels> {
    pub(super) run: [u8; 16],
    pub(super) name: &'a str,
    pub(super) workflow: &'a str,
    pub(super) definition: [u8; 32],
    #[serde(borrow)]
    pub(super) input: PayloadV1<'a>,
    pub(super) labels: Labels,
    pub(super) folder: &'a str,
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
    pub(super) seed: u64,
    pub(super) timeout: Option<TimerV1>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepCompletedV1<'a> {
    pub(super) step: u32,
    pub(super) attempt: u32,
    #[serde(borrow)]
    pub(super) output: PayloadV1<'a>,
    pub(super) may_repeat: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AttemptFailedV1<'a> {
    pub(super) step: u32,
    pub(super) attempt: u32,
    #[serde(borrow)]
    pub(super) failure: FailureV1<'a>,
}

/// `Attempts` is a list of [`AttemptV1`].
#[derive(Serialize, Deserialize)]
pub(super) struct AttemptsInterruptedV1<Attempts> {
    pub(super) attempts: Attempts,
    pub(super) how: u8,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AttemptResumedV1 {
    pub(super) step: u32,
    pub(super) attempt: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct HeartbeatRecordedV1<'a> {
    pub(super) step: u32,
    pub(super) attempt: u32,
    #[serde(borrow)]
    pub(super) progress: PayloadV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct TimerFiredV1 {
    pub(super) timer: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunPausedV1<'a> {
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
    pub(super) reason: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunResumedV1<'a> {
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepPausedV1<'a> {
    pub(super) step: u32,
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
    pub(super) reason: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepResumedV1<'a> {
    pub(super) step: u32,
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunHeldV1 {
    pub(super) pauses: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunReleasedV1 {}

#[derive(Serialize, Deserialize)]
pub(super) struct CancelRequestedV1<'a> {
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
    pub(super) reason: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunRetriedV1<'a> {
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
    pub(super) timeout: Option<TimerV1>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunMigratedV1<'a> {
    pub(super) definition: [u8; 32],
    pub(super) steps: Vec<Option<u32>>,
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
    pub(super) reason: &'a str,
    pub(super) retries: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SlotsOfferedV1 {}

#[derive(Serialize, Deserialize)]
pub(super) struct EventsReadV1 {
    pub(super) step: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SignalReceivedV1<'a> {
    pub(super) name: &'a str,
    pub(super) id: &'a str,
    #[serde(borrow)]
    pub(super) payload: PayloadV1<'a>,
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
}

/// [`StepWaitsV1::what`] of a signal, whose name is `name`.
pub(super) const AWAITED_SIGNAL: u8 = 0;

#[derive(Serialize, Deserialize)]
pub(super) struct StepWaitsV1<'a> {
    pub(super) step: u32,
    pub(super) what: u8,
    pub(super) name: &'a str,
    pub(super) timer: Option<TimerV1>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SignalTakenV1 {
    pub(super) step: u32,
    pub(super) signal: u32,
}

/// `approval.granted` and `approval.rejected`.
#[derive(Serialize, Deserialize)]
pub(super) struct ApprovalAnsweredV1<'a> {
    pub(super) step: u32,
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
    pub(super) role: &'a str,
    pub(super) note: &'a str,
    #[serde(borrow)]
    pub(super) form: PayloadV1<'a>,
}

/// `People` is a list of texts.
#[derive(Serialize, Deserialize)]
pub(super) struct ApprovalRequestedV1<'a, People> {
    pub(super) step: u32,
    pub(super) by: People,
    pub(super) message: &'a str,
    pub(super) timer: Option<TimerV1>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepStartedV1<'a> {
    pub(super) step: u32,
    pub(super) attempt: u32,
    #[serde(borrow)]
    pub(super) input: Option<PayloadV1<'a>>,
    pub(super) deadline: Option<TimerV1>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepQueuedV1 {
    pub(super) step: u32,
    pub(super) timer: u32,
    pub(super) until: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepSleptV1 {
    pub(super) step: u32,
    pub(super) timer: u32,
    pub(super) until: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepSkippedV1<'a> {
    pub(super) step: u32,
    pub(super) reason: &'a str,
}

/// `Steps` is a list of `u32`.
#[derive(Serialize, Deserialize)]
pub(super) struct PathChosenV1<'a, Steps> {
    pub(super) step: u32,
    pub(super) case: Option<u32>,
    pub(super) reason: &'a str,
    pub(super) skipped: Steps,
}

/// `Steps` is a list of `u32`.
#[derive(Serialize, Deserialize)]
pub(super) struct StepsBypassedV1<Steps> {
    pub(super) router: u32,
    pub(super) steps: Steps,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RaceDecidedV1 {
    pub(super) step: u32,
    pub(super) winner: Option<u32>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RoundBegunV1<'a> {
    pub(super) step: u32,
    pub(super) round: u32,
    pub(super) reason: &'a str,
    #[serde(borrow)]
    pub(super) carry: PayloadV1<'a>,
}

/// `Steps` is a list of `u32`.
#[derive(Serialize, Deserialize)]
pub(super) struct StepsNotReachedV1<Steps> {
    pub(super) steps: Steps,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RetryScheduledV1 {
    pub(super) step: u32,
    pub(super) attempt: u32,
    pub(super) timer: u32,
    pub(super) at: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepFailedV1<'a> {
    pub(super) step: u32,
    #[serde(borrow)]
    pub(super) failure: FailureV1<'a>,
    pub(super) continued: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OutputMappedV1<'a> {
    pub(super) step: u32,
    #[serde(borrow)]
    pub(super) output: PayloadV1<'a>,
}

/// `Steps` is a list of `u32`.
#[derive(Serialize, Deserialize)]
pub(super) struct StopRequestedV1<Steps> {
    pub(super) steps: Steps,
}

/// `Steps` is a list of `u32`.
#[derive(Serialize, Deserialize)]
pub(super) struct StepsCancelledV1<Steps> {
    pub(super) steps: Steps,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunCompletedV1<'a> {
    #[serde(borrow)]
    pub(super) output: PayloadV1<'a>,
    pub(super) state: [u8; 32],
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunFailedV1<'a> {
    #[serde(borrow)]
    pub(super) failure: FailureV1<'a>,
    pub(super) step: Option<u32>,
    pub(super) state: [u8; 32],
}

#[derive(Serialize, Deserialize)]
pub(super) struct RunCancelledV1 {
    pub(super) state: [u8; 32],
}

/// The run that called another.
#[derive(Serialize, Deserialize)]
pub(super) struct ParentV1<'a> {
    pub(super) run: [u8; 16],
    pub(super) name: &'a str,
    pub(super) step: u32,
}

/// [`ChildEndedV1::how`].
pub(super) const CHILD_COMPLETED: u8 = 0;
/// [`ChildEndedV1::how`].
pub(super) const CHILD_FAILED: u8 = 1;
/// [`ChildEndedV1::how`].
pub(super) const CHILD_CANCELLED: u8 = 2;

/// `output` is there if it completed, `failure` if it failed, `reason` if it was cancelled.
#[derive(Serialize, Deserialize)]
pub(super) struct ChildEndedV1<'a> {
    pub(super) step: u32,
    pub(super) child: &'a str,
    pub(super) revision: u32,
    pub(super) how: u8,
    #[serde(borrow)]
    pub(super) output: Option<PayloadV1<'a>>,
    #[serde(borrow)]
    pub(super) failure: Option<FailureV1<'a>>,
    #[serde(borrow)]
    pub(super) reason: Option<&'a str>,
    pub(super) goes_on: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepCalledV1<'a> {
    pub(super) step: u32,
    pub(super) attempt: u32,
    pub(super) number: u32,
    #[serde(borrow)]
    pub(super) input: Option<PayloadV1<'a>>,
    pub(super) timer: Option<TimerV1>,
    pub(super) deadline: Option<TimerV1>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ParentPausedV1 {}

#[derive(Serialize, Deserialize)]
pub(super) struct ParentResumedV1 {}

#[derive(Serialize, Deserialize)]
pub(super) struct UndoCompletedV1 {
    pub(super) step: u32,
    pub(super) attempt: u32,
    pub(super) may_repeat: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UndoAttemptFailedV1<'a> {
    pub(super) step: u32,
    pub(super) attempt: u32,
    #[serde(borrow)]
    pub(super) failure: FailureV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UndoWaivedV1<'a> {
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
    pub(super) reason: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UndoRetriedV1<'a> {
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
}

/// `Steps` is a list of `u32`.
#[derive(Serialize, Deserialize)]
pub(super) struct UndoRequestedV1<Steps> {
    pub(super) steps: Steps,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UndoStartedV1<'a> {
    pub(super) step: u32,
    pub(super) attempt: u32,
    #[serde(borrow)]
    pub(super) input: Option<PayloadV1<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UndoRetryScheduledV1 {
    pub(super) step: u32,
    pub(super) attempt: u32,
    pub(super) timer: u32,
    pub(super) at: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UndoFailedV1<'a> {
    pub(super) step: u32,
    #[serde(borrow)]
    pub(super) failure: FailureV1<'a>,
}
