//! What happens to a breaker.

use serde::{Deserialize, Serialize};

use super::{CallOutcome, Rule};
use crate::aggregate::aggregate_events;
use crate::event::Actor;
use crate::limit::Holder;
use crate::time::Timestamp;

aggregate_events! {
    /// Something that has happened to a breaker. Kinds 160 to 167, and 176.
    pub enum BreakerEvent {
        // from outside
        /// Somebody wants to call the target.
        160 CallRequested "call.requested",
        /// A call is over, or nobody wants to make it any more.
        161 CallOver "call.over",
        /// Somebody closed it.
        162 BreakerReset "breaker.reset",
        /// The time came that somebody may try.
        163 BreakerWoken "breaker.woken",
        // derived
        /// Somebody may call.
        164 CallAllowed "call.allowed",
        /// Nobody may call for a time.
        165 BreakerOpened "breaker.opened",
        /// One may try.
        166 BreakerHalfOpened "breaker.half_opened",
        /// All may call.
        167 BreakerClosed "breaker.closed",
        /// Somebody may not call, and does not want to wait.
        176 CallRefused "call.refused",
    }
}

/// See [`BreakerEvent::CallRequested`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRequested {
    /// Who.
    pub holder: Holder,
    /// When the breaker opens and closes from now on.
    pub rule: Rule,
    /// Whether it waits while the breaker is open.
    pub patient: bool,
}

/// See [`BreakerEvent::CallOver`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOver {
    /// Whose.
    pub holder: Holder,
    /// What came of it.
    pub outcome: CallOutcome,
}

/// See [`BreakerEvent::BreakerReset`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerReset {
    /// Who.
    pub by: Actor,
}

/// See [`BreakerEvent::BreakerWoken`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerWoken {}

/// See [`BreakerEvent::CallAllowed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAllowed {
    /// Who.
    pub holder: Holder,
}

/// See [`BreakerEvent::BreakerOpened`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerOpened {
    /// When somebody may try.
    pub until: Timestamp,
}

/// See [`BreakerEvent::BreakerHalfOpened`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerHalfOpened {}

/// See [`BreakerEvent::BreakerClosed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerClosed {}

/// See [`BreakerEvent::CallRefused`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRefused {
    /// Who.
    pub holder: Holder,
}
