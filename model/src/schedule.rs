//! Schedules: runs that are started at times of the calendar, at intervals, or when somebody says so. Pure.
//!
//! When a rule of the calendar is due is not known here: the shell's calendar says so, and its answer stands in the event.
//! A run is named after its schedule and the time it was due, so that it is started once, however often that is tried.
//!
//! Invariants:
//! * A due time leads to one run at most: it is requested once, and the name of the run is taken after that.
//! * `pending` names a start for each run that was requested and not confirmed, and a watch for each run that is open as far
//!   as the schedule knows. So nothing is lost by a crash between an event and what follows from it.

mod command;
mod decide;
mod draft;
mod event;
mod evolve;
mod name;
mod prepare;
mod rejection;
mod timing;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use command::ScheduleCommand;
pub use event::{
    Backfilled, CancelRequested, Changed, Created, Deleted, Paused, Queued, Resumed, RunEnded,
    RunRequested, RunStarted, ScheduleEvent, SkipReason, Skipped, StartFailed, TimeCame, Triggered,
};
pub use name::{NAME_CHARS_MAX, is_name, run_name};
pub use prepare::{DUES_MAX, due_times};
pub use rejection::ScheduleRejection;
pub use timing::Timing;

use crate::aggregate::{Aggregate, Calendar, ClockKind, Wire};
use crate::event::Actor;
use crate::id::{DefinitionHash, RunId, TimerId};
use crate::time::Timestamp;

/// Due times that wait for a run to end; more are skipped.
pub const QUEUE_MAX: usize = 10_000;
/// A due time that is acted on later than this was missed.
pub const GRACE_MS: u64 = 60_000;

/// A schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// What it does; `None`: it was not made yet, or is deleted.
    pub spec: Option<Spec>,
    /// Who paused it and why.
    pub paused: Option<Pause>,
    /// When it is due next, and the timer for that.
    pub next: Option<(TimerId, Timestamp)>,
    /// Runs that were requested and have not ended, in the order of their requests.
    pub open: Vec<Firing>,
    /// Due times that wait for a run to end.
    pub waiting: VecDeque<Waiting>,
    /// The time that was due last, whatever became of it.
    pub last: Option<Timestamp>,
    /// The last time somebody triggered it.
    pub triggered: Option<Timestamp>,
    /// Number of the timer set last.
    pub timers: u32,
    /// What became of due times so far.
    pub counts: Counts,
    /// Why a run could not be started, the last time one could not.
    pub failure: Option<StartFailure>,
}

/// What a schedule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// When.
    pub timing: Timing,
    /// The name of the workflow.
    pub workflow: String,
    /// The definition of the runs.
    pub definition: DefinitionHash,
    /// Whether runs have the definition that is current when they are started, instead of this one.
    pub follows: bool,
    /// Their input, as JSON.
    pub input: String,
    /// Where their scripts work; empty: nowhere in particular.
    pub folder: String,
    /// What becomes of due times at which nobody was there.
    pub catch_up: CatchUp,
    /// What happens at a due time when a run is open.
    pub overlap: Overlap,
}

/// What becomes of due times at which no engine was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// Nothing: they are skipped.
    None,
    /// The latest of them is made up for.
    #[default]
    Latest,
    /// All of them are made up for, in order.
    All,
}

/// What happens at a due time when a run of the schedule is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The due time is skipped.
    #[default]
    Skip,
    /// It waits for the run to end.
    Queue,
    /// The open run is cancelled, and the new one starts when it has ended.
    CancelOld,
    /// The new run starts beside it.
    Allow,
}

impl CatchUp {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::None, Self::Latest, Self::All];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Latest => "latest",
            Self::All => "all",
        }
    }

    /// The policy of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.word() == word)
    }
}

impl Overlap {
    /// All policies.
    pub const ALL: [Self; 4] = [Self::Skip, Self::Queue, Self::CancelOld, Self::Allow];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::CancelOld => "cancel_old",
            Self::Allow => "allow",
        }
    }

    /// The policy of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.word() == word)
    }
}

/// Why a run is started.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// It was due.
    Due,
    /// It was due while nobody was there.
    CatchUp,
    /// Somebody said so.
    Trigger(Actor),
    /// Somebody had a stretch of the past made up for.
    Backfill(Actor),
}

