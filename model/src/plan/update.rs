//! What a step takes as an update, compiled.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compile::Problems;
use super::names::{Names, Place};
use super::step::Shape;
use super::{Plan, Work};
use crate::definition::{InputSpec, OnSignalTimeout, Update};
use crate::expression::{Condition, Template};
use crate::id::StepIndex;
use crate::input;

/// Longest name of an update.
const NAME_CHARS_MAX: usize = 128;

/// What a step takes as an update, compiled.
#[derive(Debug)]
pub(crate) struct UpdateWait {
    pub(crate) name: String,
    pub(crate) form: BTreeMap<String, InputSpec>,
    pub(crate) accepts: Option<Condition>,
    pub(crate) message: Option<Template>,
    pub(crate) reply: Option<Template>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) on_timeout: OnSignalTimeout,
}

pub(super) fn compile(
    shape: &Shape<'_>,
    update: &Update,
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<Work> {
    check(&shape.step.id, update, problems);
    let mut template = |field: &'static str, value: &Value, problems: &mut Problems| {
        if value.is_null() {
            return Some(None);
        }
        let place = Place::update(&shape.step.id, shape.index, field);
        let template = problems.take(place.path(), Template::compile(value))?;
        needs.extend(names.check(&template.references(), &place, problems));
        Some(Some(template))
    };
    let message = template("message", &update.message, problems);
    let reply = template("reply", &update.reply, problems);
    let accepts = match &update.accepts {
        None => Some(None),
        Some(source) => {
            let place = Place::update(&shape.step.id, shape.index, "accepts");
            let compiled = Condition::compile(source).map_err(|error| vec![error]);
            problems.take(place.path(), compiled).map(|condition| {
                needs.extend(names.check(&condition.references(), &place, problems));
                Some(condition)
            })
        }
    };
    Some(Work::Update(Box::new(UpdateWait {
        name: update.name.clone(),
        form: update.form.clone(),
        accepts: accepts?,
        message: message?,
        reply: reply?,
        timeout_ms: update.timeout_ms,
        on_timeout: update.on_timeout,
    })))
}

impl Plan {
    /// What an update to `step` carries, complete with the defaults of its form if it fits that.
    pub fn update_data(&self, step: StepIndex, given: Value) -> Value {
        match self.known_step(step).map(|step| &step.work) {
            Some(Work::Update(wait)) if !wait.form.is_empty() => {
                input::check_form(&wait.form, given.clone()).unwrap_or(given)
            }
            Some(_) | None => given,
        }
    }
}

fn check(id: &str, update: &Update, problems: &mut Problems) {
    let path = |key: &'static str| ["steps", id, "wait_for", key];
    let chars = update.name.chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&chars) || update.name.chars().any(char::is_control) {
        let message = "an update needs a name of 1 to 128 characters without control characters";
        problems.error("NX1112", &path("update"), message).hint =
            Some("write one such as `change-address`".to_owned());
    }
    if update.timeout_ms == Some(0) {
        let message = "`timeout` is 0, so the step could never complete";
        problems.error("NX1201", &path("timeout"), message);
    }
    if !update.message.is_null() && update.accepts.is_none() && update.form.is_empty() {
        let message = "`message` is for updates that are refused, and this step refuses none";
        problems.error("NX1113", &path("message"), message).hint =
            Some("say with `accepts` or `form` what it takes".to_owned());
    }
    for (name, spec) in &update.form {
        for error in input::check_field(name, spec) {
            let path = ["steps", id, "wait_for", "form", name];
            problems.error(error.code, &path, error.message).hint = error.hint;
        }
    }
}
