//! What happens to a topic.

use serde::{Deserialize, Serialize};

use super::StartFailure;
use crate::aggregate::aggregate_events;
use crate::event::Actor;
use crate::id::DefinitionHash;

aggregate_events! {
    /// Something that has happened to a topic. Kinds 135 to 139.
    pub enum TopicEvent {
        /// An event was emitted.
        135 EventEmitted "event.emitted",
        /// A workflow is started for events from now on.
        136 TriggerSet "trigger.set",
        /// A workflow is no longer started for events.
        137 TriggerRemoved "trigger.removed",
        /// Events were offered to all who waited, and started what they start.
        138 EventsDelivered "events.delivered",
    }
}

/// See [`TopicEvent::EventEmitted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventEmitted {
    /// What makes it count once.
    pub id: String,
    /// What it carries, as JSON.
    pub data: String,
    /// Who emitted it.
    pub by: Actor,
}

/// See [`TopicEvent::TriggerSet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerSet {
    /// Name of the trigger.
    pub name: String,
    /// The definition of the runs.
    pub definition: DefinitionHash,
    /// Which of its triggers for this event, from 0.
    pub at: u32,
    /// Whether runs have the version that is current when they are started, instead of this definition.
    pub follows: bool,
    /// Where their scripts work; empty: nowhere in particular.
    pub folder: String,
    /// Who.
    pub by: Actor,
}

/// See [`TopicEvent::TriggerRemoved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerRemoved {
    /// Name of the trigger.
    pub name: String,
    /// Who.
    pub by: Actor,
}

/// See [`TopicEvent::EventsDelivered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsDelivered {
    /// The number of the last of them.
    pub through: u32,
    /// How many runs they have started.
    pub started: u32,
    /// Runs that were not started.
    pub failures: Vec<StartFailure>,
}
