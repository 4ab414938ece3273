//! What functions say, as it is sent.

use nexus_engine::LoadError;
use nexus_engine::model::code::{CallMade, CallsMade, FunctionReturned, LeftSignal};
use serde_json::{Value, json};

use super::{DETAIL_CHARS_MAX, STEPS_MAX, Showing, failure_data, failure_line, shorten};

impl Showing<'_> {
    pub(super) fn calls_made(&self, made: &CallsMade) -> Result<Value, LoadError> {
        let calls: Vec<Value> =
            made.calls.iter().map(|call| self.call_made(call)).collect::<Result<_, _>>()?;
        Ok(json!({"round": made.round, "turn": made.turn, "calls": calls, "patches": made.patches}))
    }

    fn call_made(&self, call: &CallMade) -> Result<Value, LoadError> {
        let does: Value = serde_json::from_str(&call.does).unwrap_or_default();
        Ok(json!({
            "step": call.id(), "number": call.step.0, "does": does,
            "input": self.payload(&call.input)?,
            "output": call.output.as_ref().map(|output| self.payload(output)).transpose()?,
        }))
    }

    pub(super) fn function_returned(
        &self,
        returned: &FunctionReturned,
    ) -> Result<Value, LoadError> {
        Ok(match &returned.failure {
            Some(failure) => json!({
                "round": returned.round, "turn": returned.turn, "failure": failure_data(failure),
                "step": returned.step.map(|step| self.id(step)), "patches": returned.patches,
            }),
            None => json!({
                "round": returned.round, "turn": returned.turn, "again": returned.again,
                "output": self.payload(&returned.output)?, "patches": returned.patches,
                "left": returned.left.iter().map(|left| self.left(left)).collect::<Result<Vec<_>, _>>()?,
            }),
        })
    }
}

impl Showing<'_> {
    fn left(&self, left: &LeftSignal) -> Result<Value, LoadError> {
        let payload = self.payload(&left.payload)?;
        Ok(json!({"number": left.number, "name": left.name, "payload": payload}))
    }
}

pub(super) fn calls_line(made: &CallsMade) -> String {
    let names: Vec<String> = made.calls.iter().take(STEPS_MAX).map(CallMade::id).collect();
    let more = made.calls.len().saturating_sub(STEPS_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let patches = made.patches.iter().map(|name| format!("with patch {name}"));
    let parts = std::iter::once(format!("{}{more}", names.join(", "))).chain(patches);
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    shorten(&parts.join(", "), DETAIL_CHARS_MAX)
}

pub(super) fn end_line(returned: &FunctionReturned) -> String {
    match &returned.failure {
        Some(failure) => failure_line(failure),
        None if returned.again => format!("round {} begins", u64::from(returned.round) + 2),
        None => "it returned".to_owned(),
    }
}
