//! Rows of the view as its readers see them.

use std::fmt;

use chrono::{DateTime, SecondsFormat};
use nexus_log::{Revision, StreamId};
use nexus_model::event::Actor;
use nexus_model::id::{Attempt, DefinitionHash, RunId, StepIndex};
use nexus_model::time::Timestamp;

use super::record::{Current, Doing, Ending, FOR_EVER, Outlook, RunRecord};

/// Where a run stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunWord {
    /// It waits for a slot of a limit before its first step.
    Queued,
    /// Steps run, or could.
    Running,
    /// Nothing runs, and at least one step sleeps or waits for something from outside.
    Waiting,
    /// Nothing runs, and failed steps wait to be tried again.
    Retrying,
    /// What it did is undone, because it fails or is cancelled.
    Compensating,
    /// Nothing new is started until somebody resumes it.
    Paused,
    /// It will have failed as soon as what still runs has ended.
    Failing,
    /// It ends as soon as what runs has stopped, because somebody asked for it.
    Cancelling,
    /// It ended well.
    Completed,
    /// It ended badly.
    Failed,
    /// It was ended on request.
    Cancelled,
}

impl RunWord {
    /// All words.
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Retrying,
        Self::Compensating,
        Self::Paused,
        Self::Failing,
        Self::Cancelling,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word itself.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Compensating => "compensating",
            Self::Paused => "paused",
            Self::Failing => "failing",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether the run has ended.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Queued
            | Self::Running
            | Self::Waiting
            | Self::Retrying
            | Self::Compensating
            | Self::Paused
            | Self::Failing
            | Self::Cancelling => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl fmt::Display for RunWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub run: RunId,
    /// Its name.
    pub name: String,
    /// The name of its workflow.
    pub workflow: String,
    /// The definition it has now.
    pub definition: DefinitionHash,
    /// Where it stands.
    pub status: RunWord,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When its last event was recorded.
    pub updated_at: Timestamp,
    /// How many steps it has; events do not say, who has the definition may fill it in.
    pub steps_total: Option<u32>,
    /// How many steps completed; of a function, how many calls.
    pub steps_completed: u32,
    /// How many steps were skipped by their condition.
    pub steps_skipped: u32,
    /// How many steps failed for good, including those the run went on after.
    pub steps_failed: u32,
    /// How many retries were scheduled.
    pub retries: u32,
    /// Code of the failure it ended with.
    pub failure_code: Option<String>,
    /// Message of the failure it ended with; a very long one is cut.
    pub failure_message: Option<String>,
    /// The step it failed at.
    pub failed_step: Option<StepIndex>,
    /// Why it was paused or cancelled.
    pub reason: Option<String>,
    /// Its labels, sorted by key.
    pub labels: Vec<(String, String)>,
    /// Who started it.
    pub by: Actor,
    /// Revision of its last record.
    pub last_revision: Revision,
    /// Whether the key of its values is deleted, so that nobody can read them.
    pub is_forgotten: bool,
    /// Whether it needs no engine until a timer fires or somebody asks for something.
    pub is_parked: bool,
    /// What it waits for next, if nothing else goes on.
    pub waiting_on: Option<WaitingOn>,
    /// Steps that were begun and have not settled, by step.
    pub current: Vec<CurrentStep>,
}

/// A step that was begun and has not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentStep {
    /// The step.
    pub step: StepIndex,
    /// The attempt: the one that runs, or the next. A sleep or a wait has none of its own and says 1.
    pub attempt: Attempt,
    /// What it does.
    pub state: CurrentState,
}

/// What such a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentState {
    /// An attempt is under way.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// It sleeps.
    Sleeping {
        /// Until when.
        until: Timestamp,
    },
    /// It waits for a signal.
    AwaitingSignal {
        /// Until when; `None`: for ever.
        until: Option<Timestamp>,
    },
    /// It waits for an update.
    AwaitingUpdate {
        /// Until when; `None`: for ever.
        until: Option<Timestamp>,
    },
    /// It waits for the end of a run that it has called.
    Calling {
        /// Until when; `None`: for ever.
        until: Option<Timestamp>,
    },
    /// It waits for a slot of a limit.
    Queued {
        /// Since when.
        since: Timestamp,
    },
    /// It waits for its circuit breaker.
    AwaitingBreaker {
        /// Since when.
        since: Timestamp,
    },
    /// It waits for the decision of a person.
    AwaitingApproval {
        /// Until when; `None`: for ever.
        until: Option<Timestamp>,
    },
    /// It will be tried again.
    Retrying {
        /// When; past if it waits for room.
        at: Timestamp,
    },
    /// Its undo has failed and waits for somebody.
    UndoFailed {
        /// Since when.
        since: Timestamp,
    },
}

