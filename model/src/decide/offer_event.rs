//! `OfferEvent` and `EventsRead`: an emitted event goes to the step that waits for it, if it wants it. An event that is not wanted
//! leaves no trace: the topic keeps it, not the run.

use super::Draft;
use crate::event::{Actor, Awaited, Event};
use crate::id::StepIndex;
use crate::payload::Payload;
use crate::rejection::Rejection;
use crate::run::StepState;
use crate::topic::signal_name;

impl Draft<'_> {
    pub(super) fn offer_event(
        &mut self,
        step: StepIndex,
        event: &str,
        id: String,
        payload: Payload,
        by: Actor,
    ) -> Result<(), Rejection> {
        if step.0 >= self.plan.step_count() {
            return Err(Rejection::NoSuchStep { step });
        }
        if !self.awaits_event(step, event) {
            return Err(Rejection::EventNotAwaited { event: event.to_owned() });
        }
        let wants = self.signal_matches(step, &payload);
        if !self.needs.is_empty() {
            return Ok(()); // It is asked again when they are loaded.
        }
        if !wants {
            return Err(Rejection::EventNotWanted { event: event.to_owned() });
        }
        let (name, kept) = (signal_name(event), payload.clone());
        self.emit(Event::SignalReceived { name, id, payload: kept, by });
        let signal = self.run.signals.received;
        // A step that a pause keeps takes the event when the pause ends.
        if !self.run.holds(step) {
            self.take_signal(step, signal, self.run.step_run(step).attempt, payload);
        }
        Ok(())
    }

    /// What was emitted before the step waited has been offered to it.
    pub(super) fn events_read(
        &mut self,
        step: StepIndex,
        waiting: Option<u32>,
    ) -> Result<(), Rejection> {
        if step.0 >= self.plan.step_count() {
            return Err(Rejection::NoSuchStep { step });
        }
        let StepState::Awaiting { what: Awaited::Event { name, reads }, .. } = self.run.step(step)
        else {
            return Err(Rejection::EventNotAwaited { event: String::new() });
        };
        // What was read for an earlier waiting says nothing about this one.
        if reads.is_none() || waiting.is_some() && *reads != waiting {
            return Err(Rejection::EventNotAwaited { event: name.clone() });
        }
        self.emit(Event::EventsRead { step });
        Ok(())
    }

    fn awaits_event(&self, step: StepIndex, event: &str) -> bool {
        matches!(
            self.run.step(step),
            StepState::Awaiting { what: Awaited::Event { name, .. }, .. } if name == event
        )
    }
}
