//! Settling: how steps come to rest.

use super::Fold;
use crate::event::Failure;
use crate::id::{Attempt, StepIndex, TimerId};
use crate::payload::Payload;
use crate::run::{RunStatus, StepRun, StepState, TimerPurpose};
use crate::time::Timestamp;

impl Fold<'_> {
    /// Brings `step` to rest.
    pub(super) fn settle(&mut self, step: StepIndex, state: StepState) {
        let next = self.settled(step, state);
        self.set(step, next);
    }

    /// What `step` is once at rest; its timers go.
    fn settled(&mut self, step: StepIndex, state: StepState) -> StepRun {
        self.unqueue(step);
        self.clear_timers_of(step);
        self.settle_items(step, &state);
        if self.run.holds.steps.contains(&step) {
            self.step_resumed(step);
        }
        let next = self.with_state(step, state);
        StepRun { deadline: None, settled_at: Some(self.at), ..next }
    }

    pub(super) fn settle_all(&mut self, steps: &[StepIndex], state: &StepState) {
        for &step in steps {
            self.settle(step, state.clone());
        }
    }

    pub(super) fn step_completed(&mut self, step: StepIndex, attempt: Attempt, output: &Payload) {
        self.forget_progress(step);
        let state = StepState::Completed { output: output.clone() };
        let mut next = self.settled(step, state);
        next.attempt = attempt;
        next.started_at = next.started_at.or(Some(self.at));
        self.set(step, next);
    }

    pub(super) fn output_mapped(&mut self, step: StepIndex, output: &Payload) {
        let state = StepState::Completed { output: output.clone() };
        self.set(step, self.with_state(step, state));
    }

    /// The first failure that is not continued makes the run fail.
    pub(super) fn step_failed(&mut self, step: StepIndex, failure: &Failure, continued: bool) {
        self.settle(step, StepState::Failed { failure: failure.clone(), continued });
        if !continued && self.run.status == RunStatus::Running {
            self.run.status = RunStatus::Failing { failure: failure.clone(), step: Some(step) };
            self.run.plan_undo(self.plan.undoes_on_failure());
        }
    }

    pub(super) fn step_slept(&mut self, step: StepIndex, timer: TimerId, until: Timestamp) {
        let mut next = self.with_state(step, StepState::Sleeping { timer, until });
        next.attempt = Attempt(next.attempt.0.saturating_add(1));
        next.started_at = next.started_at.or(Some(self.at));
        self.set_timer(timer, until, TimerPurpose::Sleep(step));
        self.set(step, next);
    }

    fn clear_timers_of(&mut self, step: StepIndex) {
        let step_run = self.run.step_run(step);
        let waits = match &step_run.state {
            StepState::Sleeping { timer, .. } => Some(*timer),
            StepState::Retrying { timer, .. } => *timer,
            StepState::Awaiting { timer, .. } | StepState::Calling { timer, .. } => {
                timer.map(|(timer, _)| timer)
            }
            StepState::Waiting
            | StepState::Running { .. }
            | StepState::Iterating
            | StepState::Completed { .. }
            | StepState::Failed { .. }
            | StepState::Skipped { .. }
            | StepState::NotReached
            | StepState::Cancelled => None,
        };
        for timer in waits.into_iter().chain(step_run.deadline) {
            self.clear_timer(timer);
        }
    }
}
