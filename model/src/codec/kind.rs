//! The kinds of events: their numbers in the log and their names for people.
//!
//! Numbers are given by hand and never change or return. Events from outside have 1 to 19, derived ones 20 and more;
//! the gap leaves room for each.

use crate::event::Event;

macro_rules! kinds {
    ($($number:literal $constant:ident $event:ident $name:literal,)*) => {
        $(pub(super) const $constant: u16 = $number;)*

        /// The number of an event's kind.
        pub(super) fn kind_of(event: &Event) -> u16 {
            match event {
                $(Event::$event { .. } => $constant,)*
            }
        }

        /// The name of an event for people, such as `run.started`. Described in docs/events.md.
        pub fn event_name(event: &Event) -> &'static str {
            match event {
                $(Event::$event { .. } => $name,)*
            }
        }

        /// The name of a kind, as [`event_name`]; `None` if the kind is not known.
        pub fn kind_name(kind: u16) -> Option<&'static str> {
            match kind {
                $($constant => Some($name),)*
                _ => None,
            }
        }

        /// All kinds with their names, in order of their numbers.
        pub fn kinds() -> impl Iterator<Item = (u16, &'static str)> {
            [$(($constant, $name)),*].into_iter()
        }
    };
}

kinds! {
    // from outside
    1 RUN_STARTED RunStarted "run.started",
    2 STEP_COMPLETED StepCompleted "step.completed",
    3 ATTEMPT_FAILED AttemptFailed "attempt.failed",
    4 ATTEMPTS_INTERRUPTED AttemptsInterrupted "attempts.interrupted",
    5 TIMER_FIRED TimerFired "timer.fired",
    6 RUN_PAUSED RunPaused "run.paused",
    7 RUN_RESUMED RunResumed "run.resumed",
    8 CANCEL_REQUESTED CancelRequested "cancel.requested",
    9 RUN_RETRIED RunRetried "run.retried",
    10 SLOTS_OFFERED SlotsOffered "slots.offered",
    11 SIGNAL_RECEIVED SignalReceived "signal.received",
    12 APPROVAL_GRANTED ApprovalGranted "approval.granted",
    13 APPROVAL_REJECTED ApprovalRejected "approval.rejected",
    16 UNDO_COMPLETED UndoCompleted "undo.completed",
    17 UNDO_ATTEMPT_FAILED UndoAttemptFailed "undo.attempt_failed",
    18 UNDO_WAIVED UndoWaived "undo.waived",
    19 UNDO_RETRIED UndoRetried "undo.retried",
    // derived
    20 STEP_STARTED StepStarted "step.started",
    21 STEP_SLEPT StepSlept "step.slept",
    22 STEP_SKIPPED StepSkipped "step.skipped",
    23 STEPS_NOT_REACHED StepsNotReached "steps.not_reached",
    24 RETRY_SCHEDULED RetryScheduled "retry.scheduled",
    25 STEP_FAILED StepFailed "step.failed",
    26 OUTPUT_MAPPED OutputMapped "output.mapped",
    27 STOP_REQUESTED StopRequested "stop.requested",
    28 STEPS_CANCELLED StepsCancelled "steps.cancelled",
    29 RUN_COMPLETED RunCompleted "run.completed",
    30 RUN_FAILED RunFailed "run.failed",
    31 RUN_CANCELLED RunCancelled "run.cancelled",
    32 STEP_WAITS StepWaits "step.waits",
    33 SIGNAL_TAKEN SignalTaken "signal.taken",
    34 APPROVAL_REQUESTED ApprovalRequested "approval.requested",
    40 UNDO_REQUESTED UndoRequested "undo.requested",
    41 UNDO_STARTED UndoStarted "undo.started",
    42 UNDO_RETRY_SCHEDULED UndoRetryScheduled "undo.retry_scheduled",
    43 UNDO_FAILED UndoFailed "undo.failed",
    // calls
    70 CHILD_ENDED ChildEnded "child.ended",
    71 STEP_CALLED StepCalled "step.called",
    72 PARENT_PAUSED ParentPaused "parent.paused",
    73 PARENT_RESUMED ParentResumed "parent.resumed",
    90 ATTEMPT_RESUMED AttemptResumed "attempt.resumed",
    91 HEARTBEAT_RECORDED HeartbeatRecorded "heartbeat.recorded",
    92 STEP_QUEUED StepQueued "step.queued",
    116 STEP_SLOT_REQUESTED StepSlotRequested "step.slot_requested",
    117 STEP_SLOT_GRANTED StepSlotGranted "step.slot_granted",
    118 RUN_QUEUED RunQueued "run.queued",
    119 RUN_SLOT_GRANTED RunSlotGranted "run.slot_granted",
}
