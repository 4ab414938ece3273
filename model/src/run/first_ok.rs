//! Steps that begin at the first need that completes: how many of their needs have.

use super::{Run, StepState};
use crate::definition::WhenNeeds;
use crate::id::StepIndex;
use crate::plan::{Plan, PlanStep};

impl Run {
    /// How many needs of `step` have completed, if it begins at the first; else 0. A step that a router chooses begins at
    /// none before the router has settled, and the router itself lets it begin only if it needs nothing else.
    pub(crate) fn first_ok(&self, step: StepIndex) -> u32 {
        self.first_ok.get(&step).copied().unwrap_or(0)
    }

    /// A need of `successor` has changed: whether it had completed, and has.
    pub(super) fn follow_first_ok(
        &mut self,
        plan: &Plan,
        successor: StepIndex,
        (had, has): (bool, bool),
    ) {
        let step = plan.step(successor);
        if step.when_needs != WhenNeeds::AnyOk {
            return;
        }
        let count = match step.router {
            None => self.first_ok(successor) + u32::from(has) - u32::from(had),
            Some(router) if self.step(router).is_settled() => self.completed_needs(step),
            Some(_) => 0,
        };
        match count {
            0 => self.first_ok.remove(&successor),
            count => self.first_ok.insert(successor, count),
        };
    }

    fn completed_needs(&self, step: &PlanStep) -> u32 {
        let completed = step
            .needs
            .iter()
            .filter(|need| step.begins_with(**need))
            .filter(|need| matches!(self.step(**need), StepState::Completed { .. }));
        completed.zip(1..).last().map_or(0, |(_, count)| count)
    }
}
