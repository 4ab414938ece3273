//! Steps that wait for the decision of a person, and what happens when nobody decides in time.

use serde_json::{Value, json};

use super::Draft;
use crate::definition::{OnApprovalTimeout, OnError};
use crate::event::{Event, Failure};
use crate::expression::rfc3339;
use crate::id::StepIndex;
use crate::plan::{ApprovalWait, Work};

impl Draft<'_> {
    /// Asks for the decision.
    pub(super) fn request_approval(&mut self, step: StepIndex, wait: &ApprovalWait) {
        let asked = match self.render(&wait.asks, step) {
            None => return,
            Some(Err(failure)) => return self.fail(step, failure),
            Some(Ok(asked)) => asked,
        };
        let by = match people(asked.get("by").unwrap_or(&Value::Null)) {
            Ok(by) => by,
            Err(wrong) => return self.fail(step, nobody(&wrong)),
        };
        let message = match asked.get("message") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let timer = wait.timeout_ms.map(|ms| (self.run.next_timer, self.now().plus_ms(ms)));
        self.emit(Event::ApprovalRequested { step, by, message, timer });
    }

    /// The time of a step that waits for a person is over.
    pub(super) fn approval_timed_out(&mut self, step: StepIndex, wait: &ApprovalWait) {
        let ms = wait.timeout_ms.unwrap_or(0);
        let late = format!("nobody decided within {ms} ms");
        match wait.on_timeout {
            OnApprovalTimeout::Fail => self.fail(step, failure("NX4102", late)),
            OnApprovalTimeout::Continue => {
                let failure = failure("NX4102", late);
                self.emit(Event::StepFailed { step, failure, continued: true });
            }
            OnApprovalTimeout::Reject => {
                let message = format!("{late}, which counts as rejected");
                self.reject(step, &Value::Null, &json!(late), &Value::Null, message);
            }
        }
    }

    /// What an approved step completes with.
    pub(super) fn decision(&self, approved: bool, by: &Value, note: &Value, form: &Value) -> Value {
        let at = rfc3339(self.now());
        json!({"approved": approved, "by": by, "at": at, "note": note, "form": form})
    }

    /// A rejection fails the step; where the run goes on after a failure, it is a result like any other.
    pub(super) fn reject(
        &mut self,
        step: StepIndex,
        by: &Value,
        note: &Value,
        form: &Value,
        message: String,
    ) {
        if self.plan.step(step).on_error == OnError::Fail {
            return self.fail(step, failure("NX4101", message));
        }
        let output = self.store(&self.decision(false, by, note, form));
        self.complete(step, self.run.step_run(step).attempt, output, false);
    }

    pub(super) fn approval_of(&self, step: StepIndex) -> Option<&ApprovalWait> {
        match &self.plan.step(step).work {
            Work::Approve(wait) => Some(wait),
            Work::Handler { .. }
            | Work::Set { .. }
            | Work::Sleep { .. }
            | Work::SleepUntil { .. }
            | Work::Switch(_)
            | Work::Race(_)
            | Work::Repeat(_)
            | Work::WaitFor(_)
            | Work::Update(_)
            | Work::Call(_) => None,
        }
    }
}

/// The texts of `by`.
fn people(by: &Value) -> Result<Vec<String>, String> {
    let items = match by {
        Value::Array(items) => items.as_slice(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            std::slice::from_ref(by)
        }
    };
    let text = |item: &Value| match item.as_str().map(str::trim) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err(format!("`by` has {item}, which names nobody")),
    };
    let people: Vec<String> = items.iter().map(text).collect::<Result<_, _>>()?;
    if people.is_empty() { Err("`by` is empty".to_owned()) } else { Ok(people) }
}

fn nobody(wrong: &str) -> Failure {
    failure("NX4107", format!("nobody could decide: {wrong}"))
}

fn failure(code: &str, message: String) -> Failure {
    Failure { code: code.to_owned(), message, fatal: true, details: None }
}
