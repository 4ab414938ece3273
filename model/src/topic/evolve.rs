//! The fold of a topic.

use super::{
    EventEmitted, EventTrigger, EventsDelivered, Topic, TopicEvent, TriggerRemoved, TriggerSet,
};
use crate::time::Timestamp;

pub(super) fn evolve(topic: &mut Topic, event: &TopicEvent, at: Timestamp) {
    let record = topic.records;
    topic.records = topic.records.saturating_add(1);
    match event {
        TopicEvent::EventEmitted(EventEmitted { id, .. }) => {
            topic.emitted = topic.emitted.saturating_add(1);
            topic.last = Some(at);
            topic.undelivered.push_back((topic.emitted, record));
            topic.remember(id);
        }
        TopicEvent::TriggerSet(TriggerSet { name, definition, at, follows, folder, .. }) => {
            let (definition, at, follows) = (*definition, *at, *follows);
            let folder = folder.clone();
            // One that is changed goes on with the events that wait for it.
            let after = topic.triggers.get(name).map_or(topic.emitted, |before| before.after);
            let set = EventTrigger { definition, at, follows, folder, after };
            topic.triggers.insert(name.clone(), set);
        }
        TopicEvent::TriggerRemoved(TriggerRemoved { name, .. }) => {
            topic.triggers.remove(name);
        }
        TopicEvent::EventsDelivered(EventsDelivered { through, started, failures }) => {
            while topic.undelivered.front().is_some_and(|(number, _)| number <= through) {
                topic.undelivered.pop_front();
            }
            topic.started = topic.started.saturating_add(u64::from(*started));
            topic.failure = failures.last().cloned().or_else(|| topic.failure.take());
        }
    }
}
