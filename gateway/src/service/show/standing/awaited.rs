//! What steps wait for from outside, in words.

use nexus_engine::model::event::Awaited;

use super::super::shorten;

/// How much of what people are asked stands in a line, in characters.
const MESSAGE_CHARS_MAX: usize = 80;

/// The word for what is waited for.
pub(super) fn kind_of(what: &Awaited) -> &'static str {
    match what {
        Awaited::Signal { .. } => "signal",
        Awaited::Event { .. } => "event",
        Awaited::Update { .. } => "update",
        Awaited::Approval { .. } => "approval",
    }
}

/// What a step waits for.
pub(super) fn awaited(what: &Awaited) -> String {
    match what {
        Awaited::Signal { name } => format!("signal {name}"),
        Awaited::Event { name, .. } => format!("event {name}"),
        Awaited::Update { name } => format!("update {name}"),
        Awaited::Approval { by, message } if message.is_empty() => {
            format!("an approval by {}", by.join(", "))
        }
        Awaited::Approval { by, message } => {
            format!("an approval by {} ({})", by.join(", "), shorten(message, MESSAGE_CHARS_MAX))
        }
    }
}
