//! Evaluation: what expressions say, for steps and for the run.

use serde_json::Value;

use super::Draft;
use crate::event::Failure;
use crate::expression::{
    Condition, EvalError, ItemScope, Scope, Template, Verdict, duration_ms, point_in_time,
};
use crate::id::{Attempt, StepIndex};
use crate::payload::Payload;
use crate::time::Timestamp;

/// The outcome of an evaluation; `None`: payloads are missing, and the draft has noted which.
pub(super) type Evaluated<T> = Option<Result<T, Failure>>;

impl Draft<'_> {
    /// Renders a template of `step`, for its next attempt.
    pub(super) fn render(&mut self, template: &Template, step: StepIndex) -> Evaluated<Value> {
        let result = template.render(&self.scope(Some(step), None));
        self.sort_out(result)
    }

    /// Renders a template of `step` that may become as large as a frame.
    pub(super) fn render_large(
        &mut self,
        template: &Template,
        step: StepIndex,
    ) -> Evaluated<Value> {
        let result = template.render_large(&self.scope(Some(step), None));
        self.sort_out(result)
    }

    /// Renders a template of a step for one of its items, over what the handler returned if that is there.
    pub(super) fn render_for_item(
        &mut self,
        template: &Template,
        step: (StepIndex, Attempt),
        item: ItemScope<'_>,
        output: Option<&Payload>,
    ) -> Evaluated<Value> {
        let (step, item) = (Some(step), Some(item));
        let result = template.render(&Scope { step, item, ..self.scope(None, output) });
        self.sort_out(result)
    }

    /// Renders the output mapping of `step`.
    pub(super) fn render_over(
        &mut self,
        template: &Template,
        step: StepIndex,
        attempt: Attempt,
        output: &Payload,
    ) -> Evaluated<Value> {
        let scope = Scope { step: Some((step, attempt)), ..self.scope(None, Some(output)) };
        let result = template.render(&scope);
        self.sort_out(result)
    }

    /// Renders the output of the run.
    pub(super) fn render_for_run(&mut self, template: &Template) -> Evaluated<Value> {
        let result = template.render(&self.scope(None, None));
        self.sort_out(result)
    }

    /// Asks the condition of `step`.
    pub(super) fn ask(&mut self, condition: &Condition, step: StepIndex) -> Evaluated<Verdict> {
        let result = condition.holds(&self.scope(Some(step), None));
        self.sort_out(result)
    }

    /// Asks whether `step` wants a signal with this payload.
    pub(super) fn ask_about(
        &mut self,
        condition: &Condition,
        step: StepIndex,
        signal: &Payload,
    ) -> Evaluated<Verdict> {
        let scope = Scope { signal: Some(signal), ..self.scope(Some(step), None) };
        let result = condition.holds(&scope);
        self.sort_out(result)
    }

    /// Renders a template of `step` over what an update carries.
    pub(super) fn render_about(
        &mut self,
        template: &Template,
        step: StepIndex,
        update: &Payload,
    ) -> Evaluated<Value> {
        let scope = Scope { signal: Some(update), ..self.scope(Some(step), None) };
        let result = template.render(&scope);
        self.sort_out(result)
    }

    /// Renders a duration, in milliseconds; a time span that is over is none.
    pub(super) fn render_ms(&mut self, template: &Template, step: StepIndex) -> Evaluated<u64> {
        let result = template.render(&self.scope(Some(step), None));
        let result = result.and_then(|value| match value.as_f64() {
            Some(ms) if ms < 0.0 => Ok(0),
            Some(_) | None => duration_ms(&value),
        });
        self.sort_out(result)
    }

    /// Renders a template that is a point in time.
    pub(super) fn render_time(
        &mut self,
        template: &Template,
        step: StepIndex,
    ) -> Evaluated<Timestamp> {
        let result = template.render(&self.scope(Some(step), None));
        let result = result.and_then(|value| point_in_time(&value));
        self.sort_out(result)
    }

    /// The number the next attempt of `step` gets.
    pub(super) fn next_attempt(&self, step: StepIndex) -> Attempt {
        Attempt(self.run.step_run(step).attempt.0.saturating_add(1))
    }

    fn scope<'s>(&'s self, step: Option<StepIndex>, output: Option<&'s Payload>) -> Scope<'s> {
        Scope {
            plan: self.plan,
            run: self.run,
            payloads: &self.payloads,
            step: step.map(|step| (step, self.next_attempt(step))),
            this_output: output,
            signal: None,
            item: None,
            now: self.now(),
            vault: self.context.vault,
        }
    }

    fn sort_out<T>(&mut self, result: Result<T, EvalError>) -> Evaluated<T> {
        match result {
            Ok(value) => Some(Ok(value)),
            Err(EvalError::Needs(hashes)) => {
                self.needs.extend(hashes);
                None
            }
            Err(EvalError::Failed { code, message }) => {
                let code = code.to_owned();
                Some(Err(Failure { code, message, fatal: true, details: None }))
            }
        }
    }
}
