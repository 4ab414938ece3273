//! What a step asks of people, compiled.

use serde_json::{Value, json};

use super::compile::Problems;
use super::{ApprovalWait, Work};
use crate::definition::Approval;
use crate::expression::Template;
use crate::input;

/// The templates of an approval, as one.
pub(super) fn asks(approval: &Approval) -> Value {
    json!({"by": approval.by, "message": approval.message})
}

pub(super) fn work(approval: &Approval, asks: Template) -> Work {
    Work::Approve(ApprovalWait {
        asks,
        form: approval.form.clone(),
        timeout_ms: approval.timeout_ms,
        on_timeout: approval.on_timeout,
    })
}

pub(super) fn check(id: &str, approval: &Approval, problems: &mut Problems) {
    let path = |key: &'static str| ["steps", id, "approve", key];
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let names_somebody = match approval.by.as_array() {
        Some(people) => !people.is_empty() && people.iter().all(is_text),
        None => is_text(&approval.by),
    };
    if !names_somebody {
        let message = "an approval needs somebody who may decide";
        problems.error("NX1106", &path("by"), message).hint =
            Some("write `by: dana`, `by: [user:dana, group:ops]`".to_owned());
    }
    if approval.timeout_ms == Some(0) {
        let message = "`timeout` is 0, so nobody could ever decide";
        problems.error("NX1201", &path("timeout"), message);
    }
    for (name, spec) in &approval.form {
        for error in input::check_field(name, spec) {
            let path = ["steps", id, "approve", "form", name];
            problems.error(error.code, &path, error.message).hint = error.hint;
        }
    }
}
