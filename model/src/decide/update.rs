//! Updates: a step waits for one, checks it, takes it and answers it. One that does not fit changes nothing.

use serde_json::Value;

use super::Draft;
use crate::command::UpdateRequest;
use crate::definition::OnSignalTimeout;
use crate::event::{Awaited, Event, Failure, UpdateAccepted, UpdateAwaited};
use crate::id::StepIndex;
use crate::input;
use crate::payload::Payload;
use crate::plan::{UpdateWait, Work};
use crate::rejection::Rejection;
use crate::run::StepState;

/// What an accepted update carries, and what is answered.
struct Accepted {
    data: Payload,
    reply: Payload,
}

impl Draft<'_> {
    /// Begins to wait.
    pub(super) fn await_update(&mut self, step: StepIndex, wait: &UpdateWait) {
        let timer = wait.timeout_ms.map(|ms| (self.run.next_timer, self.now().plus_ms(ms)));
        let name = wait.name.clone();
        self.emit(Event::UpdateAwaited(Box::new(UpdateAwaited { step, name, timer })));
    }

    /// The time of a step that waits for an update is over.
    pub(super) fn update_timed_out(&mut self, step: StepIndex, wait: &UpdateWait) {
        let ms = wait.timeout_ms.unwrap_or(0);
        let message = format!("update `{}` did not come within {ms} ms", wait.name);
        let failure = Failure { code: "NX4132".to_owned(), message, fatal: true, details: None };
        match wait.on_timeout {
            OnSignalTimeout::Fail => self.fail(step, failure),
            OnSignalTimeout::Continue => {
                self.emit(Event::StepFailed { step, failure, continued: true });
            }
        }
    }

    /// The first step that waits for the update and accepts it takes it. Like a decision of a person it is taken in a pause, too.
    pub(super) fn take_update(&mut self, request: UpdateRequest) -> Result<(), Rejection> {
        let UpdateRequest { name, id, data, by } = request;
        let waiting: Vec<StepIndex> =
            self.run.awaiting().filter(|step| self.awaits_update(*step, &name)).collect();
        let mut refused = None;
        for step in waiting {
            match self.examine_update(step, &data) {
                // Bytes that are missing are loaded, and the question comes again.
                None => return Ok(()),
                Some(Err(rejection)) => refused = refused.or(Some(rejection)),
                Some(Ok(Accepted { data, reply })) => {
                    let attempt = self.run.step_run(step).attempt;
                    let output = data.clone();
                    let accepted = UpdateAccepted { step, name, id, data, reply, by };
                    self.emit(Event::UpdateAccepted(Box::new(accepted)));
                    self.complete(step, attempt, output, false);
                    return Ok(());
                }
            }
        }
        Err(refused.unwrap_or_else(|| Rejection::UpdateNotAwaited {
            name,
            waits_for: self.awaited_in_words(),
        }))
    }

    /// Whether `step` waits for this update.
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other step takes an update")]
    fn awaits_update(&self, step: StepIndex, wanted: &str) -> bool {
        match self.run.step(step) {
            StepState::Awaiting { what: Awaited::Update { name }, .. } => name == wanted,
            _ => false,
        }
    }

    /// Whether `step` accepts what the update carries, and its answer. `None`: payloads are missing.
    fn examine_update(
        &mut self,
        step: StepIndex,
        given: &Payload,
    ) -> Option<Result<Accepted, Rejection>> {
        let plan = self.plan;
        let Work::Update(wait) = &plan.step(step).work else {
            let (name, waits_for) = (plan.id(step).to_owned(), Vec::new());
            return Some(Err(Rejection::UpdateNotAwaited { name, waits_for }));
        };
        let data = match self.shaped(step, wait, given)? {
            Ok(data) => data,
            Err(rejection) => return Some(Err(rejection)),
        };
        if let Some(condition) = &wait.accepts {
            match self.ask_about(condition, step, &data)? {
                Ok(verdict) if verdict.holds => {}
                Ok(verdict) => {
                    let message = self.said_to(step, wait, &data, verdict.saw)?;
                    let (step, name) = (plan.id(step).to_owned(), wait.name.clone());
                    return Some(Err(Rejection::UpdateRefused { step, name, message }));
                }
                Err(failure) => return Some(Err(self.cannot_answer(step, wait, failure))),
            }
        }
        let reply = match &wait.reply {
            None => Payload::Null,
            Some(template) => match self.render_about(template, step, &data)? {
                Ok(value) => self.store(&value),
                Err(failure) => return Some(Err(self.cannot_answer(step, wait, failure))),
            },
        };
        Some(Ok(Accepted { data, reply }))
    }

    /// What the update carries, complete with defaults.
    fn shaped(
        &mut self,
        step: StepIndex,
        wait: &UpdateWait,
        given: &Payload,
    ) -> Option<Result<Payload, Rejection>> {
        if wait.form.is_empty() {
            return Some(Ok(given.clone()));
        }
        let value = self.json_of(given)?;
        Some(match input::check_form(&wait.form, value) {
            Ok(filled) => Ok(self.store(&filled)),
            Err(errors) => {
                // What the workflow says is about values that fit.
                let message = errors.first().map(ToString::to_string).unwrap_or_default();
                let (step, name) = (self.plan.id(step).to_owned(), wait.name.clone());
                Err(Rejection::UpdateMisfit { step, name, message, errors })
            }
        })
    }

    /// What the workflow says to the sender of a refused update, or `otherwise` if it cannot say that.
    fn said_to(
        &mut self,
        step: StepIndex,
        wait: &UpdateWait,
        data: &Payload,
        otherwise: String,
    ) -> Option<String> {
        let Some(template) = &wait.message else { return Some(otherwise) };
        Some(match self.render_about(template, step, data)? {
            Ok(Value::String(text)) => text,
            Ok(Value::Null) | Err(_) => otherwise,
            Ok(
                other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)),
            ) => other.to_string(),
        })
    }

    fn cannot_answer(&self, step: StepIndex, wait: &UpdateWait, failure: Failure) -> Rejection {
        let Failure { code, message, .. } = failure;
        let (step, name) = (self.plan.id(step).to_owned(), wait.name.clone());
        Rejection::UpdateFailed { step, name, code, message }
    }

    /// What the steps wait for that wait for something from outside.
    fn awaited_in_words(&self) -> Vec<String> {
        let words = self.run.awaiting().filter_map(|step| {
            let StepState::Awaiting { what, .. } = self.run.step(step) else { return None };
            Some(match what {
                Awaited::Signal { name } => format!("signal `{name}`"),
                Awaited::Event { name, .. } => format!("event `{name}`"),
                Awaited::Update { name } => format!("update `{name}`"),
                Awaited::Approval { .. } => format!("an approval of `{}`", self.plan.id(step)),
            })
        });
        words.collect()
    }
}
