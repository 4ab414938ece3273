//! Whether what a call hands over is what the called workflow takes.

use serde_json::Value;

use super::Plan;
use crate::definition::{Definition, InputSpec, Step, StepKind};
use crate::suggest::nearest;

/// What is wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallMisfit {
    /// The code of the error.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Whether some step calls a workflow by its name alone, so that what is published says what that means.
pub(super) fn calls_by_name(definition: &Definition) -> bool {
    let open = |step: &Step| matches!(step.kind, StepKind::Call { definition: None, .. });
    definition.steps.iter().any(open)
}

impl Plan {
    /// Whether it calls workflows that have to be resolved before it is started.
    pub fn calls_by_name(&self) -> bool {
        self.calls_by_name
    }

    /// Checks that a call that hands over `with` declares inputs of this workflow only, and gives those that it needs.
    /// `encrypted`: whether the workflow that calls is encrypted.
    ///
    /// # Errors
    /// NX1136 if this workflow is encrypted and the one that calls is not, NX1184 if the inputs do not fit.
    pub fn check_call(&self, with: &Value, encrypted: bool) -> Result<(), CallMisfit> {
        let Definition { name, inputs, input_is_value, encrypt, .. } = self.definition();
        let misfit = |code, message, hint: &str| {
            let hint = hint.to_owned();
            Err(CallMisfit { code, message, hint })
        };
        if *encrypt && !encrypted {
            let message =
                format!("workflow `{name}` is encrypted, and the one that calls it is not");
            let hint = "what it is handed and returns stands with the calling run: write `encrypt: true` there, too";
            return misfit("NX1136", message, hint);
        }
        let given = match with {
            Value::Object(given) if !input_is_value => given.keys().map(String::as_str).collect(),
            Value::Null if !input_is_value => Vec::new(),
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => return Ok(()),
        };
        if let Some(unknown) = given.iter().find(|key| !inputs.contains_key(**key)) {
            let known: Vec<&str> = inputs.keys().map(String::as_str).collect();
            let hint = match nearest(unknown, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "it declares no inputs".to_owned(),
                None => format!("its inputs: {}", known.join(", ")),
            };
            return misfit("NX1184", format!("workflow `{name}` has no input `{unknown}`"), &hint);
        }
        let needed = |spec: &InputSpec| spec.default.is_none() && spec.required != Some(false);
        match inputs.iter().find(|(key, spec)| needed(spec) && !given.contains(&key.as_str())) {
            Some((missing, _)) => {
                let message = format!("workflow `{name}` needs the input `{missing}`");
                misfit("NX1184", message, &format!("add `{missing}: …` under `with`"))
            }
            None => Ok(()),
        }
    }
}