/// A run that was requested and has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firing {
    /// When it was due.
    pub due: Timestamp,
    /// Why.
    pub cause: Cause,
    /// The run, once it is known to be there.
    pub run: Option<RunId>,
    /// Whether it is to be cancelled because the next is due.
    pub is_cancelled: bool,
}

/// A due time that waits for a run to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// When it was due.
    pub due: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// How many due times became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Runs that were started.
    pub started: u64,
    /// Due times that were skipped.
    pub skipped: u64,
    /// Runs that could not be started.
    pub failed: u64,
}

/// Why a run could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailure {
    /// When it was due.
    pub due: Timestamp,
    /// Error code.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// What should be under way for a schedule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScheduleEffect {
    /// A run should be started, or found to be there.
    Start(Box<StartRun>),
    /// The end of a run should be reported.
    Watch {
        /// When the run was due.
        due: Timestamp,
        /// The run.
        run: RunId,
    },
    /// A run should be cancelled.
    Cancel {
        /// When the run was due.
        due: Timestamp,
        /// The run.
        run: RunId,
    },
}

/// A run to start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StartRun {
    /// The schedule.
    pub schedule: String,
    /// When it was due.
    pub due: Timestamp,
    /// Name of the run.
    pub name: String,
    /// Its definition.
    pub definition: DefinitionHash,
    /// The workflow whose current version it has instead; `None`: it has that definition.
    pub follows: Option<String>,
    /// Its input, as JSON.
    pub input: String,
    /// Where its scripts work; empty: nowhere in particular.
    pub folder: String,
    /// Why.
    pub cause: Cause,
}

impl Schedule {
    /// The name of the run for a due time.
    pub fn run_name(&self, due: Timestamp) -> String {
        run_name(&self.name, due)
    }

    /// Whether a run for this due time was requested and has not ended, or waits.
    pub fn has(&self, due: Timestamp) -> bool {
        self.open.iter().any(|firing| firing.due == due)
            || self.waiting.iter().any(|waiting| waiting.due == due)
    }
}

impl Aggregate for Schedule {
    type Command = ScheduleCommand;
    type Event = ScheduleEvent;
    type Effect = ScheduleEffect;
    type Rejection = ScheduleRejection;

    const CLOCK: ClockKind = ClockKind::Wall;

    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    fn prepare(
        &self,
        command: ScheduleCommand,
        now: Timestamp,
        calendar: &dyn Calendar,
    ) -> ScheduleCommand {
        prepare::prepare(self, command, now, calendar)
    }

    fn decide(
        &mut self,
        command: ScheduleCommand,
        now: Timestamp,
    ) -> Result<Vec<ScheduleEvent>, ScheduleRejection> {
        decide::decide(self, command, now)
    }

    fn evolve(&mut self, event: &ScheduleEvent, at: Timestamp) {
        evolve::evolve(self, event, at);
    }

    fn put(&self, out: &mut Vec<u8>) {
        Wire::put(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        Wire::take(bytes)
    }

    fn pending(&self) -> Vec<ScheduleEffect> {
        let Some(spec) = &self.spec else { return Vec::new() };
        let effects = self.open.iter().flat_map(|firing| match firing.run {
            None => vec![ScheduleEffect::Start(Box::new(StartRun {
                schedule: self.name.clone(),
                due: firing.due,
                name: self.run_name(firing.due),
                definition: spec.definition,
                follows: spec.follows.then(|| spec.workflow.clone()),
                input: spec.input.clone(),
                folder: spec.folder.clone(),
                cause: firing.cause.clone(),
            }))],
            Some(run) => {
                let watch = ScheduleEffect::Watch { due: firing.due, run };
                let cancel = ScheduleEffect::Cancel { due: firing.due, run };
                if firing.is_cancelled { vec![cancel, watch] } else { vec![watch] }
            }
        });
        effects.collect()
    }

    fn timers(&self) -> Vec<(TimerId, Timestamp)> {
        self.next.into_iter().collect()
    }

    fn fire(timer: TimerId) -> ScheduleCommand {
        ScheduleCommand::Fire { timer, dues: Vec::new(), passed: None, next: None }
    }

    fn command_of(event: &ScheduleEvent) -> Option<ScheduleCommand> {
        command::command_of(event)
    }

    fn audit(event: &ScheduleEvent) -> Option<(&Actor, String)> {
        event::audit(event)
    }
}

#[cfg(test)]
mod tests;
