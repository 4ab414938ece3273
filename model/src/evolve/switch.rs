//! Routers: ways that are not taken.

use std::collections::BTreeSet;

use super::Fold;
use crate::id::StepIndex;
use crate::run::StepState;

impl Fold<'_> {
    pub(super) fn steps_bypassed(&mut self, router: StepIndex, steps: &[StepIndex]) {
        let state = StepState::Skipped { reason: String::new(), router: Some(router) };
        self.settle_all(steps, &state);
    }

    /// Whether `step` stays ended when `reset` is opened again: it lost a race that is decided.
    pub(super) fn stays_beaten(&self, step: StepIndex, reset: &BTreeSet<StepIndex>) -> bool {
        let races = self.plan.races_of(step).iter();
        let decided = |race: &&StepIndex| {
            !reset.contains(race) && matches!(self.run.step(**race), StepState::Completed { .. })
        };
        races.filter(decided).count() > 0
    }

    /// Whether `step` stays skipped when `reset` is opened again: its router has chosen, and does not choose anew.
    pub(super) fn stays_bypassed(&self, step: StepIndex, reset: &BTreeSet<StepIndex>) -> bool {
        let is_skipped = matches!(self.run.step(step), StepState::Skipped { router: Some(_), .. });
        let router = self.plan.step(step).router;
        is_skipped && router.is_some_and(|router| !reset.contains(&router))
    }
}
