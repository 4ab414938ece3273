//! Topics: the events of one name, which steps emit and programs send, and what they lead to. Pure.
//!
//! An emitted event is one record of the topic's stream. What follows from it is done in the order of the events: runs that
//! wait for it are offered it, and workflows with a trigger for it are started. Who waits is not known here: the row of a
//! waiting step says so. That all of it is done for an event is recorded, so a crash before that makes it be done again; it
//! does no harm, because an offer carries the event's number and a run that is started has a name made of trigger and number.
//!
//! Invariants:
//! * Events are numbered from 1 without a gap, in the order they were emitted.
//! * An event with an id that was emitted before is not emitted again.
//! * `pending` names the first event that was not delivered to all; nothing else is remembered about deliveries.

mod command;
mod decide;
mod event;
mod evolve;
mod name;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

pub use command::{TopicCommand, TopicRejection};
pub use event::{EventEmitted, EventsDelivered, TopicEvent, TriggerRemoved, TriggerSet};
pub(crate) use name::moved_offer_id;
pub use name::{
    EVENT_PREFIX, NAME_CHARS_MAX, Offered, event_of, is_name, offer_id, offered_to, run_name,
    signal_name,
};

use crate::aggregate::{Aggregate, ClockKind, Wire};
use crate::event::Actor;
use crate::id::{DefinitionHash, TimerId};
use crate::time::Timestamp;

/// The most bytes that an event carries.
pub const DATA_BYTES_MAX: usize = 64 * 1024;
/// Longest id of an event, in characters.
pub const ID_CHARS_MAX: usize = 256;
/// How many ids of events are known without asking the store.
const RECENT_MAX: usize = 1_024;

/// The events of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Their name.
    pub name: String,
    /// How many were emitted.
    pub emitted: u32,
    /// When the last was.
    pub last: Option<Timestamp>,
    /// How many records it has.
    pub records: u32,
    /// Events that were not delivered yet, in order: their numbers, and the records they stand in.
    pub undelivered: VecDeque<(u32, u32)>,
    /// What starts runs, by name.
    pub triggers: BTreeMap<String, EventTrigger>,
    /// How many runs it has started.
    pub started: u64,
    /// Why a run was not started, the last time one was not.
    pub failure: Option<StartFailure>,
    /// Hashes of the ids of the last events.
    recent: VecDeque<[u8; 16]>,
}

/// What starts a run for an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTrigger {
    /// The definition of the run.
    pub definition: DefinitionHash,
    /// Which of its triggers for this event, from 0.
    pub at: u32,
    /// Whether runs have the version that is current when they are started, instead of this definition.
    pub follows: bool,
    /// Where its scripts work; empty: nowhere in particular.
    pub folder: String,
    /// The number of the last event before it was set: those up to it start nothing.
    pub after: u32,
}

/// A run that was not started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailure {
    /// The number of the event.
    pub number: u32,
    /// The trigger.
    pub trigger: String,
    /// Code of the error.
    pub code: String,
    /// What it says.
    pub message: String,
}

/// An event is to be delivered, with those after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deliver {
    /// The topic's name.
    pub topic: String,
    /// The number of the event.
    pub number: u32,
    /// The record it stands in.
    pub record: u32,
}

impl Topic {
    /// Whether an event with this id is among the last ones.
    pub fn emitted_lately(&self, id: &str) -> bool {
        self.recent.contains(&id_hash(id))
    }

    fn remember(&mut self, id: &str) {
        self.recent.push_back(id_hash(id));
        while self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }
}

fn id_hash(id: &str) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(id.as_bytes()).as_bytes()[..16]);
    hash
}

impl Aggregate for Topic {
    type Command = TopicCommand;
    type Event = TopicEvent;
    type Effect = Deliver;
    type Rejection = TopicRejection;

    const CLOCK: ClockKind = ClockKind::Engine;

    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    fn decide(
        &mut self,
        command: TopicCommand,
        now: Timestamp,
    ) -> Result<Vec<TopicEvent>, TopicRejection> {
        decide::decide(self, command, now)
    }

    fn evolve(&mut self, event: &TopicEvent, at: Timestamp) {
        evolve::evolve(self, event, at);
    }

    fn put(&self, out: &mut Vec<u8>) {
        Wire::put(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        Wire::take(bytes)
    }

    fn pending(&self) -> Vec<Deliver> {
        let topic = || self.name.clone();
        let first = self.undelivered.front();
        let deliver = first.map(|(number, record)| Deliver {
            topic: topic(),
            number: *number,
            record: *record,
        });
        deliver.into_iter().collect()
    }

    fn timers(&self) -> Vec<(TimerId, Timestamp)> {
        Vec::new()
    }

    fn fire(_timer: TimerId) -> TopicCommand {
        // It sets no timers, so there is none that could fire: nothing is delivered by this.
        TopicCommand::Delivered { through: 0, started: 0, failures: Vec::new() }
    }

    fn command_of(event: &TopicEvent) -> Option<TopicCommand> {
        Some(match event.clone() {
            TopicEvent::EventEmitted(EventEmitted { id, data, by }) => {
                TopicCommand::Emit { id, data, by }
            }
            TopicEvent::TriggerSet(TriggerSet { name, definition, at, follows, folder, by }) => {
                TopicCommand::SetTrigger { name, definition, at, follows, folder, by }
            }
            TopicEvent::TriggerRemoved(TriggerRemoved { name, by }) => {
                TopicCommand::RemoveTrigger { name, by }
            }
            TopicEvent::EventsDelivered(EventsDelivered { through, started, failures }) => {
                TopicCommand::Delivered { through, started, failures }
            }
        })
    }

    fn audit(event: &TopicEvent) -> Option<(&Actor, String)> {
        match event {
            TopicEvent::EventEmitted(EventEmitted { id, by, .. }) => Some((by, id.clone())),
            TopicEvent::TriggerSet(TriggerSet { name, by, .. })
            | TopicEvent::TriggerRemoved(TriggerRemoved { name, by }) => Some((by, name.clone())),
            TopicEvent::EventsDelivered(_) => None,
        }
    }
}
