//! What can wake a driver.

use std::sync::Arc;

use nexus_log::KeyValue;
use nexus_model::aggregate::AggregateId;
use nexus_model::id::RunId;
use nexus_model::pauses::Pauses;
use nexus_model::payload::NewPayload;
use nexus_model::run::RunStatus;
use tokio::sync::oneshot;

use super::Report;
use super::attempt::AttemptKey;
use super::timers::Page;
use crate::handle::Handle;
use crate::shard::{Answer, Asked, AskedAggregate, Loaded, LoadedAggregate, Refusal, Start};

/// Where the answer to a request goes.
pub(crate) type ReplySender = oneshot::Sender<Result<Answer, Refusal>>;

/// Where the end of a run goes.
pub(crate) type EndSender = oneshot::Sender<Result<RunStatus, Refusal>>;

/// Something that wakes a driver.
#[derive(Debug)]
pub(crate) enum Message {
    /// Start a run.
    Start { start: Box<Start>, reply: ReplySender },
    /// Ask something of a run.
    Ask { run: RunId, asked: Asked, reply: Option<ReplySender> },
    /// A run was read.
    Loaded { run: RunId, loaded: Loaded },
    /// Payloads were read.
    PayloadsLoaded { run: RunId, payloads: Vec<NewPayload> },
    /// A handler is done.
    Reported(Report),
    /// The function of a run has made the call that this attempt waits for.
    Called(AttemptKey),
    /// The pauses of the store to keep to from now on, and their revision.
    Pauses { revision: u32, pauses: Arc<Pauses>, done: oneshot::Sender<()> },
    /// A run from before this process should go on.
    Drive { run: RunId },
    /// Runs from before this process should go on, one after the other.
    TakeUp { runs: Vec<RunId> },
    /// Somebody waits for the end of a run.
    Wait { run: RunId, end: EndSender },
    /// The state of a run that somebody waits for and that is not in memory.
    AlreadyEnded { run: RunId, status: RunStatus },
    /// A run that somebody waits for cannot be read.
    Unwaitable { run: RunId, refusal: Refusal },
    /// What errands ask things of; the first message of all.
    Equip { handle: Box<Handle> },
    /// Ask something of an aggregate.
    AskAggregate { id: AggregateId, asked: AskedAggregate, reply: Option<ReplySender> },
    /// An aggregate was read.
    AggregateLoaded { id: AggregateId, loaded: LoadedAggregate },
    /// An aggregate from before this process should go on.
    DriveAggregate { id: AggregateId },
    /// A run has rested as long as it was to.
    Rested { run: RunId },
    /// Timer rows were read, or why not.
    TimersLoaded { rows: Result<Vec<KeyValue>, String>, page: Page },
    /// It is time to read timer rows again that could not be read.
    TimersAgain { page: Page },
    /// A thread has read this.
    HasRead(Vec<Self>),
    /// What was to be done about a called run is done.
    CallDone(super::CallDone),
    /// Handlers have had their time to finish.
    DrainOver,
    /// End in order.
    Shutdown { done: oneshot::Sender<()> },
}