/// What a run waits for. Its text names the step by its index; who has the definition can say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingOn {
    /// A sleep.
    Sleep {
        /// The step.
        step: StepIndex,
        /// When it ends.
        until: Timestamp,
    },
    /// A signal.
    Signal {
        /// The step.
        step: StepIndex,
        /// When it waits no longer; `None`: never.
        until: Option<Timestamp>,
    },
    /// An update.
    Update {
        /// The step.
        step: StepIndex,
        /// When it waits no longer; `None`: never.
        until: Option<Timestamp>,
    },
    /// The end of a run that a step has called.
    Run {
        /// The step.
        step: StepIndex,
        /// When it waits no longer; `None`: never.
        until: Option<Timestamp>,
    },
    /// The decision of a person.
    Approval {
        /// The step.
        step: StepIndex,
        /// When it waits no longer; `None`: never.
        until: Option<Timestamp>,
    },
    /// The next attempt of a step.
    Retry {
        /// The step.
        step: StepIndex,
        /// The number of the attempt.
        attempt: Attempt,
        /// When it begins.
        at: Timestamp,
    },
    /// A slot of a limit, for a step.
    Slot {
        /// The step.
        step: StepIndex,
    },
    /// The circuit breaker of a step.
    Breaker {
        /// The step.
        step: StepIndex,
    },
    /// Slots and calls for items of a step; others may be at work.
    Items {
        /// The step.
        step: StepIndex,
        /// How many wait for slots of their limit.
        slots: u32,
        /// How many wait for the circuit breaker.
        calls: u32,
    },
    /// A slot of a limit, for the run as a whole.
    Start,
    /// Somebody who retries the undo of a step or gives it up.
    Undo {
        /// The step.
        step: StepIndex,
    },
    /// Somebody who resumes it.
    Resume,
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sleep { until, .. } => write!(f, "sleep until {}", show(*until)),
            Self::Signal { step, .. } => write!(f, "a signal for step {}", step.0),
            Self::Update { step, .. } => write!(f, "an update for step {}", step.0),
            Self::Run { step, .. } => write!(f, "the run that step {} has called", step.0),
            Self::Approval { step, .. } => write!(f, "an approval of step {}", step.0),
            Self::Retry { step, at, .. } => write!(f, "retry of step {} at {}", step.0, show(*at)),
            Self::Slot { step } => write!(f, "a slot for step {}", step.0),
            Self::Breaker { step } => write!(f, "the circuit breaker of step {}", step.0),
            Self::Items { step, slots, calls } => {
                let items = slots.saturating_add(*calls);
                write!(f, "slots and calls for {items} items of step {}", step.0)
            }
            Self::Start => f.write_str("a slot"),
            Self::Undo { step } => write!(f, "undo of step {}", step.0),
            Self::Resume => f.write_str("resume"),
        }
    }
}

fn show(time: Timestamp) -> String {
    match DateTime::from_timestamp_micros(time.0) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{} us", time.0),
    }
}

impl RunRow {
    /// The row of a record.
    pub(super) fn new(stream: StreamId, record: RunRecord) -> Self {
        let status = word(&record);
        let current: Vec<CurrentStep> = record.current.iter().map(current_step).collect();
        let waiting_on = waiting_on(going_on(&record), &current).or_else(|| items(&record));
        let (failure_code, failure_message, failed_step) = match record.failure {
            Some((code, message, step)) => (Some(code), Some(message), step.map(StepIndex)),
            None => (None, None, None),
        };
        Self {
            run: RunId(stream.0),
            name: record.name,
            workflow: record.workflow,
            definition: DefinitionHash(record.definition),
            status,
            started_at: Timestamp(record.started_at),
            ended_at: record.ended_at.map(Timestamp),
            updated_at: Timestamp(record.updated_at),
            steps_total: None,
            steps_completed: record.completed.count().saturating_add(record.earlier.0),
            steps_skipped: record.skipped.count(),
            steps_failed: record.failed.count().saturating_add(record.earlier.1),
            retries: record.retries,
            failure_code,
            failure_message,
            failed_step,
            reason: Some(record.reason).filter(|reason| !reason.is_empty()),
            labels: record.labels,
            by: record.by,
            last_revision: Revision(record.revision.saturating_sub(1)),
            is_forgotten: record.is_forgotten,
            is_parked: record.is_parked,
            waiting_on,
            current,
        }
    }

    /// The run's stream.
    pub fn stream(&self) -> StreamId {
        StreamId(self.run.0)
    }
}

/// What steps do that only wait.
const WAITING: [Doing; 5] = [
    Doing::Sleeping,
    Doing::AwaitingSignal,
    Doing::AwaitingUpdate,
    Doing::AwaitingApproval,
    Doing::Calling,
];

/// The word for a run.
pub(super) fn word(record: &RunRecord) -> RunWord {
    match record.outlook {
        Outlook::Failing | Outlook::Cancelling if record.undos_open > 0 => RunWord::Compensating,
        Outlook::Open => going_on(record),
        Outlook::Failing => RunWord::Failing,
        Outlook::Cancelling => RunWord::Cancelling,
    }
}

