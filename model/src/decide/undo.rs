//! Undoing: what a failed or cancelled run did is taken back, if its definition says so.
//!
//! When what runs has stopped, each completed step with a `compensate` is undone: later steps first, those that do not
//! depend on each other at the same time. An undo is tried again until it succeeds or its attempts are used up; then it
//! waits for somebody, and with it everything that comes before it. What runs last runs after all undos.

use super::complete_step::UnderWay;
use super::undo_items::of_item;
use super::{Draft, backoff};
use crate::event::{Actor, Event, Failure};
use crate::id::{Attempt, StepIndex};
use crate::plan::{Plan, PlanUndo};
use crate::rejection::Rejection;
use crate::run::{Run, RunStatus, StepState, UndoState};

impl Draft<'_> {
    /// Whether it is time to say what is undone: it is wanted, and nothing runs any more.
    pub(super) fn undo_is_due(&self) -> bool {
        self.run.plans_undo()
            && self.run.running_count() == 0
            && self.run.calling().next().is_none()
            && self.run.iterating().next().is_none()
    }

    /// Asks for the undo of each step that has one, has completed itself or some of its items, and was not undone before.
    pub(super) fn request_undo(&mut self) {
        let has_undone = |step| self.run.step_run(step).undo.is_some();
        let is_done = |step| match self.run.items(step) {
            Some(items) => items.has_completed() && self.run.step(step).is_settled(),
            None => {
                self.plan.each(step).is_none()
                    && matches!(self.run.step(step), StepState::Completed { .. })
            }
        };
        let steps = self.plan.steps_with_undo();
        let steps = steps.filter(|step| is_done(*step) && !has_undone(*step)).collect();
        self.emit(Event::UndoRequested { steps });
    }

    /// Starts the next attempt to undo `step`. Returns whether it was started.
    pub(super) fn start_undo(&mut self, step: StepIndex) -> bool {
        let plan = self.plan;
        let Some(undo) = plan.undo(step) else { return false };
        if self.run.items(step).is_some() {
            return self.start_undo_of_item(step, undo);
        }
        let attempt = self.next_undo_attempt(step);
        let input = match self.undo_input(step, attempt, undo) {
            None => return false,
            Some(Err(failure)) => {
                self.emit(Event::UndoFailed { step, failure });
                return false;
            }
            Some(Ok(input)) => input,
        };
        self.idle.insert(step);
        self.emit(Event::UndoStarted { step, attempt, input });
        true
    }

    /// The number the next attempt to undo `step` gets: a higher one than any that was made under its number, also by steps that
    /// had it before a migration.
    pub(super) fn next_undo_attempt(&self, step: StepIndex) -> Attempt {
        let passed = self.run.passed.get(&step).copied().unwrap_or(0);
        self.next_attempt(step).max(Attempt(passed.saturating_add(1)))
    }

    fn undo_input(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        undo: &PlanUndo,
    ) -> super::evaluate::Evaluated<Option<crate::payload::Payload>> {
        if undo.input.is_literal() {
            return Some(Ok(None));
        }
        let output = self.run.step(step).output().cloned().unwrap_or_default();
        let rendered = self.render_over(&undo.input, step, attempt, &output)?;
        Some(rendered.map(|value| Some(self.store(&value))))
    }

    /// The attempt to undo `step`, if it is under way.
    pub(super) fn undo_under_way(&self, step: StepIndex, attempt: Attempt) -> Option<UnderWay> {
        match self.run.step_run(step).undo() {
            Some(UndoState::Running {
                attempt: current,
                interruptions,
                may_repeat,
                rests,
                stopping,
                ..
            }) if *current == attempt => Some(UnderWay {
                may_repeat: *may_repeat,
                interruptions: *interruptions,
                stopping: stopping.then(Failure::default),
                rests: *rests,
                undo: true,
            }),
            Some(
                UndoState::Running { .. }
                | UndoState::Pending
                | UndoState::Retrying { .. }
                | UndoState::Failed { .. }
                | UndoState::Undone
                | UndoState::GivenUp,
            )
            | None => None,
        }
    }

    /// The end of an attempt to undo `step`, and whether there is another.
    pub(super) fn fail_undo(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        failure: Failure,
        under_way: &UnderWay,
    ) {
        self.emit(Event::UndoAttemptFailed { step, attempt, failure: failure.clone() });
        if under_way.stopping.is_some() {
            return;
        }
        if self.may_retry_undo(step, attempt, &failure) {
            self.schedule_undo_retry(step, attempt);
        } else {
            let item = self.run.step_run(step).undo.as_ref().and_then(|undo| undo.item());
            self.emit(Event::UndoFailed { step, failure: of_item(item, failure) });
        }
    }

    fn may_retry_undo(&self, step: StepIndex, attempt: Attempt, failure: &Failure) -> bool {
        let Some(PlanUndo { retry, .. }) = self.plan.undo(step) else { return false };
        let is_wanted = retry.retry_on.is_empty() || retry.retry_on.contains(&failure.code);
        let is_hopeless = failure.fatal || retry.give_up_on.contains(&failure.code);
        is_wanted && !is_hopeless && self.counted_undo(step, attempt) < retry.max_attempts
    }

    fn schedule_undo_retry(&mut self, step: StepIndex, attempt: Attempt) {
        let Some(PlanUndo { retry, .. }) = self.plan.undo(step) else { return };
        let delay = backoff::delay_ms(retry, self.counted_undo(step, attempt));
        let delay = match &self.run.started {
            Some(started) if retry.jitter => backoff::spread_ms(delay, started.run, step, attempt),
            Some(_) | None => delay,
        };
        let (timer, at) = (self.run.next_timer, self.now().plus_ms(delay));
        let attempt = Attempt(attempt.0.saturating_add(1));
        self.emit(Event::UndoRetryScheduled { step, attempt, timer, at });
    }

    /// Which attempt it is of those that count against `max_attempts` of the undo.
    fn counted_undo(&self, step: StepIndex, attempt: Attempt) -> u32 {
        let undo = self.run.step_run(step).undo.as_ref();
        attempt.0.saturating_sub(undo.map_or(0, |undo| undo.attempts_forgiven))
    }

    /// Ends the run without undoing what was not undone yet; also a run that is being cancelled.
    pub(super) fn waive_undo(&mut self, by: Actor, reason: String) -> Result<(), Rejection> {
        let is_cancelling = matches!(self.run.status, RunStatus::Cancelling { .. });
        if is_cancelling && !self.run.is_undoing() {
            return Err(Rejection::AlreadyCancelling);
        }
        let is_all_stopping = !self.run.plans_undo() && self.all_open_undos_stop();
        if is_cancelling && is_all_stopping {
            return Err(Rejection::AlreadyCancelling);
        }
        let was_held = self.run.is_held() || !self.run.holds.steps.is_empty();
        self.emit(Event::UndoWaived { by, reason });
        if was_held {
            self.frontier.extend(self.run.ready());
        }
        Ok(())
    }

    fn all_open_undos_stop(&self) -> bool {
        let mut undos = self.run.steps().filter_map(|(_, step)| step.undo());
        undos.all(|undo| {
            !undo.is_open() || matches!(undo, UndoState::Running { stopping: true, .. })
        })
    }

    /// Tries again the undos that have failed, if there are any.
    pub(super) fn retry_undos(&mut self, by: Actor) -> Result<(), Rejection> {
        if self.run.failed_undos().next().is_none() {
            return Err(Rejection::NotRetryable { status: self.run.word() });
        }
        self.emit(Event::UndoRetried { by });
        Ok(())
    }
}

/// Refuses to go on from results that were undone, also if only some items of a step were.
pub(super) fn nothing_undone(plan: &Plan, run: &Run) -> Result<(), Rejection> {
    let steps: Vec<String> = run.touched_by_undo().map(|step| plan.id(step).to_owned()).collect();
    if steps.is_empty() { Ok(()) } else { Err(Rejection::Undone { steps }) }
}
