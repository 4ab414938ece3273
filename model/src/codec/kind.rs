//! The kinds of events: their numbers in the log and their names for people.
//!
//! Numbers are given by hand and never change or return. The first events from outside have 1 to 19, the first derived ones
//! 20 to 39; from 40 on each topic has ten of its own.

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
    44 ITEM_UNDO_STARTED ItemUndoStarted "item.undo_started",
    45 ITEM_UNDONE ItemUndone "item.undone",
    // items
    60 ITEMS_STARTED ItemsStarted "items.started",
    61 ITEM_STARTED ItemStarted "item.started",
    62 ITEM_COMPLETED ItemCompleted "item.completed",
    63 ITEM_ATTEMPT_FAILED ItemAttemptFailed "item.attempt_failed",
    64 ITEMS_INTERRUPTED ItemsInterrupted "items.interrupted",
    65 ITEM_RETRY_SCHEDULED ItemRetryScheduled "item.retry_scheduled",
    66 ITEM_FAILED ItemFailed "item.failed",
    67 OUTPUTS_STORED OutputsStored "outputs.stored",
    68 ITEM_RESUMED ItemResumed "item.resumed",
    69 ITEM_OUTPUT_MAPPED ItemOutputMapped "item.output_mapped",
    // calls
    70 CHILD_ENDED ChildEnded "child.ended",
    71 STEP_CALLED StepCalled "step.called",
    72 PARENT_PAUSED ParentPaused "parent.paused",
    73 PARENT_RESUMED ParentResumed "parent.resumed",
    // events that are waited for
    76 EVENTS_READ EventsRead "events.read",
    80 PATH_CHOSEN PathChosen "path.chosen",
    81 STEPS_BYPASSED StepsBypassed "steps.bypassed",
    82 RACE_DECIDED RaceDecided "race.decided",
    83 ROUND_BEGUN RoundBegun "round.begun",
    // updates
    84 UPDATE_ACCEPTED UpdateAccepted "update.accepted",
    85 UPDATE_AWAITED UpdateAwaited "update.awaited",
    90 ATTEMPT_RESUMED AttemptResumed "attempt.resumed",
    91 HEARTBEAT_RECORDED HeartbeatRecorded "heartbeat.recorded",
    92 STEP_QUEUED StepQueued "step.queued",
    116 STEP_SLOT_REQUESTED StepSlotRequested "step.slot_requested",
    117 STEP_SLOT_GRANTED StepSlotGranted "step.slot_granted",
    118 RUN_QUEUED RunQueued "run.queued",
    119 RUN_SLOT_GRANTED RunSlotGranted "run.slot_granted",
    142 RUN_MIGRATED RunMigrated "run.migrated",
    // pauses, from outside; a run can also be held from its beginning
    150 STEP_PAUSED StepPaused "step.paused",
    151 STEP_RESUMED StepResumed "step.resumed",
    152 RUN_HELD RunHeld "run.held",
    153 RUN_RELEASED RunReleased "run.released",
    177 STEP_CALL_REQUESTED StepCallRequested "step.call_requested",
    178 STEP_CALL_ALLOWED StepCallAllowed "step.call_allowed",
    179 STEP_CALL_REFUSED StepCallRefused "step.call_refused",
    // encryption, from outside
    180 RUN_FORGOTTEN RunForgotten "run.forgotten",
    // code, from outside
    200 CALLS_MADE CallsMade "calls.made",
    201 FUNCTION_RETURNED FunctionReturned "function.returned",
}
