//! What a request makes of a topic. Each comes to one event.

use super::evolve::evolve;
use super::{
    DATA_BYTES_MAX, EventEmitted, EventsDelivered, ID_CHARS_MAX, Topic, TopicCommand, TopicEvent,
    TopicRejection, TriggerRemoved, TriggerSet, is_name,
};
use crate::time::Timestamp;

pub(super) fn decide(
    topic: &mut Topic,
    command: TopicCommand,
    now: Timestamp,
) -> Result<Vec<TopicEvent>, TopicRejection> {
    if !is_name(&topic.name) {
        return Err(TopicRejection::Name);
    }
    let event = match command {
        TopicCommand::Emit { id, data, by } => {
            check_event(topic, &id, &data)?;
            TopicEvent::EventEmitted(EventEmitted { id, data, by })
        }
        TopicCommand::SetTrigger { name, definition, at, follows, folder, by } => {
            let same = topic.triggers.get(&name).is_some_and(|set| {
                (set.definition, set.at, set.follows, &set.folder)
                    == (definition, at, follows, &folder)
            });
            if same {
                return Err(TopicRejection::Unchanged);
            }
            TopicEvent::TriggerSet(TriggerSet { name, definition, at, follows, folder, by })
        }
        TopicCommand::RemoveTrigger { name, by } => {
            if !topic.triggers.contains_key(&name) {
                return Err(TopicRejection::NoTrigger);
            }
            TopicEvent::TriggerRemoved(TriggerRemoved { name, by })
        }
        TopicCommand::Delivered { through, started, failures } => {
            if topic.undelivered.front().is_none_or(|(number, _)| *number > through) {
                return Err(TopicRejection::AlreadyDelivered);
            }
            TopicEvent::EventsDelivered(EventsDelivered { through, started, failures })
        }
    };
    evolve(topic, &event, now);
    Ok(vec![event])
}

fn check_event(topic: &Topic, id: &str, data: &str) -> Result<(), TopicRejection> {
    let chars = id.chars().count();
    if !(1..=ID_CHARS_MAX).contains(&chars) || id.chars().any(char::is_control) {
        return Err(TopicRejection::Id);
    }
    if data.len() > DATA_BYTES_MAX {
        return Err(TopicRejection::TooLarge { bytes: data.len() });
    }
    if topic.emitted_lately(id) {
        return Err(TopicRejection::AlreadyEmitted);
    }
    Ok(())
}
