//! What is asked of a limit.

use super::{Holder, Size, Wish};
use crate::event::Actor;

/// A request to a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitCommand {
    /// Give me a slot, or a place in the queue.
    Request {
        /// Who asks.
        holder: Holder,
        /// For what.
        wish: Wish,
    },
    /// A slot is no longer needed, or no longer waited for.
    Release {
        /// Whose.
        holder: Holder,
    },
    /// Let this count from now on, whatever definitions say; `None`: let them say it again.
    Set {
        /// What counts.
        size: Option<Size>,
        /// Who asks.
        by: Actor,
    },
    /// The time has come that the rate waited for.
    Wake,
}

/// Why a limit does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitRejection {
    /// It waits already.
    #[error("it waits already")]
    Waits,
    /// It holds a slot already.
    #[error("it holds a slot already")]
    Holds,
    /// It neither holds a slot nor waits.
    #[error("it neither holds a slot nor waits")]
    Unknown,
    /// Nobody can be granted a slot now.
    #[error("there is nothing to grant")]
    NothingToGrant,
    /// What is to be set counts already.
    #[error("limit `{limit}` is set so already")]
    SetAlready {
        /// Its name.
        limit: String,
    },
}