/// The word for a run, if it does not matter how it will end.
fn going_on(record: &RunRecord) -> RunWord {
    match record.ending {
        Some(Ending::Completed) => return RunWord::Completed,
        Some(Ending::Failed) => return RunWord::Failed,
        Some(Ending::Cancelled) => return RunWord::Cancelled,
        None => {}
    }
    if record.is_paused || record.is_held || !record.held_by.is_empty() {
        RunWord::Paused
    } else if record.is_queued {
        RunWord::Queued
    } else if (record.does(Doing::Queued) || record.does(Doing::AwaitingBreaker))
        && !record.does(Doing::Running)
    {
        RunWord::Waiting
    } else if record.undos_open > 0 {
        RunWord::Compensating
    } else if !record.is_parked || record.does(Doing::Running) {
        RunWord::Running
    } else if WAITING.into_iter().any(|doing| record.does(doing)) {
        RunWord::Waiting
    } else if record.does(Doing::Retrying) {
        RunWord::Retrying
    } else {
        RunWord::Running
    }
}

fn current_step((step, current): (&u32, &Current)) -> CurrentStep {
    let time = Timestamp(current.time);
    let state = match current.state {
        Doing::Running => CurrentState::Running { since: time },
        Doing::Sleeping => CurrentState::Sleeping { until: time },
        Doing::Retrying => CurrentState::Retrying { at: time },
        Doing::Queued => CurrentState::Queued { since: time },
        Doing::AwaitingBreaker => CurrentState::AwaitingBreaker { since: time },
        Doing::AwaitingSignal => CurrentState::AwaitingSignal { until: limited(time) },
        Doing::AwaitingUpdate => CurrentState::AwaitingUpdate { until: limited(time) },
        Doing::AwaitingApproval => CurrentState::AwaitingApproval { until: limited(time) },
        Doing::Calling => CurrentState::Calling { until: limited(time) },
        Doing::UndoFailed => CurrentState::UndoFailed { since: time },
    };
    CurrentStep { step: StepIndex(*step), attempt: Attempt(current.attempt), state }
}

/// The time, if it is one.
fn limited(time: Timestamp) -> Option<Timestamp> {
    Some(time).filter(|time| time.0 != FOR_EVER)
}

fn waiting_on(status: RunWord, current: &[CurrentStep]) -> Option<WaitingOn> {
    match status {
        RunWord::Waiting | RunWord::Retrying => {
            let waits = current.iter().filter_map(wait);
            waits.min_by_key(|(due, _)| *due).map(|(_, waiting_on)| waiting_on)
        }
        RunWord::Compensating => {
            let failed =
                |current: &&CurrentStep| matches!(current.state, CurrentState::UndoFailed { .. });
            let failed = current.iter().find(failed);
            failed.map(|current| WaitingOn::Undo { step: current.step })
        }
        RunWord::Paused => Some(WaitingOn::Resume),
        RunWord::Queued => Some(WaitingOn::Start),
        RunWord::Running
        | RunWord::Failing
        | RunWord::Cancelling
        | RunWord::Completed
        | RunWord::Failed
        | RunWord::Cancelled => None,
    }
}

/// What its items wait for, of a run whose steps are at work.
fn items(record: &RunRecord) -> Option<WaitingOn> {
    let (step, of) = record.items.first()?;
    Some(WaitingOn::Items { step, slots: of.slots, calls: of.calls })
}

fn wait(current: &CurrentStep) -> Option<(Timestamp, WaitingOn)> {
    let &CurrentStep { step, attempt, state } = current;
    match state {
        CurrentState::Running { .. } | CurrentState::UndoFailed { .. } => None,
        CurrentState::Sleeping { until } => Some((until, WaitingOn::Sleep { step, until })),
        CurrentState::AwaitingSignal { until } => {
            let due = until.unwrap_or(Timestamp(FOR_EVER));
            Some((due, WaitingOn::Signal { step, until }))
        }
        CurrentState::AwaitingUpdate { until } => {
            let due = until.unwrap_or(Timestamp(FOR_EVER));
            Some((due, WaitingOn::Update { step, until }))
        }
        CurrentState::Calling { until } => {
            let due = until.unwrap_or(Timestamp(FOR_EVER));
            Some((due, WaitingOn::Run { step, until }))
        }
        CurrentState::Queued { since } => Some((since, WaitingOn::Slot { step })),
        CurrentState::AwaitingBreaker { since } => Some((since, WaitingOn::Breaker { step })),
        CurrentState::AwaitingApproval { until } => {
            let due = until.unwrap_or(Timestamp(FOR_EVER));
            Some((due, WaitingOn::Approval { step, until }))
        }
        CurrentState::Retrying { at } => Some((at, WaitingOn::Retry { step, attempt, at })),
    }
}
