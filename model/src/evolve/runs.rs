//! Runs: begun, tried again, ended.

use std::collections::BTreeSet;

use super::{Change, Fold};
use crate::definition::WhenNeeds;
use crate::event::RunStarted;
use crate::id::{StepIndex, TimerId};
use crate::run::{RunStatus, StepRun, StepState, TimerPurpose};
use crate::time::Timestamp;

impl Fold<'_> {
    pub(super) fn run_started(&mut self, started: &RunStarted) {
        self.run.started = Some(Box::new(started.clone()));
        self.run.started_at = self.at;
        self.set_timeout(started.timeout);
    }

    /// Opens again what did not end well and everything that comes after it.
    pub(super) fn run_retried(&mut self, timeout: Option<(TimerId, Timestamp)>) {
        self.forget_undos();
        let to_reset =
            if self.run.code.is_some() { self.function_retried() } else { self.to_reset() };
        for &step in &to_reset {
            self.reset_items(step, &to_reset);
            let attempt = self.run.step_run(step).attempt;
            let fresh = StepRun { attempt, attempts_forgiven: attempt.0, ..StepRun::default() };
            self.set(step, fresh);
            self.forgive_rounds(step);
        }
        self.run.status = RunStatus::Running;
        self.run.ended_at = None;
        self.run.paused = false;
        self.run.parent_paused = false;
        self.set_timeout(timeout);
    }

    fn to_reset(&self) -> BTreeSet<StepIndex> {
        let ended_badly = self.run.steps().filter(|(_, step)| step.state.ended_badly());
        let mut reset: BTreeSet<StepIndex> = ended_badly.map(|(step, _)| step).collect();
        let mut to_follow: Vec<StepIndex> = reset.iter().copied().collect();
        while let Some(step) = to_follow.pop() {
            let successors = self.plan.successors(step);
            to_follow
                .extend(successors.filter(|next| !self.has_begun(*next) && reset.insert(*next)));
        }
        let stay = reset
            .iter()
            .copied()
            .filter(|step| self.stays_bypassed(*step, &reset) || self.stays_beaten(*step, &reset));
        let stay: Vec<StepIndex> = stay.collect();
        for step in stay {
            reset.remove(&step);
        }
        reset
    }

    /// Whether `step` began at the first of its needs and completed; others do not matter to it.
    fn has_begun(&self, step: StepIndex) -> bool {
        self.plan.step(step).when_needs == WhenNeeds::AnyOk
            && matches!(self.run.step(step), StepState::Completed { .. })
    }

    pub(super) fn run_cancelled(&mut self) {
        let reason = match &self.run.status {
            RunStatus::Cancelling { reason } | RunStatus::Cancelled { reason } => reason.clone(),
            RunStatus::Running
            | RunStatus::Failing { .. }
            | RunStatus::Completed { .. }
            | RunStatus::Failed { .. } => String::new(),
        };
        self.end(RunStatus::Cancelled { reason });
    }

    pub(super) fn end(&mut self, status: RunStatus) {
        for (id, timer) in std::mem::take(&mut self.run.timers) {
            self.note(Change::TimerCleared(id, timer));
        }
        self.drop_all_slots();
        self.run.status = status;
        self.run.ended_at = Some(self.at);
    }

    fn set_timeout(&mut self, timeout: Option<(TimerId, Timestamp)>) {
        if let Some((timer, due)) = timeout {
            self.set_timer(timer, due, TimerPurpose::RunTimeout);
        }
    }
}
