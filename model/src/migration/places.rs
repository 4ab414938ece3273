//! Routers, races and loops: which steps they are about must not change once they have decided.

use std::collections::BTreeSet;

use super::{Examined, Stage};
use crate::id::StepIndex;
use crate::plan::Plan;

impl Examined<'_> {
    /// `step` of the new definition is about the same routers, races and loops as before, of those that have decided.
    pub(super) fn place(&mut self, step: StepIndex) {
        let id = self.new.id(step);
        let was = self.old.find(id);
        let before = was.map(|was| steered_by(self.old, was)).unwrap_or_default();
        let after = steered_by(self.new, step);
        for steering in before.symmetric_difference(&after) {
            let decided = self.old.find(steering).is_some_and(|steering| {
                self.stage(steering) == Stage::Done || self.run.loops.contains_key(&steering)
            });
            if decided {
                self.against.push(format!(
                    "step `{id}` would come under `{steering}`, or leave it, which has decided already"
                ));
            }
        }
    }
}

/// The router, the races and the loops that say whether a step runs, by id; not itself.
fn steered_by(plan: &Plan, step: StepIndex) -> BTreeSet<&str> {
    let plan_step = plan.step(step);
    let all = plan_step.router.iter().chain(&plan_step.races).chain(&plan_step.loops);
    all.filter(|steering| **steering != step).map(|steering| plan.id(*steering)).collect()
}
