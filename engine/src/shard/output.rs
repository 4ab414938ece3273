//! What a shard wants done.

use std::sync::Arc;

use nexus_model::aggregate::{self, AggregateId, Effect};
use nexus_model::decide::SlotChange;
use nexus_model::effect::{Reading, RunAttempt};
use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex, TimerId};
use nexus_model::payload::PayloadHash;
use nexus_model::plan::Plan;
use nexus_model::rejection::Rejection;
use nexus_model::run::RunStatus;
use nexus_model::time::Timestamp;

use super::ReplyId;
use crate::handler::AttemptInfo;

/// Something to do. Everything but loading concerns only what is durable.
#[derive(Debug)]
pub enum Output {
    /// Read this run from the log.
    Load(RunId),
    /// Read this aggregate from the log.
    LoadAggregate(AggregateId),
    /// Carry this out for an aggregate, and tell it what came of it.
    Errand(AggregateId, Box<Effect>),
    /// Carry this out no longer.
    ErrandOver(AggregateId, Box<Effect>),
    /// Read these payloads from the log.
    LoadPayloads(RunId, Vec<PayloadHash>),
    /// Call a handler.
    Attempt {
        /// The run's plan.
        plan: Arc<Plan>,
        /// The facts for the handler.
        info: Box<AttemptInfo>,
        /// The call.
        attempt: Box<RunAttempt>,
    },
    /// Carry on an attempt that was cut off: record that, then its handler is called.
    Resume {
        /// The run's plan.
        plan: Arc<Plan>,
        /// The run.
        run: RunId,
        /// The step.
        step: StepIndex,
        /// The item, if it is an attempt of one.
        item: Option<ItemIndex>,
        /// The attempt.
        attempt: Attempt,
        /// Whether it undoes what the step did.
        undo: bool,
        /// Whether it must run while no other does.
        alone: bool,
    },
    /// Tell a handler to stop.
    Stop(RunId, StepIndex, Option<ItemIndex>, Attempt),
    /// Offer a step that waits for an event those that were emitted since a time, then say that this was done.
    ReadEvents(RunId, Reading),
    /// Tell a limit.
    Slot(SlotChange),
    /// An attempt that is over has reported; its log says that this was ignored.
    Ignored(Box<AttemptInfo>),
    /// A timer was set.
    TimerSet(RunId, TimerId, Timestamp),
    /// A timer is no longer set.
    TimerCleared(RunId, TimerId, Timestamp),
    /// Answer somebody.
    Reply(ReplyId, Result<Answer, Refusal>),
    /// So many more runs are open, or fewer. Comes before the answer and the end that it belongs to: a start that is answered gives up
    /// its place.
    Opened(i64),
    /// A run has ended.
    Ended(RunId, RunStatus),
    /// A run is no longer in memory, because what was decided about it did not come to be: how it stands is in the log.
    Left(RunId),
    /// A called run should be there, and its end be told.
    Call(Box<super::RunCall>),
    /// A called run has ended.
    ChildEnded(Box<super::ChildReport>),
    /// The function of a run has something to read.
    Function(Box<FunctionNews>),
    /// A run could start attempts if there were room.
    Hungry(RunId),
    /// Keep this snapshot: run, revision, bytes.
    Snapshot(RunId, u32, Vec<u8>),
    /// Say after a while that the run has rested: the log could not take what was asked of it, or not be read.
    Rest(RunId),
}

/// What the function of a run is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionNews {
    /// The run.
    pub run: RunId,
    /// The name of its workflow, by which the function is known.
    pub workflow: String,
    /// The event with which the round began that the function is in; 0: that of the run.
    pub began: u32,
    /// How many events of the run are durable.
    pub revision: u32,
}

/// A good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The run, or the id of what is no run.
    pub run: RunId,
    /// The revision after what was asked for.
    pub revision: u32,
}

/// What becomes of a request that was refused and is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It may be done later: the disk is full, or cannot be read now.
    Later,
    /// It is refused for ever.
    Never,
    /// This engine is about to end. Another one may do it.
    Elsewhere,
}

impl Refusal {
    /// What becomes of the same request when it is made again: the one place that says so.
    pub fn again(&self) -> Again {
        match self {
            Self::Unreadable { passing: true, .. } | Self::DiskNearlyFull(_) => Again::Later,
            Self::ShuttingDown => Again::Elsewhere,
            Self::Unreadable { passing: false, .. }
            | Self::Rejected(_)
            | Self::Aggregate(_)
            | Self::NotFound
            | Self::Taken(..)
            | Self::TooLarge => Again::Never,
        }
    }

    /// Whether what is refused now may be done later.
    pub fn is_passing(&self) -> bool {
        self.again() == Again::Later
    }
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not fit the state of the run.
    #[error("{0}")]
    Rejected(Rejection),
    /// It does not fit the state of what is no run.
    #[error("{0}")]
    Aggregate(aggregate::Rejection),
    /// There is no such run.
    #[error("there is no such run")]
    NotFound,
    /// The name is taken: by this run, which was started with a request of this hash.
    #[error("the name is taken")]
    Taken(RunId, [u8; 32]),
    /// The run cannot be read.
    #[error("the run cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
        /// Whether trying again may help.
        passing: bool,
    },
    /// The disk is nearly full; nothing was recorded.
    #[error("the disk is nearly full ({0} bytes free); nothing was recorded")]
    DiskNearlyFull(u64),
    /// More than the log takes at once.
    #[error("the request is larger than the log takes at once")]
    TooLarge,
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    ShuttingDown,
}
