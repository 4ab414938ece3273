//! Events: facts about a run, past tense, never altered. Those of one transition are stored together: first the one from
//! outside (with [`Given`]), then what `decide` derived from it.

mod calls;
mod interruption;
mod started;
mod values;

use crate::id::{Attempt, ItemIndex, StateHash, StepIndex, TimerId};
use crate::limit::{Ticket, Wish};
use crate::payload::{Payload, PayloadHash};
use crate::time::Timestamp;
pub use calls::{Awaited, ChildEnd, UpdateAccepted, UpdateAwaited, child_name};
pub use calls::{ItemUndoStarted, ItemUndone, SlotAnswer};
pub use interruption::Interruption;
pub use started::{Actor, Given, LABELS_MAX, LIMITS_MAX, Migrated, Parent, RunStarted};
pub use values::{Failure, ValueMut};

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The run began.
    RunStarted(Box<RunStarted>),
    /// An attempt brought a result. Also derived, for steps that need no handler.
    StepCompleted {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
        /// What the handler returned.
        output: Payload,
        /// Whether an earlier execution of the same attempt was cut off, so that its effects may have happened twice.
        may_repeat: bool,
    },
    /// An attempt failed.
    AttemptFailed {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        failure: Failure,
    },
    /// Attempts came to rest, most often by the end of the engine's process; they run again under their numbers.
    AttemptsInterrupted {
        /// Which.
        attempts: Vec<(StepIndex, Attempt)>,
        /// How.
        how: Interruption,
    },
    /// An attempt that was cut off is about to be carried on: from here on its handler may be at work again.
    AttemptResumed {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
    },
    /// A timer was due.
    TimerFired {
        /// Which.
        timer: TimerId,
    },
    /// Nothing goes on from here on: what is at work finishes, nothing begins, timers wait, signals are kept.
    RunPaused {
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// The pause ended.
    RunResumed {
        /// Who.
        by: Actor,
    },
    /// The run is to end: what runs is stopped, nothing new is started.
    CancelRequested {
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// A failed or cancelled run goes on: its steps that did not complete are open again.
    RunRetried {
        /// Who.
        by: Actor,
        /// The timer that ends the run, set anew, and when.
        timeout: Option<(TimerId, Timestamp)>,
    },
    /// The run goes on with another definition. The plan that folds this and what comes after it is the new one.
    RunMigrated(Box<Migrated>),
    /// There was room for attempts.
    SlotsOffered,
    /// A step that waits for an event was offered those that were emitted before it waited.
    EventsRead {
        /// The step.
        step: StepIndex,
    },
    /// A signal came. Signals of a run are numbered from 1 in the order they came.
    SignalReceived {
        /// The signal's name.
        name: String,
        /// The sender's key, which makes it count once; empty if there is none.
        id: String,
        /// What it carries.
        payload: Payload,
        /// Who sent it.
        by: Actor,
    },
    /// A step took an update. What it carries is the step's output.
    UpdateAccepted(Box<UpdateAccepted>),
    /// An attempt of an item brought a result.
    ItemCompleted {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The attempt.
        attempt: Attempt,
        /// What the handler returned.
        output: Payload,
        /// Whether an earlier execution of the same attempt was cut off, so that its effects may have happened twice.
        may_repeat: bool,
    },
    /// An attempt of an item failed.
    ItemAttemptFailed {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        failure: Failure,
    },
    /// Attempts of items came to rest, most often by the end of the engine's process; they run again under their numbers.
    ItemsInterrupted {
        /// Which.
        attempts: Vec<(StepIndex, ItemIndex, Attempt)>,
        /// How.
        how: Interruption,
    },
    /// An attempt of an item that was cut off is carried on.
    ItemResumed {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The attempt.
        attempt: Attempt,
    },
    /// A step was undone. Also derived, when all items of a step are.
    UndoCompleted {
        /// The step.
        step: StepIndex,
        /// The attempt, counted on from those of the step.
        attempt: Attempt,
        /// Whether an earlier execution of the same attempt was cut off, so that its effects may have happened twice.
        may_repeat: bool,
    },
    /// One item of a step was undone.
    ItemUndone(ItemUndone),
    /// An attempt to undo a step failed.
    UndoAttemptFailed {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        failure: Failure,
    },
    /// The run is to end without undoing what was not undone yet.
    UndoWaived {
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// Undos that had failed are tried again.
    UndoRetried {
        /// Who.
        by: Actor,
    },
    /// The key of the values of an encrypted run that has ended was deleted: nobody can read them any more.
    RunForgotten {
        /// Who asked for it.
        by: Actor,
        /// Hash of the state it leads to.
        state: StateHash,
    },
    /// A called run has come to its end, or could not be started.
    ChildEnded {
        /// The step that called it.
        step: StepIndex,
        /// The name of the called run.
        child: String,
        /// How many events it had: its end is known by it, because a run that is tried again ends again.
        revision: u32,
        /// How it ended.
        ended: ChildEnd,
    },
    /// The run that called this one is paused, and this one with it.
    ParentPaused,
    /// The run that called this one goes on, and this one with it.
    ParentResumed,
    /// A step does not go on from here on: what is at work finishes, nothing of it begins, its timers wait.
    StepPaused {
        /// The step.
        step: StepIndex,
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// The pause of a step ended.
    StepResumed {
        /// The step.
        step: StepIndex,
        /// Who.
        by: Actor,
    },
    /// Pauses of the store hold the run. Also derived, where they do so from its beginning.
    RunHeld {
        /// The pauses, in words.
        pauses: Vec<String>,
    },
    /// No pause of the store holds the run any more.
    RunReleased,
    /// A step waits for an update.
    UpdateAwaited(Box<UpdateAwaited>),
    /// A limit granted the slot that a step or an item waited for.
    StepSlotGranted(SlotAnswer),
    /// A breaker allowed the attempt that a step or an item waited with.
    StepCallAllowed(SlotAnswer),
    /// A breaker is open, and the step does not want to wait.
    StepCallRefused(SlotAnswer),
    /// A limit granted a slot that the run as a whole waited for.
    RunSlotGranted {
        /// The number of the request.
        ticket: Ticket,
    },
    /// An attempt gave a sign of life and said how far it is.
    HeartbeatRecorded {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
        /// How far it is; handed to the next attempt.
        progress: Payload,
    },
    /// A person approved what a step asked.
    ApprovalGranted {
        /// The step.
        step: StepIndex,
        /// Who.
        by: Actor,
        /// The entry in the list of people that allowed it.
        role: String,
        /// What they said to it; may be empty.
        note: String,
        /// What they filled in, complete with defaults.
        form: Payload,
    },
    /// A person rejected what a step asked.
    ApprovalRejected {
        /// The step.
        step: StepIndex,
        /// Who.
        by: Actor,
        /// The entry in the list of people that allowed it.
        role: String,
        /// What they said to it; may be empty.
        note: String,
        /// What they filled in; `null` if nothing.
        form: Payload,
    },
    /// A function has made calls: each is a step of the run from here on.
    CallsMade(Box<crate::code::CallsMade>),
    /// A function has returned, well or badly.
    FunctionReturned(Box<crate::code::FunctionReturned>),
    // ---- derived; before this, from outside -----------------------------------------------------
    /// A step called another workflow: a run of it is to be there.
    StepCalled {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
        /// Which of the runs this step has called, from 1. The same number again goes on with the same run.
        number: u32,
        /// The rendered input; `None`: the plan's literal.
        input: Option<Payload>,
        /// The timer that ends this attempt, and when.
        timer: Option<(TimerId, Timestamp)>,
        /// The timer that ends all attempts, and when; only at the first of them.
        deadline: Option<(TimerId, Timestamp)>,
    },
    /// A step or an item asks a limit for a slot, and starts once it has it.
    StepSlotRequested {
        /// The step.
        step: StepIndex,
        /// The item, if it is for one.
        item: Option<ItemIndex>,
        /// The attempt the slot is for.
        attempt: Attempt,
        /// The number of the request.
        ticket: Ticket,
        /// What it asks for.
        wish: Wish,
    },
    /// A step or an item asks the breaker of its target, and starts once it is allowed to.
    StepCallRequested {
        /// The step.
        step: StepIndex,
        /// The item, if it is for one.
        item: Option<ItemIndex>,
        /// The attempt it asks for.
        attempt: Attempt,
        /// The number of the request.
        ticket: Ticket,
        /// The target.
        target: String,
    },
    /// The run as a whole asks a limit for a slot; no step starts before it has it.
    RunQueued {
        /// Which of the run's limits, from 0.
        rank: u8,
        /// The number of the request.
        ticket: Ticket,
        /// What it asks for.
        wish: Wish,
    },
    /// An attempt was started.
    StepStarted {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
        /// The rendered input; `None`: the plan's literal.
        input: Option<Payload>,
        /// The timer that ends all attempts, and when; only at the first of them.
        deadline: Option<(TimerId, Timestamp)>,
    },
    /// A step with a limit is ready and waits for its first attempt to start.
    StepQueued {
        /// The step.
        step: StepIndex,
        /// The timer that ends the waiting.
        timer: TimerId,
        /// When.
        until: Timestamp,
    },
    /// A step began to sleep.
    StepSlept {
        /// The step.
        step: StepIndex,
        /// The timer that ends it.
        timer: TimerId,
        /// When.
        until: Timestamp,
    },
    /// A step began to wait for a signal.
    StepWaits {
        /// The step.
        step: StepIndex,
        /// The signal's name.
        signal: String,
        /// The timer that ends the waiting, and when; `None`: it waits for ever.
        timer: Option<(TimerId, Timestamp)>,
    },
    /// A step began to wait for the decision of a person.
    ApprovalRequested {
        /// The step.
        step: StepIndex,
        /// Who may decide.
        by: Vec<String>,
        /// What they are asked; may be empty.
        message: String,
        /// The timer that ends the waiting, and when; `None`: it waits for ever.
        timer: Option<(TimerId, Timestamp)>,
    },
    /// A step took a signal, which is gone then.
    SignalTaken {
        /// The step.
        step: StepIndex,
        /// The number of the signal.
        signal: u32,
    },
    /// The step's condition was false.
    StepSkipped {
        /// The step.
        step: StepIndex,
        /// The expression and the values it saw.
        reason: String,
    },
    /// Steps will not run, because of how their needs ended or because the run ends.
    StepsNotReached {
        /// Which.
        steps: Vec<StepIndex>,
    },
    /// The step will be tried again.
    RetryScheduled {
        /// The step.
        step: StepIndex,
        /// The number of the next attempt.
        attempt: Attempt,
        /// The timer that starts it.
        timer: TimerId,
        /// When.
        at: Timestamp,
    },
    /// The step failed for good.
    StepFailed {
        /// The step.
        step: StepIndex,
        /// Why.
        failure: Failure,
        /// Whether the run goes on all the same.
        continued: bool,
    },
    /// The step's output was mapped by its `outputs` template.
    OutputMapped {
        /// The step.
        step: StepIndex,
        /// The new output.
        output: Payload,
    },
    /// A router has chosen; the steps it did not choose are skipped.
    PathChosen {
        /// The router.
        step: StepIndex,
        /// The number of the case, from 0; `None`: the default.
        case: Option<u32>,
        /// The expressions it asked and the values they saw.
        reason: String,
        /// The steps it did not choose.
        skipped: Vec<StepIndex>,
    },
    /// Steps are skipped because a router has chosen another way.
    StepsBypassed {
        /// The router.
        router: StepIndex,
        /// Which.
        steps: Vec<StepIndex>,
    },
    /// A loop goes back: its steps are open again.
    RoundBegun {
        /// The loop.
        step: StepIndex,
        /// The number of the round that begins, from 2.
        round: u32,
        /// The expression and the values it saw.
        reason: String,
        /// What the round sees of the one before.
        carry: Payload,
    },
    /// A race is decided; the steps that lost it, and those that only lead to them, are ended.
    RaceDecided {
        /// The race.
        step: StepIndex,
        /// The step that won; `None`: none completed, but some were skipped.
        winner: Option<StepIndex>,
    },
    /// Running attempts were told to stop.
    StopRequested {
        /// Which steps.
        steps: Vec<StepIndex>,
    },
    /// Steps were ended before they were done, because the run ends.
    StepsCancelled {
        /// Which.
        steps: Vec<StepIndex>,
    },
    /// A step began to go through its items, or goes on with those that are left when the run was retried.
    ItemsStarted {
        /// The step.
        step: StepIndex,
        /// How many there are, at least one.
        count: u32,
        /// The list, in chunks that are stored beside the events.
        chunks: Vec<PayloadHash>,
        /// The timer that ends the step, and when.
        deadline: Option<(TimerId, Timestamp)>,
    },
    /// An attempt of an item was started.
    ItemStarted {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The attempt.
        attempt: Attempt,
        /// The rendered input; `None`: the plan's literal.
        input: Option<Payload>,
    },
    /// What an item returned was mapped by the step's `outputs` template.
    ItemOutputMapped {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The new output.
        output: Payload,
    },
    /// The item will be tried again.
    ItemRetryScheduled {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The number of the next attempt.
        attempt: Attempt,
        /// The timer that starts it.
        timer: TimerId,
        /// When.
        at: Timestamp,
    },
    /// The item failed for good.
    ItemFailed {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The last attempt, 0 if there was none.
        attempt: Attempt,
        /// Why.
        failure: Failure,
    },
    /// All items of a chunk have settled, and what they came to is stored beside the events.
    OutputsStored {
        /// The step.
        step: StepIndex,
        /// The chunk.
        chunk: u32,
        /// What its items came to.
        outputs: PayloadHash,
    },
    /// What runs has stopped, and these completed steps are to be undone.
    UndoRequested {
        /// Which; none if no step with a `compensate` has completed.
        steps: Vec<StepIndex>,
    },
    /// An attempt to undo one item of a step was started. Items are undone one after the other, the last first.
    ItemUndoStarted(Box<ItemUndoStarted>),
    /// An attempt to undo a step was started.
    UndoStarted {
        /// The step.
        step: StepIndex,
        /// The attempt, counted on from those of the step.
        attempt: Attempt,
        /// The rendered input; `None`: the plan's literal.
        input: Option<Payload>,
    },
    /// The undo of a step will be tried again.
    UndoRetryScheduled {
        /// The step.
        step: StepIndex,
        /// The number of the next attempt.
        attempt: Attempt,
        /// The timer that starts it.
        timer: TimerId,
        /// When.
        at: Timestamp,
    },
    /// The undo of a step failed for good; the run waits until somebody retries it or gives up undoing.
    UndoFailed {
        /// The step.
        step: StepIndex,
        /// Why.
        failure: Failure,
    },
    /// The run ended well.
    RunCompleted {
        /// Its output.
        output: Payload,
        /// Hash of the state after this event.
        state: StateHash,
    },
    /// The run ended badly.
    RunFailed {
        /// Why.
        failure: Failure,
        /// The step it failed at.
        step: Option<StepIndex>,
        /// Hash of the state after this event.
        state: StateHash,
    },
    /// The run was ended on request.
    RunCancelled {
        /// Hash of the state after this event.
        state: StateHash,
    },
}
