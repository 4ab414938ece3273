//! Slots: asked for, granted, no longer needed.
//!
//! The slot of a step or of an item is for one attempt: it goes when that attempt is over or will not be. No event says so; it
//! follows from what the step or the item has become.

use super::{Change, Fold};
use crate::id::{Attempt, ItemIndex, StepIndex};
use crate::limit::{Ticket, Wish};
use crate::run::{Hold, ItemRun, ItemState, Slot, StepRun, StepState};

impl Fold<'_> {
    pub(super) fn queued(&mut self, slot: Slot, attempt: Attempt, ticket: Ticket, wish: &Wish) {
        let (wish, since) = (wish.clone(), self.at);
        self.run.slots.asked = self.run.slots.asked.max(ticket);
        self.set_hold(slot, Some(Hold { ticket, attempt, wish, granted: false, since }));
    }

    pub(super) fn slot_granted(
        &mut self,
        step: Option<StepIndex>,
        item: Option<ItemIndex>,
        ticket: Ticket,
    ) {
        if let Some((slot, _)) = self.run.slots.find(step, item, ticket) {
            self.granted(slot, ticket);
        }
    }

    /// Something that was waited for is there.
    pub(super) fn granted(&mut self, slot: Slot, ticket: Ticket) {
        let hold = self.run.slots.get(slot).filter(|hold| hold.ticket == ticket);
        let Some(hold) = hold else { return };
        let hold = Hold { granted: true, since: self.at, ..hold.clone() };
        self.set_hold(slot, Some(hold));
    }

    /// A paused run starts nothing, so it keeps only the slots of what is at work, and of the run as a whole.
    pub(super) fn run_paused(&mut self) {
        self.run.paused = true;
        self.drop_slots(|fold, slot, hold| match slot {
            Slot::Run(_) => !hold.granted,
            Slot::Step(step) | Slot::Call(step) => {
                !matches!(fold.run.step(step), StepState::Running { .. })
            }
            Slot::Item(step, item) | Slot::ItemCall(step, item) => !fold.runs_item(step, item),
        });
    }

    /// Items of a step that is held, or of any if all are, keep only the slots of those that are at work.
    pub(super) fn drop_idle_slots_of_items(&mut self, held: Option<StepIndex>) {
        self.drop_slots(|fold, slot, _| match slot {
            Slot::Run(_) | Slot::Step(_) | Slot::Call(_) => false,
            Slot::Item(step, item) | Slot::ItemCall(step, item) => {
                held.is_none_or(|held| held == step) && !fold.runs_item(step, item)
            }
        });
    }

    pub(super) fn drop_slots_of_items(&mut self, step: StepIndex) {
        let all: Vec<Slot> = self.run.slots.of_items(step).map(|(slot, _)| slot).collect();
        for slot in all {
            self.set_hold(slot, None);
        }
    }

    fn runs_item(&self, step: StepIndex, item: ItemIndex) -> bool {
        let run = self.run.items(step).and_then(|items| items.item(item));
        run.is_some_and(|run| matches!(run.state, ItemState::Running { .. }))
    }

    /// A run that ends no longer waits for a slot of its own.
    pub(super) fn drop_waiting_of_run(&mut self) {
        self.drop_slots(|_, slot, hold| matches!(slot, Slot::Run(_)) && !hold.granted);
    }

    pub(super) fn drop_all_slots(&mut self) {
        self.drop_slots(|_, _, _| true);
    }

    fn drop_slots(&mut self, goes: impl Fn(&Self, Slot, &Hold) -> bool) {
        let all = self.run.slots.iter().filter(|(slot, hold)| goes(self, *slot, hold));
        for slot in all.map(|(slot, _)| slot).collect::<Vec<_>>() {
            self.set_hold(slot, None);
        }
    }

    /// Drops the slot of a step that is about to become `next`, if `next` does not need it.
    pub(super) fn drop_outdated(&mut self, step: StepIndex, next: &StepRun) {
        for slot in [Slot::Step(step), Slot::Call(step)] {
            if self.run.slots.get(slot).is_some_and(|hold| !is_for(hold, next)) {
                self.set_hold(slot, None);
            }
        }
    }

    /// Drops the slots of an item that is about to become `next`, if `next` does not need them.
    pub(super) fn drop_outdated_of_item(
        &mut self,
        step: StepIndex,
        item: ItemIndex,
        next: Option<&ItemRun>,
    ) {
        for slot in [Slot::Item(step, item), Slot::ItemCall(step, item)] {
            if self.run.slots.get(slot).is_some_and(|hold| !is_for_item(hold, next)) {
                self.set_hold(slot, None);
            }
        }
    }

    fn set_hold(&mut self, slot: Slot, next: Option<Hold>) {
        let before = self.run.set_hold(slot, next);
        self.note(Change::Slot(slot, before));
    }
}

/// Whether the slot is for the attempt that is under way, or for the next one if that could start.
fn is_for(hold: &Hold, step: &StepRun) -> bool {
    match &step.state {
        StepState::Running { attempt, .. } => *attempt == hold.attempt,
        StepState::Waiting | StepState::Retrying { timer: None, .. } => {
            step.attempt.0.saturating_add(1) == hold.attempt.0
        }
        StepState::Retrying { timer: Some(_), .. }
        | StepState::Sleeping { .. }
        | StepState::Awaiting { .. }
        | StepState::Calling { .. }
        | StepState::Iterating
        | StepState::Completed { .. }
        | StepState::Failed { .. }
        | StepState::Skipped { .. }
        | StepState::NotReached
        | StepState::Cancelled => false,
    }
}

/// The same, of an item; `None`: it has settled.
fn is_for_item(hold: &Hold, item: Option<&ItemRun>) -> bool {
    let Some(ItemRun { attempt, state, .. }) = item else { return false };
    match state {
        ItemState::Running { .. } => *attempt == hold.attempt,
        ItemState::Waiting | ItemState::Retrying { timer: None, .. } => {
            attempt.0.saturating_add(1) == hold.attempt.0
        }
        ItemState::Retrying { timer: Some(_), .. } => false,
    }
}
