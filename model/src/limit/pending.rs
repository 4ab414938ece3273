//! What should be under way for a limit, derived from its state.

use super::{Holder, Limit};

/// Somebody who holds a slot has to know it, and to be watched until the slot is not needed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Who.
    pub holder: Holder,
}

/// Names whom to watch; recovery asks the same question.
///
/// Shape: one for each slot that is held, in order of the holders.
pub fn pending(limit: &Limit) -> Vec<Watch> {
    limit.holders.keys().map(|holder| Watch { holder: *holder }).collect()
}
