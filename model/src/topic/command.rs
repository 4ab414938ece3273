//! What is asked of a topic.

use super::{DATA_BYTES_MAX, ID_CHARS_MAX, NAME_CHARS_MAX, StartFailure};
use crate::event::Actor;
use crate::id::DefinitionHash;

/// A request to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicCommand {
    /// An event happens.
    Emit {
        /// What makes it count once.
        id: String,
        /// What it carries, as JSON.
        data: String,
        /// Who emits it.
        by: Actor,
    },
    /// Start a run for each event from now on.
    SetTrigger {
        /// Name of the trigger.
        name: String,
        /// The definition of the runs.
        definition: DefinitionHash,
        /// Which of its triggers for this event, from 0.
        at: u32,
        /// Whether runs have the version that is current when they are started, instead of this definition.
        follows: bool,
        /// Where their scripts work; empty: nowhere in particular.
        folder: String,
        /// Who asks.
        by: Actor,
    },
    /// Start no more runs for events.
    RemoveTrigger {
        /// Name of the trigger.
        name: String,
        /// Who asks.
        by: Actor,
    },
    /// Events up to this one have been delivered.
    Delivered {
        /// The number of the last.
        through: u32,
        /// How many runs they have started.
        started: u32,
        /// Runs that were not started.
        failures: Vec<StartFailure>,
    },
}

/// Why a topic does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicRejection {
    /// The name cannot be used.
    #[error(
        "the name of an event has 1 to {NAME_CHARS_MAX} letters and digits of ASCII and _ . : + -"
    )]
    Name,
    /// The id cannot be used.
    #[error("the id of an event has 1 to {ID_CHARS_MAX} characters without control characters")]
    Id,
    /// It carries too much.
    #[error("the event carries {bytes} bytes, more than {DATA_BYTES_MAX}")]
    TooLarge {
        /// How much.
        bytes: usize,
    },
    /// It was emitted before.
    #[error("an event with this id was emitted before")]
    AlreadyEmitted,
    /// The trigger is set, and just so.
    #[error("the trigger is set so already")]
    Unchanged,
    /// There is no such trigger.
    #[error("there is no such trigger")]
    NoTrigger,
    /// Nothing up to that number waits for being delivered.
    #[error("the events have been delivered already")]
    AlreadyDelivered,
}
