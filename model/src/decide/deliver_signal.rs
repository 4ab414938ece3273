//! `DeliverSignal`: a signal goes to the first step that waits for it, or is kept for one that will. One that brings an event is
//! for the step that its id names; nobody sends such a signal by hand.

use super::Draft;
use crate::event::{Actor, Awaited, Event};
use crate::id::StepIndex;
use crate::payload::Payload;
use crate::rejection::Rejection;
use crate::run::StepState;
use crate::topic::{event_of, offered_to};

impl Draft<'_> {
    pub(super) fn deliver_signal(
        &mut self,
        name: String,
        id: String,
        payload: Payload,
        by: Actor,
    ) -> Result<(), Rejection> {
        let offered_to = offered_to(&id);
        if event_of(&name).is_some() && offered_to.is_none() {
            return Err(Rejection::SignalOfEvent { name });
        }
        let is_for = |step| event_of(&name).is_none() || Some(step) == offered_to;
        let waiting: Vec<StepIndex> = self
            .run
            .awaiting()
            .filter(|step| is_for(*step) && self.takes_signal(*step, &name))
            .collect();
        self.emit(Event::SignalReceived { name, id, payload: payload.clone(), by });
        let signal = self.run.signals.received;
        for step in waiting {
            if self.signal_matches(step, &payload) {
                self.take_signal(step, signal, self.run.step_run(step).attempt, payload);
                break;
            }
        }
        Ok(())
    }

    /// Whether `step` waits for this signal, and no pause keeps it from taking it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other step takes a signal")]
    fn takes_signal(&self, step: StepIndex, wanted: &str) -> bool {
        !self.run.holds(step)
            && match self.run.step(step) {
                StepState::Awaiting { what: Awaited::Signal { name }, .. } => name == wanted,
                StepState::Awaiting { what: Awaited::Event { name, .. }, .. } => {
                    event_of(wanted) == Some(name)
                }
                _ => false,
            }
    }
}
