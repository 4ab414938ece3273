//! Waiting for the outside: signals that come and are taken, steps that wait for them.

use super::{Change, Fold};
use crate::code::LeftSignal;
use crate::event::{Actor, Awaited};
use crate::id::{Attempt, StepIndex, TimerId};
use crate::payload::Payload;
use crate::run::{KeptSignal, StepState, TimerPurpose};
use crate::time::Timestamp;
use crate::topic::{Offered, event_of};

/// What a step waits for that waits from this revision on for a signal of this name.
pub(super) fn awaited(signal: &str, revision: u32) -> Awaited {
    match event_of(signal) {
        Some(event) => Awaited::Event { name: event.to_owned(), reads: Some(revision) },
        None => Awaited::Signal { name: signal.to_owned() },
    }
}

/// Whether a step in this state waits for an event.
pub(super) fn awaits_event(state: &StepState) -> bool {
    matches!(state, StepState::Awaiting { what: Awaited::Event { .. }, .. })
}

impl Fold<'_> {
    /// The step waits for events that are emitted from now on only.
    pub(super) fn events_read(&mut self, step: StepIndex) {
        let StepState::Awaiting { what: Awaited::Event { name, .. }, timer } = self.run.step(step)
        else {
            return;
        };
        let what = Awaited::Event { name: name.clone(), reads: None };
        let next = self.with_state(step, StepState::Awaiting { what, timer: *timer });
        self.set(step, next);
    }

    pub(super) fn signal_received(&mut self, name: &str, id: &str, payload: &Payload, by: &Actor) {
        let signals = &mut self.run.signals;
        signals.received = signals.received.saturating_add(1);
        let kept = KeptSignal {
            name: name.to_owned(),
            payload: payload.clone(),
            by: by.clone(),
            at: self.at,
            offered: event_of(name).and_then(|_| Offered::parse(id)),
        };
        signals.kept.insert(signals.received, kept);
        if !id.is_empty() {
            signals.ids.insert(id.to_owned());
        }
        self.note(Change::SignalReceived(id.to_owned()));
    }

    pub(super) fn signal_taken(&mut self, number: u32) {
        if let Some(kept) = self.run.signals.kept.remove(&number) {
            self.note(Change::SignalTaken(number, kept));
        }
    }

    /// A function has not heard of a signal that was taken: it is there for its next round.
    pub(super) fn signal_left(&mut self, left: &LeftSignal) {
        let LeftSignal { number, name, payload } = left.clone();
        let signals = &mut self.run.signals;
        if (1..=signals.received).contains(&number) && !signals.kept.contains_key(&number) {
            let by = Actor::default();
            let kept = KeptSignal { name, payload, by, at: self.at, offered: None };
            signals.kept.insert(number, kept);
            self.note(Change::SignalLeft(number));
        }
    }

    /// The step waits no longer: what a pause has kept for it beside what it took is read anew when it waits again.
    pub(super) fn drop_offers(&mut self, step: StepIndex) {
        let kept = self.run.signals.kept.iter();
        let offers: Vec<u32> = kept
            .filter(|(_, kept)| kept.offered.is_some_and(|offered| offered.step == step))
            .map(|(number, _)| *number)
            .collect();
        for number in offers {
            if let Some(kept) = self.run.signals.drop_offer(number) {
                self.note(Change::OfferDropped(number, kept));
            }
        }
    }

    pub(super) fn step_waits(
        &mut self,
        step: StepIndex,
        what: Awaited,
        timer: Option<(TimerId, Timestamp)>,
    ) {
        let mut next = self.with_state(step, StepState::Awaiting { what, timer });
        next.attempt = Attempt(next.attempt.0.saturating_add(1));
        next.started_at = next.started_at.or(Some(self.at));
        if let Some((timer, due)) = timer {
            self.set_timer(timer, due, TimerPurpose::Wait(step));
        }
        self.set(step, next);
    }
}
