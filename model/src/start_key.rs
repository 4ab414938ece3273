//! Start keys: what decides whether and when a run is started whose workflow says `dedupe` or `debounce`. Pure.
//!
//! The starts of a workflow under one key have a stream of their own. With `dedupe` the first start of a while is admitted and
//! the others are told which run there is. With `debounce` a start is kept, each further one takes its place, and when it has
//! been quiet for a while one run is started. Either way the run is named here before it is started, so that it is started once,
//! however often that is tried.
//!
//! Invariants:
//! * A number leads to one run at most: its name is taken after the first start of it.
//! * `pending` names each run that is to be started and not known to be there, so that a crash between an event here and the
//!   first event of the run loses nothing.
//! * A start with a token that was kept lately is the same start, and changes nothing; with another input it is refused.

mod command;
mod decide;
mod event;
mod evolve;
mod name;
mod tokens;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use command::{StartKeyCommand, StartKeyRejection};
pub use event::{
    KeptCancelled, KeptDue, RunBegun, RunNotBegun, StartAdmitted, StartKept, StartKeyEvent,
};
pub use name::{aggregate_name, is_hashed, parts, run_name, run_name_of};
pub use tokens::{TOKENS_KEPT_MAX, TOKENS_MAX};

use self::tokens::Tokens;
use crate::aggregate::{Aggregate, ClockKind, Wire};
use crate::event::Actor;
use crate::id::{DefinitionHash, RunId, TimerId};
use crate::time::Timestamp;

/// Largest input of a start, in bytes of JSON.
pub const INPUT_BYTES_MAX: usize = 64 * 1024;

/// What decides whether and when a run of a workflow is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartRule {
    /// A start whose key was seen lately starts nothing.
    Dedupe {
        /// The key.
        key: String,
        /// How long a key counts, in milliseconds.
        within_ms: u64,
    },
    /// A start is kept until it has been quiet for a while.
    Debounce {
        /// The key.
        key: String,
        /// How long it has to be quiet, in milliseconds.
        wait_ms: u64,
        /// How long after the first start it begins at the latest, in milliseconds; `None`: it may be put off for ever.
        at_most_ms: Option<u64>,
    },
}

/// The starts of a workflow under one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartKey {
    /// Its name: the workflow's, `/`, and the key.
    pub name: String,
    /// How many runs were named.
    pub number: u32,
    /// The start that is kept.
    pub kept: Option<Kept>,
    /// Runs to start that are not known to be there, by number.
    pub starting: BTreeMap<u32, RunToStart>,
    /// The run that was named last and could be started.
    pub last: Option<LastRun>,
    /// How many runs it has started.
    pub started: u64,
    /// Why a run was not started, the last time one was not.
    pub failure: Option<StartFailure>,
    /// The tokens of the last starts that were kept.
    tokens: Tokens,
}

/// A run as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunRequest {
    /// The workflow's name.
    pub workflow: String,
    /// Its definition.
    pub definition: DefinitionHash,
    /// The definition as it was sent, if what it calls by name was resolved since.
    pub sent: Option<DefinitionHash>,
    /// Its input, as JSON.
    pub input: String,
    /// Labels beside those of the definition.
    pub labels: BTreeMap<String, String>,
    /// Where its scripts work; empty: nowhere in particular.
    pub folder: String,
    /// Who asks.
    pub by: Actor,
}

/// A start that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The number of its run.
    pub number: u32,
    /// What is started: what the last who asked wants.
    pub request: RunRequest,
    /// How many asked for it.
    pub starts: u32,
    /// When the first asked.
    pub first: Timestamp,
    /// When the last asked.
    pub latest: Timestamp,
    /// When it is started, if nobody asks again.
    pub due: Timestamp,
    /// When it is started at the latest; `None`: it may be put off for ever.
    pub at_most: Option<Timestamp>,
}

/// A run to start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunToStart {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// What it is.
    pub request: RunRequest,
}

/// The run that was named last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// When its start was admitted, or due.
    pub at: Timestamp,
    /// The run, once it is known to be there.
    pub run: Option<RunId>,
}

/// A run that was not started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailure {
    /// Its name.
    pub name: String,
    /// Code of the error.
    pub code: String,
    /// What it says.
    pub message: String,
}

/// A run should be started, or found to be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BeginRun {
    /// The name of the start key.
    pub start_key: String,
    /// The run.
    pub run: Box<RunToStart>,
}

impl StartKey {
    /// The workflow and the key.
    pub fn parts(&self) -> (&str, &str) {
        parts(&self.name)
    }

    /// The name of the run of this number, unless somebody gave it another one.
    pub fn run_name(&self, number: u32) -> String {
        run_name_of(&self.name, number)
    }

    /// The run that a start with this key is answered with, if it was seen less than `within_ms` ago.
    pub fn seen(&self, within_ms: u64, now: Timestamp) -> Option<&LastRun> {
        // A time that lies far ahead is that of a clock that was set back since: it does not count.
        self.last.as_ref().filter(|last| last.at.0.abs_diff(now.0) / 1000 < within_ms)
    }

    /// The number of the run that a start with this token was kept for.
    pub fn kept_as(&self, token: &str) -> Option<u32> {
        self.tokens.find(token).map(|taken| taken.number)
    }
}

/// The timer of the start that is kept.
const DUE: TimerId = TimerId(1);

impl Aggregate for StartKey {
    type Command = StartKeyCommand;
    type Event = StartKeyEvent;
    type Effect = BeginRun;
    type Rejection = StartKeyRejection;

    const CLOCK: ClockKind = ClockKind::Engine;

    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    fn decide(
        &mut self,
        command: StartKeyCommand,
        now: Timestamp,
    ) -> Result<Vec<StartKeyEvent>, StartKeyRejection> {
        decide::decide(self, command, now)
    }

    fn evolve(&mut self, event: &StartKeyEvent, at: Timestamp) {
        evolve::evolve(self, event, at);
    }

    fn put(&self, out: &mut Vec<u8>) {
        Wire::put(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        Wire::take(bytes)
    }

    fn pending(&self) -> Vec<BeginRun> {
        let begin = |run: &RunToStart| BeginRun {
            start_key: self.name.clone(),
            run: Box::new(run.clone()),
        };
        self.starting.values().map(begin).collect()
    }

    fn timers(&self) -> Vec<(TimerId, Timestamp)> {
        self.kept.iter().map(|kept| (DUE, kept.due)).collect()
    }

    fn fire(_timer: TimerId) -> StartKeyCommand {
        StartKeyCommand::Fire
    }

    fn command_of(event: &StartKeyEvent) -> Option<StartKeyCommand> {
        Some(command::command_of(event))
    }

    fn audit(event: &StartKeyEvent) -> Option<(&Actor, String)> {
        match event {
            StartKeyEvent::StartAdmitted(StartAdmitted { run, .. }) => {
                Some((&run.request.by, run.name.clone()))
            }
            StartKeyEvent::StartKept(StartKept { request, number, .. }) => {
                Some((&request.by, format!("+{number}")))
            }
            StartKeyEvent::KeptCancelled(KeptCancelled { number, by, reason }) => {
                let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                Some((by, format!("+{number}{because}")))
            }
            StartKeyEvent::KeptDue(_)
            | StartKeyEvent::RunBegun(_)
            | StartKeyEvent::RunNotBegun(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
