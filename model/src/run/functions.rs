//! What a run knows of its function, and steps that it gets while it goes on.

use super::{Run, RunStatus, StepRun, StepState};
use crate::id::StepIndex;
use crate::plan::Plan;

impl Run {
    /// Whether its function has a turn of which it has said nothing yet.
    pub fn asks_function(&self) -> bool {
        let has_turns = self.code.as_ref().is_some_and(|code| code.has_turns());
        has_turns && self.status == RunStatus::Running
    }

    /// Whether it goes on until its function has returned.
    pub fn waits_for_function(&self) -> bool {
        let is_open = self.code.as_ref().is_some_and(|code| code.output.is_none());
        is_open && self.status == RunStatus::Running
    }

    /// Whether its function may come to something else if what failed is tried again: it has not failed, or a call has failed
    /// after it last said something. What it said since it knew of a failure stays said.
    pub(crate) fn may_ask_function_again(&self) -> bool {
        let Some(code) = self.code.as_deref() else { return true };
        let is_failed = |step| matches!(self.step(step), StepState::Failed { .. });
        code.failed.is_none_or(|turn| code.before_failure(turn).any(is_failed))
    }

    /// Makes room for the steps that its plan has got.
    pub(crate) fn grow(&mut self, plan: &Plan) {
        while self.steps.len() < plan.step_count() as usize {
            self.steps.push(StepRun::default());
            self.open_needs.push(0);
            self.open += 1;
        }
    }

    /// Takes back the room for steps beyond so many. Nothing is known of them.
    pub(crate) fn shrink(&mut self, count: usize) {
        while self.steps.len() > count {
            self.steps.pop();
            self.open_needs.pop();
            self.open -= 1;
            let last = StepIndex(u32::try_from(self.steps.len()).unwrap_or(u32::MAX));
            self.ready.remove(&last);
        }
    }

    pub(crate) fn set_open_needs(&mut self, step: StepIndex, count: u32) {
        if let Some(open) = self.open_needs.get_mut(step.at()) {
            *open = count;
        }
    }

    /// Counts the needs of a step anew.
    pub(crate) fn count_needs(&mut self, plan: &Plan, step: StepIndex) {
        let is_open = |need: &&StepIndex| {
            self.steps.get(need.at()).is_some_and(|need| !need.state.is_settled())
        };
        let count = plan.needs(step).iter().filter(is_open).count();
        if let Some(open) = self.open_needs.get_mut(step.at()) {
            *open = u32::try_from(count).unwrap_or(u32::MAX);
        }
    }
}
