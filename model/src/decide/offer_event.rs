//! `OfferEvent` and `EventsRead`: an emitted event goes to the first step that waits for it and wants it. An event that nobody
//! wants leaves no trace: the topic keeps it, not the run.

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
        event: &str,
        id: String,
        payload: Payload,
        by: Actor,
    ) -> Result<(), Rejection> {
        let waiting: Vec<StepIndex> =
            self.run.awaiting().filter(|step| self.awaits_event(*step, event)).collect();
        if waiting.is_empty() {
            return Err(Rejection::EventNotAwaited { event: event.to_owned() });
        }
        // A step that a pause keeps comes last: it takes the event when the pause ends.
        let (held, free): (Vec<StepIndex>, Vec<StepIndex>) =
            waiting.into_iter().partition(|step| self.run.holds(*step));
        for step in free.into_iter().chain(held) {
            let wants = self.signal_matches(step, &payload);
            if !self.needs.is_empty() {
                return Ok(()); // It is asked again when they are loaded.
            }
            if !wants {
                continue;
            }
            let (name, kept) = (signal_name(event), payload.clone());
            self.emit(Event::SignalReceived { name, id, payload: kept, by });
            let signal = self.run.signals.received;
            if !self.run.holds(step) {
                self.take_signal(step, signal, self.run.step_run(step).attempt, payload);
            }
            return Ok(());
        }
        Err(Rejection::EventNotWanted { event: event.to_owned() })
    }

    /// What was emitted before the step waited has been offered to it.
    pub(super) fn events_read(&mut self, step: StepIndex) -> Result<(), Rejection> {
        if step.0 >= self.plan.step_count() {
            return Err(Rejection::NoSuchStep { step });
        }
        let StepState::Awaiting { what: Awaited::Event { name, reads }, .. } = self.run.step(step)
        else {
            return Err(Rejection::EventNotAwaited { event: String::new() });
        };
        if !reads {
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
