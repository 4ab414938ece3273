//! Calls: runs that steps have called, and their ends.

use super::{Change, Fold};
use crate::event::{ChildEnd, Failure};
use crate::id::{Attempt, DefinitionHash, StepIndex, TimerId};
use crate::payload::Payload;
use crate::plan::{Plan, Work};
use crate::run::{LastCall, StepState, TimerPurpose};
use crate::time::Timestamp;

type Due = Option<(TimerId, Timestamp)>;

impl Fold<'_> {
    pub(super) fn step_called(
        &mut self,
        step: StepIndex,
        attempt: Attempt,
        number: u32,
        input: Option<&Payload>,
        (timer, deadline): (Due, Due),
    ) {
        let with = input.map_or_else(|| self.plan.literal_input(step).hash(), Payload::hash);
        let seen =
            self.run.calls.get(&step).filter(|last| last.number == number).map_or(0, |it| it.seen);
        let definition = called(self.plan, step);
        self.set_call(step, LastCall { number, definition, input: with, seen, goes_on: true });
        self.unqueue(step);
        let state = StepState::Calling { number, input: input.cloned(), timer, stopping: None };
        let mut next = self.with_state(step, state);
        next.attempt = attempt;
        next.started_at = next.started_at.or(Some(self.at));
        if let Some((timer, due)) = timer {
            self.set_timer(timer, due, TimerPurpose::Wait(step));
        }
        if let Some((timer, due)) = deadline {
            next.deadline = Some(timer);
            self.set_timer(timer, due, TimerPurpose::Deadline(step));
        }
        self.set(step, next);
    }

    /// The next attempt is due at once, unless another event of the same transition says otherwise.
    pub(super) fn child_ended(&mut self, step: StepIndex, revision: u32, ended: &ChildEnd) {
        if let Some(last) = self.run.calls.get(&step).copied() {
            let seen = if revision == 0 { last.seen } else { revision };
            self.set_call(step, LastCall { seen, goes_on: goes_on(ended), ..last });
        }
        let StepState::Calling { timer, .. } = self.run.step(step) else { return };
        if let Some((timer, _)) = *timer {
            self.clear_timer(timer);
        }
        let failure = match ended {
            ChildEnd::Completed { .. } => return,
            ChildEnd::Failed { failure, .. } => failure.clone(),
            ChildEnd::Cancelled { .. } => Failure::default(),
        };
        let attempt = Attempt(self.run.step_run(step).attempt.0.saturating_add(1));
        let state = StepState::Retrying { attempt, timer: None, at: self.at, failure };
        self.set(step, self.with_state(step, state));
    }

    /// The time of an attempt that calls is over.
    pub(super) fn call_over(&mut self, step: StepIndex) {
        self.stop_call(step, &timed_out(self.plan, step));
    }

    /// Tells a called run to end, unless it was told before.
    pub(super) fn stop_call(&mut self, step: StepIndex, failure: &Failure) {
        let mut state = self.run.step(step).clone();
        if let StepState::Calling { stopping: stopping @ None, .. } = &mut state {
            *stopping = Some(failure.clone());
            self.set(step, self.with_state(step, state));
        }
    }

    /// The next attempt of a step calls a new run.
    pub(super) fn call_anew(&mut self, step: StepIndex) {
        if let Some(last) = self.run.calls.get(&step).copied().filter(|last| last.goes_on) {
            self.set_call(step, LastCall { goes_on: false, ..last });
        }
    }

    fn set_call(&mut self, step: StepIndex, call: LastCall) {
        let before = self.run.calls.insert(step, call);
        self.note(Change::Call(step, before));
    }
}

fn called(plan: &Plan, step: StepIndex) -> DefinitionHash {
    match &plan.step(step).work {
        Work::Call(called) => called.definition.unwrap_or_default(),
        Work::Handler { .. }
        | Work::Set { .. }
        | Work::Sleep { .. }
        | Work::SleepUntil { .. }
        | Work::WaitFor(_)
        | Work::Switch(_)
        | Work::Race(_)
        | Work::Repeat(_)
        | Work::Update(_)
        | Work::Approve(_) => DefinitionHash::default(),
    }
}

fn goes_on(ended: &ChildEnd) -> bool {
    match ended {
        ChildEnd::Completed { .. } => false,
        ChildEnd::Failed { goes_on, .. } | ChildEnd::Cancelled { goes_on, .. } => *goes_on,
    }
}

fn timed_out(plan: &Plan, step: StepIndex) -> Failure {
    let ms = plan.timeout_ms(step).unwrap_or(0);
    Failure {
        code: "NX3002".to_owned(),
        message: format!("the called run did not end within {ms} ms"),
        fatal: false,
        details: None,
    }
}
