//! Undoing: asked for, begun, done, failed, given up.

use super::Fold;
use super::attempts::come_to_rest;
use crate::event::{Failure, Interruption, ItemUndoStarted, ItemUndone};
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::payload::Payload;
use crate::run::{ItemsUndo, RunStatus, StepUndo, TimerPurpose, UndoState};
use crate::time::Timestamp;

impl Fold<'_> {
    pub(super) fn undo_requested(&mut self, steps: &[StepIndex]) {
        self.run.plan_undo(false);
        for &step in steps {
            let attempts_forgiven = self.run.step_run(step).attempt.0;
            self.set_undo(step, StepUndo { attempts_forgiven, ..StepUndo::default() });
        }
    }

    pub(super) fn undo_started(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        input: Option<&Payload>,
    ) {
        let state = UndoState::Running {
            attempt,
            input: input.cloned(),
            interruptions: 0,
            may_repeat: false,
            rests: false,
            since: self.at,
            stopping: false,
        };
        let undo = self.undo_with(step, state);
        let started_at = undo.started_at.or(Some(self.at));
        let mut next = self.run.step_run(step).clone();
        // Numbers that others have used count for nobody.
        let passed = attempt.0.saturating_sub(next.attempt.0).saturating_sub(1);
        let attempts_forgiven = undo.attempts_forgiven.saturating_add(passed);
        next.attempt = attempt;
        next.undo = Some(Box::new(StepUndo { attempts_forgiven, started_at, ..undo }));
        self.set(step, next);
    }

    pub(super) fn item_undo_started(&mut self, started: &ItemUndoStarted) {
        let ItemUndoStarted { step, item, attempt, ref input } = *started;
        self.undo_started(step, attempt, input.as_ref());
        let undo = self.run.step_run(step).undo.as_deref().cloned().unwrap_or_default();
        let undone = undo.items.map_or(0, |items| items.undone);
        let below = ItemIndex(item.0.saturating_add(1));
        self.set_undo(step, StepUndo { items: Some(ItemsUndo { below, undone }), ..undo });
    }

    /// The next item is due at once; unless the undoing was given up.
    pub(super) fn item_undone(&mut self, undone: &ItemUndone) {
        let ItemUndone { step, item, attempt, .. } = *undone;
        let was_to_stop = matches!(
            self.run.step_run(step).undo(),
            Some(UndoState::Running { stopping: true, .. })
        );
        self.forget_progress(step);
        let undo = self.undo_with(step, UndoState::Pending);
        let undone = undo.items.map_or(0, |items| items.undone).saturating_add(1);
        let items = Some(ItemsUndo { below: item, undone });
        self.set_undo(step, StepUndo { items, attempts_forgiven: attempt.0, ..undo });
        if was_to_stop {
            self.settle_undo(step, UndoState::GivenUp);
        }
    }

    /// The next attempt is due at once, unless another event of the same transition says otherwise.
    pub(super) fn undo_attempt_failed(&mut self, step: StepIndex, failure: &Failure) {
        let attempt = Attempt(self.run.step_run(step).attempt.0.saturating_add(1));
        if matches!(self.run.step_run(step).undo(), Some(UndoState::Running { stopping: true, .. }))
        {
            return self.settle_undo(step, UndoState::GivenUp);
        }
        let failure = failure.clone();
        let state = UndoState::Retrying { attempt, timer: None, at: self.at, failure };
        self.set_undo(step, self.undo_with(step, state));
    }

    pub(super) fn undo_retry_scheduled(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        timer: TimerId,
        at: Timestamp,
    ) {
        let failure = match self.run.step_run(step).undo() {
            Some(UndoState::Retrying { failure, .. }) => failure.clone(),
            Some(
                UndoState::Pending
                | UndoState::Running { .. }
                | UndoState::Failed { .. }
                | UndoState::Undone
                | UndoState::GivenUp,
            )
            | None => Failure::default(),
        };
        let state = UndoState::Retrying { attempt, timer: Some(timer), at, failure };
        self.set_timer(timer, at, TimerPurpose::Undo(step));
        self.set_undo(step, self.undo_with(step, state));
    }

    pub(super) fn undo_failed(&mut self, step: StepIndex, failure: &Failure) {
        let state = UndoState::Failed { failure: failure.clone() };
        self.set_undo(step, self.undo_with(step, state));
    }

    /// Brings the undo of `step` to rest; its timer goes.
    pub(super) fn settle_undo(&mut self, step: StepIndex, state: UndoState) {
        self.forget_progress(step);
        if let Some(UndoState::Retrying { timer: Some(timer), .. }) = self.run.step_run(step).undo()
        {
            self.clear_timer(*timer);
        }
        let undo = self.undo_with(step, state);
        self.set_undo(step, StepUndo { settled_at: Some(self.at), ..undo });
    }

    /// Running undos are told to stop, the others are given up at once.
    pub(super) fn undo_waived(&mut self, reason: &str) {
        self.pauses_end();
        if !matches!(self.run.status, RunStatus::Cancelling { .. }) {
            self.run.status = RunStatus::Cancelling { reason: reason.to_owned() };
        }
        self.run.plan_undo(false);
        let open: Vec<StepIndex> = self.steps_whose_undo(UndoState::is_open);
        for step in open {
            let mut next = self.run.step_run(step).clone();
            match next.undo.as_mut().map(|undo| &mut undo.state) {
                Some(UndoState::Running { stopping, .. }) => {
                    *stopping = true;
                    self.set(step, next);
                }
                Some(_) | None => self.settle_undo(step, UndoState::GivenUp),
            }
        }
    }

    pub(super) fn undo_retried(&mut self) {
        let failed = self.steps_whose_undo(|state| matches!(state, UndoState::Failed { .. }));
        for step in failed {
            let attempts_forgiven = self.run.step_run(step).attempt.0;
            let undo = self.undo_with(step, UndoState::Pending);
            self.set_undo(step, StepUndo { attempts_forgiven, ..undo });
        }
    }

    /// An undo that was cut off runs again, or is given up if it was told to stop.
    pub(super) fn undo_interrupted(&mut self, step: StepIndex, how: Interruption) {
        let Some(state) = self.run.step_run(step).undo() else { return };
        let mut state = state.clone();
        let is_outside = self.plan.worker_handler(step, true).is_some();
        if let UndoState::Running { interruptions, may_repeat, rests, stopping, .. } = &mut state {
            if *stopping {
                return self.settle_undo(step, UndoState::GivenUp);
            }
            come_to_rest(how, is_outside, (interruptions, may_repeat, rests));
            self.set_undo(step, self.undo_with(step, state));
        }
    }

    pub(super) fn undo_resumed(&mut self, step: StepIndex) {
        let Some(state) = self.run.step_run(step).undo() else { return };
        let mut state = state.clone();
        if let UndoState::Running { rests, .. } = &mut state {
            *rests = false;
            self.set_undo(step, self.undo_with(step, state));
        }
    }

    pub(super) fn undo_due(&mut self, step: StepIndex) {
        let Some(state) = self.run.step_run(step).undo() else { return };
        let mut state = state.clone();
        if let UndoState::Retrying { timer, .. } = &mut state {
            *timer = None;
            self.set_undo(step, self.undo_with(step, state));
        }
    }

    /// What was given up may be undone when the run fails again.
    pub(super) fn forget_undos(&mut self) {
        for step in self.steps_whose_undo(|_| true) {
            let mut next = self.run.step_run(step).clone();
            next.undo = None;
            self.set(step, next);
        }
    }

    fn steps_whose_undo(&self, is: impl Fn(&UndoState) -> bool) -> Vec<StepIndex> {
        let steps = self.run.steps().filter(|(_, step)| step.undo().is_some_and(&is));
        steps.map(|(step, _)| step).collect()
    }

    /// The undo of `step` in another state.
    fn undo_with(&self, step: StepIndex, state: UndoState) -> StepUndo {
        let undo = self.run.step_run(step).undo.as_deref().cloned().unwrap_or_default();
        StepUndo { state, ..undo }
    }

    fn set_undo(&mut self, step: StepIndex, undo: StepUndo) {
        let mut next = self.run.step_run(step).clone();
        next.undo = Some(Box::new(undo));
        self.set(step, next);
    }
}
