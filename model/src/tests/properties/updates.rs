//! Updates in random runs.

use serde_json::json;

use super::Ask;
use crate::command::{Command, UpdateRequest};
use crate::definition::Update;
use crate::event::{Actor, Event, UpdateAccepted};
use crate::payload::Payload;
use crate::run::Run;

/// One with some number, which may have an id.
pub(super) fn some(ask: &Ask) -> Command {
    let id =
        if ask.which.is_multiple_of(3) { String::new() } else { format!("u{}", ask.which % 5) };
    of(ask.slots, id)
}

/// The one that the step accepts.
pub(super) fn wanted_by(wait: &Update) -> Command {
    of(wait.accepts.as_deref().map_or(0, number), String::new())
}

/// The number at the end of an expression.
pub(super) fn number(text: &str) -> u32 {
    text.rsplit(' ').next().unwrap().parse().unwrap()
}

fn of(number: u32, id: String) -> Command {
    let (data, _) = Payload::json(&json!(number));
    let by = Actor::default();
    Command::Update(Box::new(UpdateRequest { name: "u".to_owned(), id, data, by }))
}

/// What holds whenever one is accepted.
pub(super) fn check(run: &Run, event: &Event) {
    if let Event::UpdateAccepted(accepted) = event {
        let UpdateAccepted { step, id, .. } = &**accepted;
        assert!(run.awaiting().any(|awaiting| awaiting == *step), "it waited for that");
        assert!(id.is_empty() || !run.updates.contains_key(id), "each update is taken once");
    }
}
