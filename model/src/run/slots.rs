//! Slots of limits that a run or its steps hold or wait for.

use std::collections::BTreeMap;

use crate::id::{Attempt, RunId, StepIndex};
use crate::limit::{Holder, Ticket, Wish};
use crate::time::Timestamp;

/// The slots of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    /// The number of the last request.
    pub asked: Ticket,
    holds: BTreeMap<Slot, Hold>,
    waiting: usize,
}

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// The run as a whole: which of its limits, from 0.
    Run(u8),
    /// A step.
    Step(StepIndex),
    /// The attempt of a step, which its breaker allows.
    Call(StepIndex),
}

/// A slot that is held or waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The number of the request.
    pub ticket: Ticket,
    /// The attempt it is for; of a run as a whole, 0.
    pub attempt: Attempt,
    /// What was asked for; of a breaker, only the target, which stands where the name of a limit does.
    pub wish: Wish,
    /// Whether it is held.
    pub granted: bool,
    /// When it was granted, or else asked for.
    pub since: Timestamp,
}

impl Slot {
    /// The step it is for.
    pub fn step(self) -> Option<StepIndex> {
        match self {
            Self::Run(_) => None,
            Self::Step(step) | Self::Call(step) => Some(step),
        }
    }

    /// How the limit knows who holds it.
    pub fn holder(self, run: RunId, hold: &Hold) -> Holder {
        Holder { run, ticket: hold.ticket, step: self.step() }
    }
}

impl Slots {
    /// All, those of the run as a whole first.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Hold)> {
        self.holds.iter().map(|(slot, hold)| (*slot, hold))
    }

    /// What is held or waited for here.
    pub fn get(&self, slot: Slot) -> Option<&Hold> {
        self.holds.get(&slot)
    }

    /// What the request of this number is for.
    pub fn find(&self, step: Option<StepIndex>, ticket: Ticket) -> Option<(Slot, &Hold)> {
        let of_ticket = |(_, hold): &(Slot, &Hold)| hold.ticket == ticket;
        match step {
            Some(step) => self.get(Slot::Step(step)).map(|hold| (Slot::Step(step), hold)),
            None => self.of_run().find(of_ticket),
        }
        .filter(of_ticket)
    }

    /// Those of the run as a whole, in order.
    pub fn of_run(&self) -> impl Iterator<Item = (Slot, &Hold)> {
        let all = Slot::Run(0)..=Slot::Run(u8::MAX);
        self.holds.range(all).map(|(slot, hold)| (*slot, hold))
    }

    /// Whether nothing was ever asked for.
    pub fn is_empty(&self) -> bool {
        self.asked == Ticket(0)
    }

    /// Whether a slot is waited for.
    pub fn wait(&self) -> bool {
        self.waiting > 0
    }

    /// Whether `step` waits for a slot, or for its breaker.
    pub fn blocks(&self, step: StepIndex) -> bool {
        let waits = |slot| self.get(slot).is_some_and(|hold| !hold.granted);
        self.waiting > 0 && (waits(Slot::Step(step)) || waits(Slot::Call(step)))
    }

    /// Whether the run as a whole waits for a slot.
    pub(super) fn hold_back(&self) -> bool {
        self.of_run().any(|(_, hold)| !hold.granted)
    }

    pub(super) fn set(&mut self, slot: Slot, next: Option<Hold>) -> Option<Hold> {
        self.waiting += usize::from(next.as_ref().is_some_and(|hold| !hold.granted));
        let before = match next {
            Some(hold) => self.holds.insert(slot, hold),
            None => self.holds.remove(&slot),
        };
        self.waiting -= usize::from(before.as_ref().is_some_and(|hold| !hold.granted));
        before
    }
}
