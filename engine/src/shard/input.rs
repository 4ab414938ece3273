//! What a shard is told.

use std::sync::Arc;

use nexus_log::{Outcome, Row};
use nexus_model::aggregate::{self, AggregateId};
use nexus_model::command::Command;
use nexus_model::event::RunStarted;
use nexus_model::id::{Attempt, ItemIndex, RunId, StepIndex};
use nexus_model::pauses::Pauses;
use nexus_model::payload::NewPayload;
use nexus_model::plan::Plan;
use nexus_model::run::Run;
use nexus_model::vault::Vault;

use super::Output;

use super::LoadedAggregate;

/// Names somebody who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u64);

/// Something a shard is told.
#[derive(Debug)]
pub enum Input {
    /// A new run.
    Start(Box<Start>),
    /// A request to a run.
    Ask {
        /// The run.
        run: RunId,
        /// The request.
        asked: Asked,
    },
    /// A run was read from the log.
    Loaded {
        /// The run.
        run: RunId,
        /// What was found.
        loaded: Loaded,
    },
    /// Payloads that a decision needs were read from the log.
    PayloadsLoaded {
        /// The run.
        run: RunId,
        /// The payloads.
        payloads: Vec<NewPayload>,
    },
    /// The log has answered the oldest transition of a run that is on its way.
    Answered {
        /// The run.
        run: RunId,
        /// What became of it.
        outcome: Outcome,
    },
    /// The pauses of the store to keep to from now on.
    Pauses(Arc<Pauses>),
    /// A run from before this process should go on.
    Drive {
        /// The run.
        run: RunId,
    },
    /// A run has rested as long as it was to.
    Rested {
        /// The run.
        run: RunId,
    },
    /// There is room for a run that said it was hungry.
    Offer {
        /// The run.
        run: RunId,
    },
    /// A request to an aggregate.
    AskAggregate {
        /// The aggregate.
        id: AggregateId,
        /// The request.
        asked: AskedAggregate,
    },
    /// An aggregate was read from the log.
    AggregateLoaded {
        /// The aggregate.
        id: AggregateId,
        /// What was found.
        loaded: LoadedAggregate,
    },
    /// An aggregate from before this process should go on.
    DriveAggregate {
        /// The aggregate.
        id: AggregateId,
    },
}

/// A new run.
#[derive(Debug)]
pub struct Start {
    /// Its plan.
    pub plan: Arc<Plan>,
    /// How it begins.
    pub started: Box<RunStarted>,
    /// Rows that belong to its beginning: its name, its definition.
    pub rows: Vec<Row>,
    /// The bytes of a large input.
    pub payloads: Vec<NewPayload>,
    /// Who waits for the answer.
    pub reply: Option<ReplyId>,
    /// What hides its values, if it is encrypted.
    pub vault: Option<Arc<dyn Vault>>,
}

/// A request to a run.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request.
    pub command: Command,
    /// The bytes of large payloads it names.
    pub payloads: Vec<NewPayload>,
    /// Rows that go with what comes of it.
    pub rows: Vec<Row>,
    /// Who waits for the answer.
    pub reply: Option<ReplyId>,
}

impl Asked {
    /// A request whose answer nobody waits for.
    pub fn silent(command: Command) -> Self {
        Self { command, payloads: Vec::new(), rows: Vec::new(), reply: None }
    }

    /// The attempt about which it reports, if it is a handler's report.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a report")]
    pub(super) fn report(&self) -> Option<(StepIndex, Option<ItemIndex>, Attempt)> {
        match &self.command {
            Command::CompleteStep { step, attempt, .. }
            | Command::FailStep { step, attempt, .. }
            | Command::RecordHeartbeat { step, attempt, .. } => Some((*step, None, *attempt)),
            Command::CompleteItem { step, item, attempt, .. }
            | Command::FailItem { step, item, attempt, .. } => Some((*step, Some(*item), *attempt)),
            _ => None,
        }
    }

    /// Whether the function of the run says it: what it does next.
    pub(super) fn is_of_function(&self) -> bool {
        matches!(self.command, Command::MakeCalls(_) | Command::ReturnFunction(_))
    }

    /// What tells those who wait for its outcome that there will be none: an attempt that cannot be resumed is not called.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is about a resumption")]
    pub(super) fn withdrawal(&self, run: RunId) -> Option<Output> {
        match self.command {
            Command::ResumeAttempt { step, attempt } => {
                Some(Output::Stop(run, step, None, attempt))
            }
            Command::ResumeItem { step, item, attempt } => {
                Some(Output::Stop(run, step, Some(item), attempt))
            }
            _ => None,
        }
    }
}

/// A request to an aggregate.
#[derive(Clone, Debug)]
pub struct AskedAggregate {
    /// Its name, if it is to be made when it is not there.
    pub name: Option<Arc<str>>,
    /// The request.
    pub command: aggregate::Command,
    /// Rows that go with what comes of it.
    pub rows: Vec<Row>,
    /// Who waits for the answer.
    pub reply: Option<ReplyId>,
}

impl AskedAggregate {
    /// A request whose answer nobody waits for, to an aggregate that is there.
    pub fn silent(command: aggregate::Command) -> Self {
        Self { name: None, command, rows: Vec::new(), reply: None }
    }
}

/// What was found when a run was read from the log.
#[derive(Debug)]
pub enum Loaded {
    /// The run.
    Found {
        /// Its plan.
        plan: Arc<Plan>,
        /// Its state.
        state: Box<Run>,
        /// What hides its values, if it is encrypted and not forgotten.
        vault: Option<Arc<dyn Vault>>,
    },
    /// There is no such run.
    NotFound,
    /// It, or a payload it needs, cannot be read.
    Failed {
        /// Why.
        reason: String,
        /// Whether trying again may help.
        passing: bool,
    },
}
