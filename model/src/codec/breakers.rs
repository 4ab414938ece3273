//! What a step asks its breaker, and the answers, as bytes.

use serde::{Deserialize, Serialize};

use super::decode::Wire;
use super::encode::put;
use crate::event::{Event, SlotAnswer};
use crate::id::{Attempt, StepIndex};
use crate::limit::Ticket;

#[derive(Serialize, Deserialize)]
pub(super) struct StepCallRequestedV1<'a> {
    step: u32,
    attempt: u32,
    ticket: u32,
    target: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepCallAllowedV1 {
    step: u32,
    ticket: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StepCallRefusedV1 {
    step: u32,
    ticket: u32,
}

pub(super) fn put_requested(
    out: &mut Vec<u8>,
    step: StepIndex,
    attempt: Attempt,
    ticket: Ticket,
    target: &str,
) {
    let (step, attempt, ticket) = (step.0, attempt.0, ticket.0);
    put(out, &StepCallRequestedV1 { step, attempt, ticket, target });
}

/// Both answers have the same fields.
pub(super) fn put_answer(out: &mut Vec<u8>, step: StepIndex, ticket: Ticket) {
    put(out, &StepCallAllowedV1 { step: step.0, ticket: ticket.0 });
}

impl<'a> Wire<'a> for StepCallRequestedV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::StepCallRequested {
            step: StepIndex(self.step),
            item: None,
            attempt: Attempt(self.attempt),
            ticket: Ticket(self.ticket),
            target: self.target.to_owned(),
        })
    }
}

impl Wire<'_> for StepCallAllowedV1 {
    fn event(self) -> Option<Event> {
        let (step, ticket) = (StepIndex(self.step), Ticket(self.ticket));
        Some(Event::StepCallAllowed(SlotAnswer { step, item: None, ticket }))
    }
}

impl Wire<'_> for StepCallRefusedV1 {
    fn event(self) -> Option<Event> {
        let (step, ticket) = (StepIndex(self.step), Ticket(self.ticket));
        Some(Event::StepCallRefused(SlotAnswer { step, item: None, ticket }))
    }
}
