//! Holds: what is kept from going on beside the pause of the run itself.

use std::collections::BTreeSet;

use super::{Run, StepState, TimerPurpose, UndoState};
use crate::id::StepIndex;

/// What is kept from going on beside the pause of the run itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// The pauses of the store that apply to the run, in words, as they were when it was first held; empty: none does.
    pub by_store: Vec<String>,
    /// Steps that are paused.
    pub steps: BTreeSet<StepIndex>,
}

impl Holds {
    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.by_store.is_empty() && self.steps.is_empty()
    }
}

impl Run {
    /// Whether the whole run is kept from going on: by its own pause, by that of the run that called it, or by one of the store.
    pub fn is_held(&self) -> bool {
        self.paused || self.parent_paused || !self.holds.by_store.is_empty()
    }

    /// Whether `step` is kept from going on.
    pub fn holds(&self, step: StepIndex) -> bool {
        self.is_held() || self.holds.steps.contains(&step)
    }

    /// Whether a timer for this stays set although it is due: it acts when the pause ends.
    pub fn holds_timer(&self, purpose: TimerPurpose) -> bool {
        match purpose {
            TimerPurpose::RunTimeout => self.is_held(),
            TimerPurpose::Sleep(step)
            | TimerPurpose::Wait(step)
            | TimerPurpose::Retry(step)
            | TimerPurpose::Undo(step)
            | TimerPurpose::Start(step)
            | TimerPurpose::ItemRetry(step, _)
            | TimerPurpose::Deadline(step) => self.holds(step),
        }
    }

    /// Whether some step or item could be started now, and nothing keeps it.
    pub fn can_start(&self) -> bool {
        let is_ready =
            self.ready_after(None).is_some() || self.steps_with_ready_items().next().is_some();
        is_ready && !self.is_held() && !self.is_held_back()
    }

    /// Whether `step` has an attempt that was cut off and is kept from running again.
    pub fn holds_cut_off(&self, step: StepIndex) -> bool {
        let is_cut_off = match self.step_run(step).undo() {
            Some(undo) => {
                matches!(undo, UndoState::Running { rests: true, stopping: false, .. })
            }
            None => {
                matches!(self.step(step), StepState::Running { rests: true, stopping: None, .. })
            }
        };
        is_cut_off && self.holds(step)
    }
}
