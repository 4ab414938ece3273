//! `FailStep`: the end of an attempt, and whether there is another.

use super::{Draft, backoff};
use crate::event::{Event, Failure};
use crate::id::{Attempt, StepIndex};
use crate::rejection::Rejection;

impl Draft<'_> {
    pub(super) fn fail_step(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        failure: Failure,
    ) -> Result<(), Rejection> {
        let under_way = self.under_way(step, attempt)?;
        if under_way.undo {
            self.fail_undo(step, attempt, failure, &under_way);
            return Ok(());
        }
        let stopping = under_way.stopping;
        self.emit(Event::AttemptFailed { step, attempt, failure: failure.clone() });
        match stopping {
            Some(cause) => self.settle_stopped(step, cause),
            None if self.may_retry(step, attempt, &failure) => self.schedule_retry(step, attempt),
            None => self.fail(step, failure),
        }
        Ok(())
    }

    /// Settles an attempt that was told to stop and has stopped.
    pub(super) fn settle_stopped(&mut self, step: StepIndex, cause: Failure) {
        if cause == Failure::default() {
            self.emit(Event::StepsCancelled { steps: vec![step] });
        } else {
            self.fail(step, cause);
        }
    }

    pub(super) fn may_retry(&self, step: StepIndex, attempt: Attempt, failure: &Failure) -> bool {
        let retry = &self.plan.step(step).retry;
        self.is_worth_a_retry(step, failure) && self.counted(step, attempt) < retry.max_attempts
    }

    /// Whether another attempt of `step`, or of one of its items, may help.
    pub(super) fn is_worth_a_retry(&self, step: StepIndex, failure: &Failure) -> bool {
        let retry = &self.plan.step(step).retry;
        let is_wanted = retry.retry_on.is_empty() || retry.retry_on.contains(&failure.code);
        let is_hopeless = failure.fatal || retry.give_up_on.contains(&failure.code);
        is_wanted && !is_hopeless && self.survives(step)
    }

    pub(super) fn schedule_retry(&mut self, step: StepIndex, attempt: Attempt) {
        let at = self.now().plus_ms(self.delay_ms(step, attempt));
        let next = Attempt(attempt.0.saturating_add(1));
        let timer = self.run.next_timer;
        self.emit(Event::RetryScheduled { step, attempt: next, timer, at });
    }

    fn delay_ms(&self, step: StepIndex, attempt: Attempt) -> u64 {
        let retry = &self.plan.step(step).retry;
        let delay = backoff::delay_ms(retry, self.counted(step, attempt));
        match &self.run.started {
            Some(started) if retry.jitter => backoff::spread_ms(delay, started.run, step, attempt),
            Some(_) | None => delay,
        }
    }

    /// Which attempt it is of those that count against `max_attempts`.
    fn counted(&self, step: StepIndex, attempt: Attempt) -> u32 {
        attempt.0.saturating_sub(self.run.step_run(step).attempts_forgiven)
    }
}
