//! Paths into the state of a run: `steps.charge.output.amount`.

use nexus_gateway::api::Problem;
use serde_json::Value;

use crate::exit::Code;

/// What stands at `path`: keys of maps, positions of lists, ids of steps; the whole for an empty path.
///
/// # Errors
/// NX7019 that names the part which is not there.
pub(super) fn find(value: &Value, path: &str) -> Result<Value, Problem> {
    let mut here = value;
    let mut seen = String::from("the state");
    for part in path.split('.').filter(|part| !part.is_empty()) {
        here = step_into(here, part).ok_or_else(|| missing(here, part, &seen))?;
        part.clone_into(&mut seen);
    }
    Ok(here.clone())
}

fn step_into<'v>(value: &'v Value, part: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(part),
        Value::Array(items) => items
            .iter()
            .find(|item| item["id"] == part)
            .or_else(|| items.get(part.parse::<usize>().ok()?)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn missing(value: &Value, part: &str, seen: &str) -> Problem {
    let names: Vec<&str> = match value {
        Value::Object(map) => map.keys().map(String::as_str).collect(),
        Value::Array(items) => items.iter().filter_map(|item| item["id"].as_str()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let problem =
        Problem::new("NX7019", Code::Usage as u8, format!("there is no `{part}` in {seen}"));
    if names.is_empty() { problem } else { problem.hint(format!("there is {}", names.join(", "))) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_through_maps_lists_and_steps() {
        let state = json!({ "steps": [{ "id": "a", "output": [1, 2] }] });
        assert_eq!(find(&state, ""), Ok(state.clone()));
        assert_eq!(find(&state, "steps.a.output.1"), Ok(json!(2)));
        assert_eq!(find(&state, "steps.0.id"), Ok(json!("a")));
        let error = find(&state, "steps.b").unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.hint.as_deref()),
            ("there is no `b` in steps", Some("there is a"))
        );
    }
}
