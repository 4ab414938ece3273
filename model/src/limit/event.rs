//! What happens to a limit.

use super::{Holder, Size, Wish};
use crate::event::Actor;

/// Something that has happened to a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitEvent {
    // ---- from outside -------------------------------------------------------------------------
    /// Somebody asked for a slot.
    SlotRequested {
        /// Who.
        holder: Holder,
        /// For what.
        wish: Wish,
    },
    /// A slot was given back.
    SlotReleased {
        /// By whom.
        holder: Holder,
    },
    /// Somebody who waited does so no longer.
    RequestWithdrawn {
        /// Who.
        holder: Holder,
    },
    /// Somebody said what counts from now on.
    LimitSet {
        /// The limit's name.
        limit: String,
        /// What counts; `None`: what definitions say.
        size: Option<Size>,
        /// Who.
        by: Actor,
    },
    /// The time came that the rate waited for.
    LimitWoken,

    // ---- derived ------------------------------------------------------------------------------
    /// Somebody got a slot.
    SlotGranted {
        /// Who.
        holder: Holder,
    },
}
