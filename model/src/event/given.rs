//! What `decide` was given.

use crate::time::Timestamp;

/// What the shell gave `decide` together with an outside event, recorded so that `decide` can be asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// When it happened, by the shell's clock.
    pub now: Timestamp,
    /// How many attempts could be started.
    pub slots: u32,
}
