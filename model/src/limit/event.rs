//! What happens to a limit.

use serde::{Deserialize, Serialize};

use super::{Holder, Size, Wish};
use crate::aggregate::aggregate_events;
use crate::event::Actor;

aggregate_events! {
    /// Something that has happened to a limit. Kinds 100 to 115.
    pub enum LimitEvent {
        // from outside
        /// Somebody asked for a slot.
        100 SlotRequested "slot.requested",
        /// A slot was given back.
        101 SlotReleased "slot.released",
        /// Somebody who waited does so no longer.
        102 RequestWithdrawn "slot.withdrawn",
        /// Somebody said what counts from now on.
        103 LimitSet "limit.set",
        /// The time came that the rate waited for.
        104 LimitWoken "limit.woken",
        // derived
        /// Somebody got a slot.
        110 SlotGranted "slot.granted",
    }
}

/// See [`LimitEvent::SlotRequested`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRequested {
    /// Who.
    pub holder: Holder,
    /// For what.
    pub wish: Wish,
}

/// See [`LimitEvent::SlotReleased`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotReleased {
    /// By whom.
    pub holder: Holder,
}

/// See [`LimitEvent::RequestWithdrawn`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestWithdrawn {
    /// Who.
    pub holder: Holder,
}

/// See [`LimitEvent::LimitSet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSet {
    /// What counts; `None`: what definitions say.
    pub size: Option<Size>,
    /// Who.
    pub by: Actor,
}

/// See [`LimitEvent::LimitWoken`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitWoken {}

/// See [`LimitEvent::SlotGranted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotGranted {
    /// Who.
    pub holder: Holder,
}
