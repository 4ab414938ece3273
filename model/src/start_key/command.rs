//! What is asked of a start key.

use super::{
    INPUT_BYTES_MAX, KeptCancelled, KeptDue, RunBegun, RunNotBegun, RunRequest, StartAdmitted,
    StartKept, StartKeyEvent,
};
use crate::event::Actor;
use crate::id::RunId;

/// A request to a start key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartKeyCommand {
    /// Start a run, unless the key was seen lately.
    Admit {
        /// How long ago that is at most, in milliseconds.
        within_ms: u64,
        /// The name the run is to have; empty: one that follows from key and number.
        name: String,
        /// The run.
        request: RunRequest,
    },
    /// Start a run when it has been quiet for a while.
    Keep {
        /// How long it has to be quiet, in milliseconds.
        wait_ms: u64,
        /// How long after the first start it begins at the latest.
        at_most_ms: Option<u64>,
        /// What makes the start count once; empty: it counts each time.
        token: String,
        /// The run.
        request: RunRequest,
    },
    /// The time has come that the start was kept for.
    Fire,
    /// A run that was to be started is there.
    Begun {
        /// Its number.
        number: u32,
        /// The run.
        run: RunId,
    },
    /// A run that was to be started cannot be.
    NotBegun {
        /// Its number.
        number: u32,
        /// Code of the error.
        code: String,
        /// Why.
        message: String,
    },
    /// Do not start what is kept.
    Cancel {
        /// The number of its run: what is kept since is another start.
        number: u32,
        /// Who asks.
        by: Actor,
        /// Why.
        reason: String,
    },
}

/// Why a start key does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartKeyRejection {
    /// The key was seen.
    #[error("the key was seen lately: the run is {name}")]
    Seen {
        /// The name of the run.
        name: String,
    },
    /// The start is kept already, or was.
    #[error("this start was kept before, for {name}")]
    KeptAlready {
        /// The number of its run.
        number: u32,
        /// The name of its run.
        name: String,
    },
    /// Another start had this token.
    #[error("the start `{token}`, which was kept for {name}, has another workflow or input")]
    KeptOther {
        /// The token.
        token: String,
        /// The name of the run that it was kept for.
        name: String,
    },
    /// The input is too large.
    #[error("the input has {bytes} bytes; a start that has a key takes at most {INPUT_BYTES_MAX}")]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// Nothing is due.
    #[error("nothing is due")]
    NotDue,
    /// No run of this number is about to be started.
    #[error("no such run is about to be started")]
    NotStarting,
    /// Nothing is kept.
    #[error("nothing is kept under this key any more")]
    NothingKept,
}

/// The command that led to an event.
pub(super) fn command_of(event: &StartKeyEvent) -> StartKeyCommand {
    match event.clone() {
        StartKeyEvent::StartAdmitted(StartAdmitted { within_ms, asked, run }) => {
            StartKeyCommand::Admit { within_ms, name: asked, request: run.request }
        }
        StartKeyEvent::StartKept(event) => {
            let StartKept { wait_ms, at_most_ms, token, request, .. } = event;
            StartKeyCommand::Keep { wait_ms, at_most_ms, token, request }
        }
        StartKeyEvent::KeptDue(KeptDue {}) => StartKeyCommand::Fire,
        StartKeyEvent::RunBegun(RunBegun { number, run }) => StartKeyCommand::Begun { number, run },
        StartKeyEvent::RunNotBegun(RunNotBegun { number, code, message }) => {
            StartKeyCommand::NotBegun { number, code, message }
        }
        StartKeyEvent::KeptCancelled(KeptCancelled { number, by, reason }) => {
            StartKeyCommand::Cancel { number, by, reason }
        }
    }
}
