//! Slots of limits that a run or its steps hold or wait for.

use std::collections::BTreeMap;

use crate::id::{Attempt, ItemIndex, RunId, StepIndex};
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
    /// An item of a step.
    Item(StepIndex, ItemIndex),
    /// The attempt of an item, which the breaker of its step allows.
    ItemCall(StepIndex, ItemIndex),
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
    /// What `step`, or its item, asks a limit for.
    pub fn of(step: StepIndex, item: Option<ItemIndex>) -> Self {
        item.map_or(Self::Step(step), |item| Self::Item(step, item))
    }

    /// What `step`, or its item, asks its breaker for.
    pub fn call_of(step: StepIndex, item: Option<ItemIndex>) -> Self {
        item.map_or(Self::Call(step), |item| Self::ItemCall(step, item))
    }

    /// The step it is for.
    pub fn step(self) -> Option<StepIndex> {
        match self {
            Self::Run(_) => None,
            Self::Step(step) | Self::Call(step) | Self::Item(step, _) | Self::ItemCall(step, _) => {
                Some(step)
            }
        }
    }

    /// The item of the step it is for.
    pub fn item(self) -> Option<ItemIndex> {
        match self {
            Self::Run(_) | Self::Step(_) | Self::Call(_) => None,
            Self::Item(_, item) | Self::ItemCall(_, item) => Some(item),
        }
    }

    /// Whether a breaker is asked for it, and no limit.
    pub fn is_call(self) -> bool {
        match self {
            Self::Run(_) | Self::Step(_) | Self::Item(..) => false,
            Self::Call(_) | Self::ItemCall(..) => true,
        }
    }

    /// The same, for a step that has this place now.
    #[must_use]
    pub(super) fn moved(self, place: StepIndex) -> Self {
        match self {
            Self::Run(rank) => Self::Run(rank),
            Self::Step(_) => Self::Step(place),
            Self::Call(_) => Self::Call(place),
            Self::Item(_, item) => Self::Item(place, item),
            Self::ItemCall(_, item) => Self::ItemCall(place, item),
        }
    }

    /// How the limit knows who holds it.
    pub fn holder(self, run: RunId, hold: &Hold) -> Holder {
        Holder { run, ticket: hold.ticket, step: self.step(), item: self.item() }
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
    pub fn find(
        &self,
        step: Option<StepIndex>,
        item: Option<ItemIndex>,
        ticket: Ticket,
    ) -> Option<(Slot, &Hold)> {
        let of_ticket = |(_, hold): &(Slot, &Hold)| hold.ticket == ticket;
        match step.map(|step| Slot::of(step, item)) {
            Some(slot) => self.get(slot).map(|hold| (slot, hold)),
            None => self.of_run().find(of_ticket),
        }
        .filter(of_ticket)
    }

    /// Those of the items of `step`.
    pub fn of_items(&self, step: StepIndex) -> impl Iterator<Item = (Slot, &Hold)> {
        let (first, last) = (ItemIndex(0), ItemIndex(u32::MAX));
        let slots = self.holds.range(Slot::Item(step, first)..=Slot::Item(step, last));
        let calls = self.holds.range(Slot::ItemCall(step, first)..=Slot::ItemCall(step, last));
        slots.chain(calls).map(|(slot, hold)| (*slot, hold))
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

    /// Whether the item waits for a slot, or for the breaker of its step.
    pub fn blocks_item(&self, step: StepIndex, item: ItemIndex) -> bool {
        let waits = |slot| self.get(slot).is_some_and(|hold| !hold.granted);
        self.waiting > 0 && (waits(Slot::Item(step, item)) || waits(Slot::ItemCall(step, item)))
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
