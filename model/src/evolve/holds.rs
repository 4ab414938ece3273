//! Pauses of steps and of the store.

use super::{Change, Fold};
use crate::id::StepIndex;

impl Fold<'_> {
    pub(super) fn step_paused(&mut self, step: StepIndex) {
        self.note(Change::Holds(self.run.holds.clone()));
        self.run.holds.steps.insert(step);
        self.drop_idle_slots_of_items(Some(step));
    }

    pub(super) fn step_resumed(&mut self, step: StepIndex) {
        self.note(Change::Holds(self.run.holds.clone()));
        self.run.holds.steps.remove(&step);
    }

    pub(super) fn run_held(&mut self, pauses: &[String]) {
        self.note(Change::Holds(self.run.holds.clone()));
        self.run.holds.by_store = pauses.to_vec();
        self.drop_idle_slots_of_items(None);
    }

    pub(super) fn run_released(&mut self) {
        self.note(Change::Holds(self.run.holds.clone()));
        self.run.holds.by_store.clear();
    }

    /// Whoever cancels a run wants its end: its own pause and those of its steps are over, so that the steps that run last do.
    /// A pause of the store goes on.
    pub(super) fn pauses_end(&mut self) {
        self.run.paused = false;
        self.run.parent_paused = false;
        if !self.run.holds.steps.is_empty() {
            self.note(Change::Holds(self.run.holds.clone()));
            self.run.holds.steps.clear();
        }
    }
}
