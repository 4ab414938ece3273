//! A function made calls, got outcomes, returned.

use std::collections::BTreeSet;

use super::{Change, Fold};
use crate::code::{CallsMade, FunctionReturned};
use crate::event::{Event, Failure};
use crate::id::{StepIndex, TimerId};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::{ItemsRun, LastCall, Loop, Run, RunStatus, StepRun, StepState};

/// What was where the steps of calls are.
#[derive(Clone, Debug)]
pub(crate) struct Replaced {
    /// How many steps there were.
    count: usize,
    were: Vec<Was>,
}

/// A step, with all that a run knows of it.
#[derive(Clone, Debug)]
struct Was {
    step: StepIndex,
    run: StepRun,
    open_needs: u32,
    progress: Option<Payload>,
    call: Option<LastCall>,
    is_in_round: Option<Loop>,
    queued: Option<TimerId>,
    is_held: bool,
    items: Option<ItemsRun>,
}

impl Fold<'_> {
    /// The plan of this fold has the calls already.
    pub(super) fn calls_made(&mut self, made: &CallsMade) {
        let steps: Vec<StepIndex> = made.calls.iter().map(|call| call.step).collect();
        self.function_speaks(made.turn, &steps);
        if let Some(code) = &mut self.run.code {
            code.open.extend(steps.iter().copied());
        }
        let mut replaced = Replaced { count: self.run.steps().len(), were: Vec::new() };
        self.run.grow(self.plan);
        for step in steps {
            if step.0 < self.plan.step_count() {
                replaced.were.push(self.run.renew(self.plan, step));
            }
        }
        self.note(Change::Calls(Box::new(replaced)));
    }

    /// A function that has failed has said nothing that outlives a retry of the run: what it got since it last said something
    /// it may get again.
    pub(super) fn function_returned(&mut self, returned: &FunctionReturned) {
        if returned.failure.is_none() {
            self.function_speaks(returned.turn, &[]);
        }
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
                if let Some(code) = &mut self.run.code {
                    code.failed = Some(returned.turn);
                }
                if self.run.status == RunStatus::Running {
                    let step = self.run.step_behind(returned, failure);
                    self.run.status = RunStatus::Failing { failure: failure.clone(), step };
                    self.run.plan_undo(self.plan.undoes_on_failure());
                }
            }
        }
    }

    /// The run is retried: what failed since the function last said something is open again, as if the function had never got
    /// it. Returns the steps that are to begin anew.
    pub(super) fn function_retried(&mut self) -> BTreeSet<StepIndex> {
        let Some(mut code) = self.run.code.take() else { return BTreeSet::new() };
        code.failed = None;
        if code.output.is_none() {
            let is_failed =
                |step: &StepIndex| matches!(self.run.step(*step), StepState::Failed { .. });
            let (failed, others): (Vec<_>, Vec<_>) =
                code.settled.take(usize::MAX).into_iter().partition(is_failed);
            for step in others {
                code.settled.push(step);
            }
            code.open.extend(failed);
        }
        let goes_on = code.output.is_none();
        let ended = code.open.iter().filter(|step| goes_on && self.run.step(*step).is_settled());
        let ended = ended.collect();
        self.run.code = Some(code);
        ended
    }

    /// What the function has not got is nobody's any more.
    fn next_round(&mut self) {
        let began = self.run.revision.saturating_sub(1);
        let Some(mut code) = self.run.code.take() else { return };
        code.next_round(began, |step| self.run.is_kept(self.plan, step));
        self.run.code = Some(code);
    }

    /// The numbers of steps whose outcomes it has got are free, but for those that are taken again at once.
    fn function_speaks(&mut self, turn: u32, taken: &[StepIndex]) {
        let Some(mut code) = self.run.code.take() else { return };
        code.speaks(turn, |step| self.run.is_kept(self.plan, step));
        for step in taken {
            code.free.remove(*step);
        }
        self.run.code = Some(code);
    }

    /// The function gets what a step came to, in this order; what comes while the run ends it gets if the run is retried, and what
    /// is ended then stays open. What nobody waits for frees its number, unless it may have to be undone.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is an outcome of a call")]
    pub(super) fn note_outcome(&mut self, event: &Event) {
        let goes_on = self.run.status == RunStatus::Running;
        let (plan, known) = (self.plan, self.run.steps().len());
        let is_kept = |step: StepIndex| {
            let completes = matches!(event, Event::StepCompleted { .. });
            step.at() >= known || completes && plan.undo(step).is_some()
        };
        let Some(code) = self.run.code.as_mut().filter(|code| code.output.is_none()) else {
            return;
        };
        match event {
            Event::StepCompleted { step, .. } | Event::StepFailed { step, .. } => {
                if code.open.remove(*step) {
                    code.settled.push(*step);
                } else if !code.settled.iter().any(|other| other == *step) {
                    code.frees(*step, is_kept);
                }
            }
            Event::StepsCancelled { steps } | Event::StepsNotReached { steps } => {
                for step in steps {
                    let is_open = code.open.contains(*step);
                    if goes_on || !is_open {
                        code.open.remove(*step);
                        code.frees(*step, is_kept);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Run {
    /// The call because of which a function has failed: the one that it names, or else the last one that failed as the function
    /// did; of those whose outcomes it got since it last said something.
    fn step_behind(&self, returned: &FunctionReturned, failure: &Failure) -> Option<StepIndex> {
        let failed_so = |step: &StepIndex| {
            matches!(self.step(*step), StepState::Failed { failure: of, .. }
                if (&of.code, &of.message) == (&failure.code, &failure.message))
        };
        let got = || Some(self.code.as_ref()?.before_failure(returned.turn).filter(failed_so));
        got()?.find(|step| returned.step == Some(*step)).or_else(|| got()?.last())
    }

    /// Gives `step` to another call. Returns what it was.
    fn renew(&mut self, plan: &Plan, step: StepIndex) -> Was {
        let (open_needs, items) = (self.open_needs(step), self.items(step).cloned());
        let progress = self.progress.remove(&step);
        let call = self.calls.remove(&step);
        let is_in_round = self.loops.remove(&step);
        let queued = self.queued.remove(&step);
        let is_held = self.holds.steps.remove(&step);
        self.put_items(step, None);
        self.count_needs(plan, step);
        let run = self.set_step(plan, step, StepRun::default());
        Was { step, run, open_needs, progress, call, is_in_round, queued, is_held, items }
    }

    /// Puts back what was where the steps of calls are; `plan` is the one with the calls.
    pub(crate) fn put_back(&mut self, plan: &Plan, replaced: Replaced) {
        for was in replaced.were.into_iter().rev() {
            let step = was.step;
            self.set_step(plan, step, was.run);
            self.put_items(step, was.items);
            self.set_open_needs(step, was.open_needs);
            self.progress.extend(was.progress.map(|progress| (step, progress)));
            self.calls.extend(was.call.map(|call| (step, call)));
            self.loops.extend(was.is_in_round.map(|round| (step, round)));
            self.queued.extend(was.queued.map(|timer| (step, timer)));
            self.holds.steps.extend(was.is_held.then_some(step));
        }
        self.shrink(replaced.count);
    }
}
