//! Steps that wait for a signal: they take one that is kept, or wait until one comes or their time is over.

use super::Draft;
use crate::definition::OnSignalTimeout;
use crate::event::{Event, Failure};
use crate::id::{Attempt, StepIndex};
use crate::payload::Payload;
use crate::plan::{SignalWait, Work};
use crate::topic::event_of;

impl Draft<'_> {
    /// Takes the oldest kept signal that fits, or begins to wait.
    pub(super) fn wait_for(&mut self, step: StepIndex, wait: &SignalWait) {
        for (number, payload) in self.run.signals.kept_for(step, &wait.signal) {
            if self.signal_matches(step, &payload) {
                return self.take_signal(step, number, self.next_attempt(step), payload);
            }
        }
        let due = wait.timeout_ms.map(|ms| (self.run.next_timer, self.now().plus_ms(ms)));
        let signal = wait.signal.clone();
        self.emit(Event::StepWaits { step, signal, timer: due });
    }

    /// Whether `step` wants a signal with this payload. One that its expression cannot read is not for it.
    pub(super) fn signal_matches(&mut self, step: StepIndex, payload: &Payload) -> bool {
        let plan = self.plan;
        match &plan.step(step).work {
            Work::WaitFor(SignalWait { matches: Some(condition), .. }) => {
                let verdict = self.ask_about(condition, step, payload);
                verdict.is_some_and(|verdict| verdict.is_ok_and(|verdict| verdict.holds))
            }
            Work::WaitFor(SignalWait { matches: None, .. }) => true,
            Work::Handler { .. }
            | Work::Set { .. }
            | Work::Sleep { .. }
            | Work::SleepUntil { .. }
            | Work::Switch(_)
            | Work::Race(_)
            | Work::Repeat(_)
            | Work::Approve(_)
            | Work::Update(_)
            | Work::Call(_) => false,
        }
    }

    pub(super) fn take_signal(
        &mut self,
        step: StepIndex,
        signal: u32,
        attempt: Attempt,
        payload: Payload,
    ) {
        self.emit(Event::SignalTaken { step, signal });
        self.complete(step, attempt, payload, false);
    }

    /// The time of a step that waits is over.
    pub(super) fn wait_timed_out(&mut self, step: StepIndex) {
        let plan = self.plan;
        let wait = match &plan.step(step).work {
            Work::WaitFor(wait) => wait,
            Work::Update(wait) => return self.update_timed_out(step, wait),
            Work::Approve(wait) => return self.approval_timed_out(step, wait),
            Work::Call(_) => return self.call_timed_out(step),
            Work::Handler { .. }
            | Work::Set { .. }
            | Work::Sleep { .. }
            | Work::SleepUntil { .. }
            | Work::Switch(_)
            | Work::Race(_)
            | Work::Repeat(_) => return,
        };
        let ms = wait.timeout_ms.unwrap_or(0);
        let (code, message) = match event_of(&wait.signal) {
            Some(event) => ("NX4120", format!("event `{event}` did not come within {ms} ms")),
            None => ("NX4001", format!("signal `{}` did not come within {ms} ms", wait.signal)),
        };
        let failure = Failure { code: code.to_owned(), message, fatal: true, details: None };
        match wait.on_timeout {
            OnSignalTimeout::Fail => self.fail(step, failure),
            OnSignalTimeout::Continue => {
                self.emit(Event::StepFailed { step, failure, continued: true });
            }
        }
    }
}
