//! Steps that begin at the first need that completes, and failures that do not matter because another need may.

use super::Draft;
use crate::definition::{OnError, WhenNeeds};
use crate::id::StepIndex;
use crate::run::StepState;

impl Draft<'_> {
    /// Whether a need of `step` ended so that it may begin.
    pub(super) fn has_ok_need(&self, step: StepIndex) -> bool {
        let plan_step = self.plan.step(step);
        let mut needs = plan_step.needs.iter().filter(|need| plan_step.begins_with(**need));
        self.run.first_ok(step) > 0 || needs.any(|need| self.is_enough(*need))
    }

    /// Whether `need` is enough for a step that begins at the first, once all its needs have settled.
    fn is_enough(&self, need: StepIndex) -> bool {
        match self.run.step(need) {
            StepState::Completed { .. } | StepState::Skipped { .. } => true,
            StepState::Failed { continued, .. } => {
                *continued && self.plan.step(need).on_error == OnError::Continue
            }
            StepState::Waiting
            | StepState::Running { .. }
            | StepState::Iterating
            | StepState::Sleeping { .. }
            | StepState::Awaiting { .. }
            | StepState::Calling { .. }
            | StepState::Retrying { .. }
            | StepState::NotReached
            | StepState::Cancelled => false,
        }
    }

    /// Whether the run can go on after a failure of `step`: no step needs it to be ok, and each that begins at the first of
    /// its needs has another one that has completed or still may.
    pub(super) fn is_dispensable(&self, step: StepIndex) -> bool {
        let is_left = |need: &StepIndex| {
            *need != step && (!self.run.step(*need).is_settled() || self.is_enough(*need))
        };
        let mut begins_at_first = false;
        for next in self.plan.successors(step) {
            match self.plan.step(next).when_needs {
                WhenNeeds::AnyOk if self.plan.needs(next).iter().any(is_left) => {
                    begins_at_first = true;
                }
                WhenNeeds::AllOk | WhenNeeds::AnyOk => return false,
                WhenNeeds::AllDone | WhenNeeds::AnyFailed => {}
            }
        }
        begins_at_first
    }
}
