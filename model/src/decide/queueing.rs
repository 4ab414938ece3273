//! Steps that have to start in time: they are ready, and there is no room.

use super::Draft;
use crate::event::Event;
use crate::evolve::not_started;
use crate::id::StepIndex;
use crate::run::StepState;

impl Draft<'_> {
    /// Sets the timers of steps that became ready in this transition and were not started.
    pub(super) fn limit_starts(&mut self) {
        for step in std::mem::take(&mut self.limited) {
            let Some(ms) = self.plan.step(step).start_within_ms else { continue };
            let waits = *self.run.step(step) == StepState::Waiting;
            if waits && self.needs.is_empty() && !self.run.queued.contains_key(&step) {
                let (timer, until) = (self.run.next_timer, self.now().plus_ms(ms));
                self.emit(Event::StepQueued { step, timer, until });
            }
        }
    }

    /// The time within which `step` had to start is over.
    pub(super) fn end_of_queueing(&mut self, step: StepIndex) {
        if *self.run.step(step) == StepState::Waiting {
            self.fail(step, not_started(self.plan, step));
        }
    }
}
