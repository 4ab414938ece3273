//! Steps that call another workflow: which run of it they call, and what becomes of it when their time is over.
//!
//! Invariants:
//! * A step calls one run at a time. Another attempt goes on with the run of the last one if that is possible and what is
//!   asked for is the same; else it calls a new one, under the next number.

use super::Draft;
use crate::definition::OnError;
use crate::event::{Event, Failure};
use crate::id::{DefinitionHash, StepIndex, TimerId};
use crate::payload::Payload;
use crate::plan::Called;
use crate::run::LastCall;

impl Draft<'_> {
    /// Calls the workflow.
    pub(super) fn call(&mut self, step: StepIndex, called: &Called) {
        let Some(definition) = called.definition else {
            return self.fail(step, not_resolved());
        };
        let input = match self.input(step, &called.input) {
            None => return,
            Some(Err(failure)) => return self.fail(step, failure),
            Some(Ok(input)) => input,
        };
        let number = self.call_number(step, definition, input.as_ref(), &called.literal);
        let timer = self.plan.timeout_ms(step);
        let timer = timer.map(|ms| (self.run.next_timer, self.now().plus_ms(ms)));
        let after = u32::from(timer.is_some());
        let deadline =
            self.deadline(step).map(|(timer, at)| (TimerId(timer.0.saturating_add(after)), at));
        let attempt = self.next_attempt(step);
        self.idle.insert(step);
        self.emit(Event::StepCalled { step, attempt, number, input, timer, deadline });
    }

    fn call_number(
        &self,
        step: StepIndex,
        definition: DefinitionHash,
        input: Option<&Payload>,
        literal: &Payload,
    ) -> u32 {
        // A literal stands in the definition, and is not sealed.
        let asked = input.map_or_else(|| literal.hash(), |input| self.hash_once_kept(input));
        match self.run.calls.get(&step) {
            None => 1,
            Some(LastCall { number, goes_on: true, definition: last, input: with, .. })
                if *last == definition && *with == asked =>
            {
                *number
            }
            Some(LastCall { number, .. }) => number.saturating_add(1),
        }
    }

    /// The time of an attempt that calls is over: the called run is to end, and then the attempt has failed.
    pub(super) fn call_timed_out(&mut self, step: StepIndex) {
        self.emit(Event::StopRequested { steps: vec![step] });
    }

    /// Ends an attempt whose called run did not complete.
    pub(super) fn settle_call(&mut self, step: StepIndex, failure: Failure) {
        let attempt = self.run.step_run(step).attempt;
        if self.may_retry(step, attempt, &failure) {
            self.schedule_retry(step, attempt);
        } else {
            let continued = self.plan.step(step).on_error == OnError::Continue;
            self.emit(Event::StepFailed { step, failure, continued });
        }
    }
}

fn not_resolved() -> Failure {
    Failure {
        code: "NX3043".to_owned(),
        message:
            "the called workflow is not known; this run was started without resolving its calls"
                .to_owned(),
        fatal: true,
        details: None,
    }
}
