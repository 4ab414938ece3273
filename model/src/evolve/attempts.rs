//! Attempts: begun, failed, cut off, told to stop.

use super::Fold;
use crate::event::{Failure, Interruption};
use crate::id::{Attempt, StepIndex, TimerId};
use crate::payload::Payload;
use crate::run::{StepState, TimerPurpose};
use crate::time::Timestamp;

impl Fold<'_> {
    pub(super) fn step_started(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        input: Option<&Payload>,
        deadline: Option<(TimerId, Timestamp)>,
    ) {
        self.unqueue(step);
        let state = StepState::Running {
            attempt,
            input: input.cloned(),
            interruptions: 0,
            may_repeat: false,
            rests: false,
            since: self.at,
            stopping: None,
        };
        let mut next = self.with_state(step, state);
        next.attempt = attempt;
        next.started_at = next.started_at.or(Some(self.at));
        if let Some((timer, due)) = deadline {
            next.deadline = Some(timer);
            self.set_timer(timer, due, TimerPurpose::Deadline(step));
        }
        self.set(step, next);
    }

    /// The next attempt is due at once, unless another event of the same transition says otherwise.
    pub(super) fn attempt_failed(&mut self, step: StepIndex, failure: &Failure) {
        let attempt = Attempt(self.run.step_run(step).attempt.0.saturating_add(1));
        let failure = failure.clone();
        let state = StepState::Retrying { attempt, timer: None, at: self.at, failure };
        self.set(step, self.with_state(step, state));
    }

    pub(super) fn retry_scheduled(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        timer: TimerId,
        at: Timestamp,
    ) {
        let failure = match self.run.step(step) {
            StepState::Retrying { failure, .. } => failure.clone(),
            StepState::Waiting
            | StepState::Running { .. }
            | StepState::Sleeping { .. }
            | StepState::Awaiting { .. }
            | StepState::Calling { .. }
            | StepState::Iterating
            | StepState::Completed { .. }
            | StepState::Failed { .. }
            | StepState::Skipped { .. }
            | StepState::NotReached
            | StepState::Cancelled => Failure::default(),
        };
        let state = StepState::Retrying { attempt, timer: Some(timer), at, failure };
        self.set_timer(timer, at, TimerPurpose::Retry(step));
        self.set(step, self.with_state(step, state));
    }

    pub(super) fn attempts_interrupted(
        &mut self,
        attempts: &[(StepIndex, Attempt)],
        how: Interruption,
    ) {
        for &(step, _) in attempts {
            let is_outside = self.plan.worker_handler(step, false).is_some();
            let mut state = self.run.step(step).clone();
            if let StepState::Running { interruptions, may_repeat, rests, .. } = &mut state {
                come_to_rest(how, is_outside, (interruptions, may_repeat, rests));
                self.set(step, self.with_state(step, state));
            }
            self.undo_interrupted(step, how);
        }
    }

    pub(super) fn attempt_resumed(&mut self, step: StepIndex) {
        let mut state = self.run.step(step).clone();
        if let StepState::Running { rests, .. } = &mut state {
            *rests = false;
            self.set(step, self.with_state(step, state));
        }
        self.undo_resumed(step);
    }

    pub(super) fn stop_requested(&mut self, steps: &[StepIndex]) {
        for &step in steps {
            self.stop(step, &Failure::default());
        }
    }

    /// Tells a running attempt to stop, unless it was told before.
    pub(super) fn stop(&mut self, step: StepIndex, failure: &Failure) {
        self.stop_items(step, failure);
        let mut state = self.run.step(step).clone();
        if let StepState::Running { stopping: stopping @ None, .. } = &mut state {
            *stopping = Some(failure.clone());
            self.set(step, self.with_state(step, state));
            return;
        }
        self.stop_call(step, failure);
    }
}

/// An attempt came to rest, carried out by a worker or here. Changes how often it was cut off, whether its effects may have
/// happened, and whether it rests.
///
/// One that rests already, or was not called, has had no effects since.
pub(super) fn come_to_rest(
    how: Interruption,
    is_outside: bool,
    (interruptions, may_repeat, rests): (&mut u32, &mut bool, &mut bool),
) {
    let was_called = !*rests && how != Interruption::NotCalled;
    let counts = was_called && how == Interruption::ProcessEnded && !is_outside;
    *interruptions = interruptions.saturating_add(u32::from(counts));
    *may_repeat |= was_called;
    *rests = true;
}
