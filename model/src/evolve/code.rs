//! A function made calls, got outcomes, returned.

use super::{Change, Fold};
use crate::code::{CallsMade, FunctionReturned};
use crate::event::Event;
use crate::id::StepIndex;
use crate::run::{RunStatus, StepRun};

impl Fold<'_> {
    /// The plan of this fold has the calls already.
    pub(super) fn calls_made(&mut self, made: &CallsMade) {
        if self.changes.is_some() {
            self.note(Change::Migrated(Box::new(self.run.clone())));
        }
        let steps: Vec<StepIndex> = made.calls.iter().map(|call| call.step).collect();
        self.function_speaks(made.turn, &steps);
        if let Some(code) = &mut self.run.code {
            code.open.extend(&steps);
        }
        self.run.grow(self.plan);
        for step in steps {
            if step.0 < self.plan.step_count() {
                self.run.renew(self.plan, step);
            }
        }
    }

    pub(super) fn function_returned(&mut self, returned: &FunctionReturned) {
        self.function_speaks(returned.turn, &[]);
        match &returned.failure {
            None if returned.again => {
                self.next_round();
                for left in &returned.left {
                    self.signal_left(left);
                }
            }
            None => {
                if let Some(code) = &mut self.run.code {
                    code.output = Some(returned.output.clone());
                }
            }
            Some(failure) => {
                if self.run.status == RunStatus::Running {
                    self.run.status = RunStatus::Failing { failure: failure.clone(), step: None };
                    self.run.plan_undo(self.plan.undoes_on_failure());
                }
            }
        }
    }

    /// What the function has not got is nobody's any more.
    fn next_round(&mut self) {
        let began = self.run.revision.saturating_sub(1);
        let Some(mut code) = self.run.code.take() else { return };
        let left = code.next_round(began);
        let free = left.into_iter().filter(|step| !self.run.is_kept(self.plan, *step));
        code.free.extend(free);
        self.run.code = Some(code);
    }

    /// The numbers of steps whose outcomes it has got are free, but for those that are taken again at once.
    fn function_speaks(&mut self, turn: u32, taken: &[StepIndex]) {
        let Some(mut code) = self.run.code.take() else { return };
        let got = code.speaks(turn);
        let known = |step: &StepIndex| step.at() < self.run.steps().len();
        let free =
            got.into_iter().filter(|step| known(step) && !self.run.is_kept(self.plan, *step));
        code.free.extend(free);
        for step in taken {
            code.free.remove(step);
        }
        self.run.code = Some(code);
    }

    /// The function gets what a step came to, in this order. What nobody waits for frees its number.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else ends a call while the run goes on"
    )]
    pub(super) fn note_outcome(&mut self, event: &Event) {
        let goes_on = self.run.status == RunStatus::Running;
        let known = self.run.steps().len();
        let Some(code) = self.run.code.as_mut().filter(|code| goes_on && code.output.is_none())
        else {
            return;
        };
        match event {
            Event::StepCompleted { step, .. } | Event::StepFailed { step, .. } => {
                if code.open.remove(step) {
                    code.settled.push_back(*step);
                } else if step.at() < known && !code.settled.contains(step) {
                    code.free.insert(*step);
                }
            }
            Event::StepsCancelled { steps } => {
                for step in steps {
                    code.open.remove(step);
                    if step.at() < known {
                        code.free.insert(*step);
                    }
                }
            }
            _ => {}
        }
    }
}

impl crate::run::Run {
    /// Gives `step` to another call.
    fn renew(&mut self, plan: &crate::plan::Plan, step: StepIndex) {
        self.progress.remove(&step);
        self.calls.remove(&step);
        self.loops.remove(&step);
        self.queued.remove(&step);
        self.holds.steps.remove(&step);
        self.put_items(step, None);
        self.count_needs(plan, step);
        self.set_step(plan, step, StepRun::default());
    }
}
