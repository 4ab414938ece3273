//! Who did something.

use serde::{Deserialize, Serialize};

/// Who did something, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Actor {
    /// A user or program.
    pub name: String,
    /// The way it came: `cli`, `api`, `engine`.
    pub via: String,
}
