//! Commands: what somebody asks of a run. Each may be refused with a [`Rejection`](crate::rejection::Rejection).

use crate::code::{CallsMade, FunctionReturned};
use crate::event::{Actor, ChildEnd, Failure, Interruption, RunStarted};
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::limit::Ticket;
use crate::migration::MigrateRun;
use crate::payload::Payload;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Begin. The `timeout` inside is filled in by `decide`.
    StartRun(Box<RunStarted>),
    /// A handler returned.
    CompleteStep {
        /// The step.
        step: StepIndex,
        /// The attempt it was called for.
        attempt: Attempt,
        /// What it returned.
        output: Payload,
    },
    /// A handler failed, or ran out of time.
    FailStep {
        /// The step.
        step: StepIndex,
        /// The attempt it was called for.
        attempt: Attempt,
        /// Why.
        failure: Failure,
    },
    /// The process that ran these attempts is gone, or going.
    InterruptAttempts {
        /// Which.
        attempts: Vec<(StepIndex, Attempt)>,
        /// How.
        how: Interruption,
    },
    /// A handler returned for an item.
    CompleteItem {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The attempt it was called for.
        attempt: Attempt,
        /// What it returned.
        output: Payload,
    },
    /// A handler failed for an item, or ran out of time.
    FailItem {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The attempt it was called for.
        attempt: Attempt,
        /// Why.
        failure: Failure,
    },
    /// The process that ran these attempts of items is gone, or going.
    InterruptItems {
        /// Which.
        attempts: Vec<(StepIndex, ItemIndex, Attempt)>,
        /// How.
        how: Interruption,
    },
    /// The handler of an attempt that was cut off is about to be called again.
    ResumeAttempt {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
    },
    /// A handler is at work and says how far it is.
    RecordHeartbeat {
        /// The step.
        step: StepIndex,
        /// The attempt.
        attempt: Attempt,
        /// How far it is.
        progress: Payload,
    },
    /// An attempt of an item that was cut off is carried on.
    ResumeItem {
        /// The step.
        step: StepIndex,
        /// The item.
        item: ItemIndex,
        /// The attempt.
        attempt: Attempt,
    },
    /// A timer is due.
    FireTimer {
        /// Which.
        timer: TimerId,
    },
    /// Start nothing new.
    PauseRun {
        /// Who asks.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// Start nothing new of a step.
    PauseStep {
        /// The step.
        step: StepIndex,
        /// Who asks.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// End the pause of a step.
    ResumeStep {
        /// The step.
        step: StepIndex,
        /// Who asks.
        by: Actor,
    },
    /// Pauses of the store apply to the run.
    HoldRun {
        /// The pauses, in words.
        pauses: Vec<String>,
    },
    /// No pause of the store applies to the run any more.
    ReleaseRun,
    /// A command that begins or continues a run to which pauses of the store apply.
    InHold {
        /// The pauses, in words.
        pauses: Vec<String>,
        /// The command: [`StartRun`](Self::StartRun) or [`RetryRun`](Self::RetryRun).
        command: Box<Self>,
    },
    /// End the pause.
    ResumeRun {
        /// Who asks.
        by: Actor,
    },
    /// End the run.
    CancelRun {
        /// Who asks.
        by: Actor,
        /// Why.
        reason: String,
        /// Whether the definition says what is undone; `false`: nothing more is.
        undo: bool,
    },
    /// Continue a failed or cancelled run, or try undos again that have failed.
    RetryRun {
        /// Who asks.
        by: Actor,
    },
    /// Go on with another definition.
    MigrateRun(Box<MigrateRun>),
    /// Take note that the key of the values of an encrypted run is deleted.
    ForgetRun {
        /// Who asks for it.
        by: Actor,
    },
    /// There is room for attempts.
    OfferSlots,
    /// A breaker allows an attempt.
    AllowCall {
        /// The step.
        step: StepIndex,
        /// The item, if it is for one.
        item: Option<ItemIndex>,
        /// The number of the request.
        ticket: Ticket,
    },
    /// A breaker is open, and the step does not want to wait.
    RefuseCall {
        /// The step.
        step: StepIndex,
        /// The item, if it is for one.
        item: Option<ItemIndex>,
        /// The number of the request.
        ticket: Ticket,
    },
    /// A limit has granted a slot.
    GrantSlot {
        /// The step that waits for it; `None`: the run as a whole.
        step: Option<StepIndex>,
        /// The item, if it is for one.
        item: Option<ItemIndex>,
        /// The number of the request.
        ticket: Ticket,
    },
    /// Approve or reject what a step asks.
    AnswerApproval {
        /// The step.
        step: StepIndex,
        /// The answer.
        answer: Box<ApprovalAnswer>,
    },
    /// Offer an event to a step that waits for it. If it does not want it, nothing is recorded.
    OfferEvent {
        /// The step.
        step: StepIndex,
        /// The event's name.
        event: String,
        /// What makes it count once, see [`offer_id`](crate::topic::offer_id).
        id: String,
        /// What it carries.
        payload: Payload,
        /// Who emitted it.
        by: Actor,
    },
    /// All events that were emitted before the step waited have been offered.
    EventsRead {
        /// The step.
        step: StepIndex,
        /// The revision at which it began to wait, if it is to be this waiting and no later one.
        waiting: Option<u32>,
    },
    /// Have a step take an update. One that does not fit is refused, and nothing is recorded.
    Update(Box<UpdateRequest>),
    /// Tell the run something.
    DeliverSignal {
        /// The signal's name.
        name: String,
        /// The sender's key, which makes it count once; empty if there is none.
        id: String,
        /// What it carries.
        payload: Payload,
        /// Who sends it.
        by: Actor,
    },
    /// A called run has come to its end.
    EndChild {
        /// The step that called it.
        step: StepIndex,
        /// The name of the called run.
        child: String,
        /// How many events it has.
        revision: u32,
        /// How it ended.
        ended: ChildEnd,
    },
    /// A function has made calls. `decide` gives each its step.
    MakeCalls(Box<CallsMade>),
    /// A function has returned.
    ReturnFunction(Box<FunctionReturned>),
    /// The run that called this one is paused, or goes on.
    FollowParent {
        /// Whether it is paused.
        paused: bool,
    },
}

/// A request that a step takes, checks and answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateRequest {
    /// The update's name.
    pub name: String,
    /// The sender's key, which makes it count once; empty if there is none.
    pub id: String,
    /// What it carries: JSON.
    pub data: Payload,
    /// Who sends it.
    pub by: Actor,
}

/// What a person decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalAnswer {
    /// The id of the step that they mean: its number may be that of another call of a function by now. Empty: whichever it is.
    pub of: String,
    /// Yes or no.
    pub approved: bool,
    /// Who.
    pub by: Actor,
    /// The groups they belong to.
    pub groups: Vec<String>,
    /// What they say to it; may be empty.
    pub note: String,
    /// What they filled in: JSON, a map of values by name, or `null`.
    pub form: Payload,
}

impl Command {
    /// The migration that it asks for, also if it is held.
    pub fn migrates(&self) -> Option<&MigrateRun> {
        if let Self::InHold { command, .. } = self {
            return command.migrates();
        }
        if let Self::MigrateRun(migrate) = self { Some(migrate) } else { None }
    }
}
