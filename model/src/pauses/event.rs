//! What has happened to the pauses of a store.

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::aggregate::aggregate_events;
use crate::event::Actor;

aggregate_events! {
    /// Something that has happened to the pauses of a store. Kinds 155 to 159.
    pub enum PauseEvent {
        /// Something was paused.
        155 StorePaused "store.paused",
        /// A pause ended.
        156 StoreResumed "store.resumed",
    }
}

/// Something was paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorePaused {
    /// What.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
}

/// A pause ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreResumed {
    /// Of what.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
}
