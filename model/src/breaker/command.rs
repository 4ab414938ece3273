//! What is asked of a breaker.

use super::{CallOutcome, Rule};
use crate::event::Actor;
use crate::limit::Holder;

/// A request to a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakerCommand {
    /// May I call the target?
    Request {
        /// Who asks.
        holder: Holder,
        /// When the breaker opens and closes from now on.
        rule: Rule,
        /// Whether it waits while the breaker is open; else it is refused then.
        patient: bool,
    },
    /// A call is over, or nobody wants to make it any more.
    Settle {
        /// Whose.
        holder: Holder,
        /// What came of it.
        outcome: CallOutcome,
    },
    /// Close, whatever has happened.
    Reset {
        /// Who asks.
        by: Actor,
    },
    /// The time has come that somebody may try.
    Wake,
}

/// Why a breaker does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BreakerRejection {
    /// It has asked already.
    #[error("it has asked already")]
    Asked,
    /// It neither calls nor waits.
    #[error("it neither calls nor waits")]
    Unknown,
    /// There is nothing to reset.
    #[error("the breaker of `{target}` is closed, and nothing has failed")]
    NothingToReset {
        /// Its target.
        target: String,
    },
    /// It is not time yet.
    #[error("it is not time yet")]
    NothingToDo,
}
