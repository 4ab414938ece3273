//! Rounds of loops.

use super::{Change, Fold};
use crate::id::StepIndex;
use crate::payload::Payload;
use crate::run::{Loop, StepRun};

impl Fold<'_> {
    /// Opens the steps of the loop again, and loops in it begin anew.
    pub(super) fn round_begun(&mut self, step: StepIndex, round: u32, carry: &Payload) {
        let plan = self.plan;
        for inner in plan.body(step).iter().copied().chain([step]) {
            let attempt = self.run.step_run(inner).attempt;
            let fresh = StepRun { attempt, attempts_forgiven: attempt.0, ..StepRun::default() };
            self.set(inner, fresh);
            if self.run.items(inner).is_some() {
                self.put_items(inner, None);
            }
            self.call_anew(inner);
            if inner != step && self.run.loops.contains_key(&inner) {
                self.set_loop(inner, None);
            }
        }
        let forgiven = self.run.loops.get(&step).map_or(0, |before| before.forgiven);
        self.set_loop(step, Some(Loop { round, forgiven, carry: carry.clone() }));
    }

    /// A loop that is open again after a `retry` of the run may go round as often as at first.
    pub(super) fn forgive_rounds(&mut self, step: StepIndex) {
        if self.plan.body(step).is_empty() {
            return;
        }
        let round = self.run.round(step);
        let carry = self.run.loops.get(&step).map(|found| found.carry.clone()).unwrap_or_default();
        self.set_loop(step, Some(Loop { round, forgiven: round, carry }));
    }

    fn set_loop(&mut self, step: StepIndex, next: Option<Loop>) {
        let before = match next {
            Some(next) => self.run.loops.insert(step, next),
            None => self.run.loops.remove(&step),
        };
        self.note(Change::Loop(step, before));
    }
}
