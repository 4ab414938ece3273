//! Pauses of single steps, pauses of the store that hold the run, and what follows when one of them ends.

use super::Draft;
use crate::event::{Actor, Awaited, Event};
use crate::id::StepIndex;
use crate::rejection::Rejection;
use crate::run::StepState;
use crate::topic::signal_name;

impl Draft<'_> {
    pub(super) fn pause_step(
        &mut self,
        step: StepIndex,
        by: Actor,
        reason: String,
    ) -> Result<(), Rejection> {
        self.check_open(step)?;
        if self.run.holds.steps.contains(&step) {
            return Err(Rejection::StepPaused { step: self.plan.id(step).to_owned() });
        }
        self.emit(Event::StepPaused { step, by, reason });
        Ok(())
    }

    pub(super) fn resume_step(&mut self, step: StepIndex, by: Actor) -> Result<(), Rejection> {
        if !self.run.holds.steps.contains(&step) {
            let step = self.plan.steps().find(|known| *known == step);
            let step = step.map(|step| self.plan.id(step).to_owned()).unwrap_or_default();
            return Err(Rejection::StepNotPaused { step });
        }
        self.emit(Event::StepResumed { step, by });
        self.go_on_after_hold();
        Ok(())
    }

    pub(super) fn hold_run(&mut self, pauses: Vec<String>) -> Result<(), Rejection> {
        if pauses.is_empty() || !self.run.holds.by_store.is_empty() {
            return Err(Rejection::AlreadyPaused);
        }
        self.emit(Event::RunHeld { pauses });
        Ok(())
    }

    pub(super) fn release_run(&mut self) -> Result<(), Rejection> {
        if self.run.holds.by_store.is_empty() {
            return Err(Rejection::NotPaused);
        }
        self.emit(Event::RunReleased);
        self.go_on_after_hold();
        Ok(())
    }

    /// Takes up what a pause has kept: steps that could begin are looked at, and steps that wait are offered the signals that
    /// came meanwhile. Timers that are due are fired by the shell.
    pub(super) fn go_on_after_hold(&mut self) {
        if self.run.is_held() {
            return;
        }
        self.frontier.extend(self.run.ready());
        let awaiting: Vec<StepIndex> =
            self.run.awaiting().filter(|step| !self.run.holds(*step)).collect();
        for step in awaiting {
            self.offer_kept_signals(step);
        }
    }

    fn offer_kept_signals(&mut self, step: StepIndex) {
        let StepState::Awaiting { what, .. } = self.run.step(step) else { return };
        let wanted = match what {
            Awaited::Signal { name } => name.clone(),
            Awaited::Event { name, .. } => signal_name(name),
            // Nothing of these is kept.
            Awaited::Approval { .. } | Awaited::Update { .. } => return,
        };
        for (number, payload) in self.run.signals.kept_for(step, &wanted) {
            if self.signal_matches(step, &payload) {
                let attempt = self.run.step_run(step).attempt;
                return self.take_signal(step, number, attempt, payload);
            }
        }
    }

    /// Whether `step` is there and has not settled.
    fn check_open(&self, step: StepIndex) -> Result<(), Rejection> {
        if step.0 >= self.plan.step_count() {
            return Err(Rejection::NoSuchStep { step });
        }
        let state = self.run.step(step);
        if state.is_settled() {
            let (step, status) = (self.plan.id(step).to_owned(), state.word());
            return Err(Rejection::StepEnded { step, status });
        }
        Ok(())
    }
}
