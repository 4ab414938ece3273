//! Where an event comes from.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Who did something, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Actor {
    /// A user or program.
    pub name: String,
    /// The way it came: `cli`, `api`, `engine`.
    pub via: String,
}

/// What the shell gave `decide` together with an outside event, recorded so that `decide` can be asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// When it happened, by the shell's clock.
    pub now: Timestamp,
    /// How many attempts could be started.
    pub slots: u32,
}
