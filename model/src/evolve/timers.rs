//! Timers that fire.

use super::Fold;
use crate::event::Failure;
use crate::id::{StepIndex, TimerId};
use crate::plan::Plan;
use crate::run::{RunStatus, StepState, TimerPurpose};

impl Fold<'_> {
    pub(super) fn timer_fired(&mut self, timer: TimerId) {
        match self.clear_timer(timer) {
            Some(TimerPurpose::RunTimeout) => self.run_timed_out(),
            Some(TimerPurpose::Retry(step)) => self.retry_due(step),
            Some(TimerPurpose::Deadline(step)) => self.deadline_passed(step),
            Some(TimerPurpose::ItemRetry(step, item)) => self.item_retry_due(step, item),
            Some(TimerPurpose::Start(step)) => self.unqueue(step),
            Some(TimerPurpose::Undo(step)) => self.undo_due(step),
            Some(TimerPurpose::Wait(step)) => self.call_over(step),
            Some(TimerPurpose::Sleep(_)) | None => {}
        }
    }

    fn run_timed_out(&mut self) {
        if self.run.status == RunStatus::Running {
            let failure = self.run_time_over();
            self.run.status = RunStatus::Failing { failure, step: None };
            self.drop_waiting_of_run();
            self.run.plan_undo(self.plan.undoes_on_failure());
        }
    }

    /// A run that was migrated keeps the time of a definition that is not at hand.
    fn run_time_over(&self) -> Failure {
        let ms = self.plan.definition().timeout_ms;
        let started = self.run.started.as_ref().map(|started| started.definition);
        let message = match ms.filter(|_| started == Some(self.plan.hash())) {
            Some(ms) => format!("run timed out after {ms} ms"),
            None => "run timed out".to_owned(),
        };
        Failure { code: "NX3010".to_owned(), message, fatal: true, details: None }
    }

    fn retry_due(&mut self, step: StepIndex) {
        let mut state = self.run.step(step).clone();
        if let StepState::Retrying { timer, .. } = &mut state {
            *timer = None;
            self.set(step, self.with_state(step, state));
        }
    }

    fn deadline_passed(&mut self, step: StepIndex) {
        let mut next = self.run.step_run(step).clone();
        next.deadline = None;
        self.set(step, next);
        self.stop(step, &deadline_passed(self.plan, step));
    }
}

/// The failure of a step whose deadline has passed.
pub(crate) fn deadline_passed(plan: &Plan, step: StepIndex) -> Failure {
    let ms = plan.step(step).deadline_ms.unwrap_or(0);
    Failure {
        code: "NX3003".to_owned(),
        message: format!("deadline of {ms} ms over all attempts passed"),
        fatal: true,
        details: None,
    }
}

/// The failure of a step whose first attempt was not started in time.
pub(crate) fn not_started(plan: &Plan, step: StepIndex) -> Failure {
    let ms = plan.step(step).start_within_ms.unwrap_or(0);
    Failure {
        code: "NX3026".to_owned(),
        message: format!("not started within {ms} ms"),
        fatal: true,
        details: None,
    }
}
