//! What is asked of a run.

use serde_json::json;

use super::Ask;
use crate::command::{ApprovalAnswer, Command};
use crate::event::Actor;
use crate::id::StepIndex;
use crate::payload::Payload;
use crate::topic::offer_id;

/// Some step, or none.
pub(super) fn some_step(ask: &Ask) -> StepIndex {
    StepIndex(u32::try_from(ask.which % 13).unwrap())
}

/// A signal that carries a number.
pub(super) fn signal(number: u32, id: String) -> Command {
    let (payload, _) = Payload::json(&json!(number));
    Command::DeliverSignal { name: "s".to_owned(), id, payload, by: Actor::default() }
}

/// An event that carries a number, for a step.
pub(super) fn event(step: StepIndex, record: u32, number: u32) -> Command {
    let (payload, _) = Payload::json(&json!(number));
    let id = offer_id("e", record, step);
    Command::OfferEvent { step, event: "e".to_owned(), id, payload, by: Actor::default() }
}

/// What somebody decides about a step.
pub(super) fn answer(step: StepIndex, approved: bool, name: &str) -> Command {
    let by = Actor { name: name.to_owned(), via: String::new() };
    let answer = ApprovalAnswer { approved, by, ..ApprovalAnswer::default() };
    Command::AnswerApproval { step, answer: Box::new(answer) }
}
