//! Filling in: from the recorded input of a handler to the one it gets.

use std::collections::BTreeMap;

use nexus_model::expression::SecretPlace;
use serde_json::Value;

use super::{Redactor, SECRET_BYTES_MIN, Secrets};
use crate::handler::{Data, StepError, StepResult};

/// The input with the values of secrets in it, and what takes them out of what comes back. Blocks.
///
/// # Errors
/// NX4192 if there is no such secret, NX4191 if it cannot be read or used; both fatal.
pub(crate) fn fill_in(
    input: &Data,
    places: &[SecretPlace],
    secrets: &dyn Secrets,
) -> StepResult<(Data, Redactor)> {
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    for name in places.iter().flat_map(|place| &place.names) {
        if !values.contains_key(name.as_str()) {
            values.insert(name, value(name, secrets)?);
        }
    }
    let mut whole: Value = input.parse()?;
    for place in places {
        let Some(Value::String(text)) = find(&mut whole, &place.path) else { continue };
        *text = filled(text, &place.names, &values);
    }
    let redactor = Redactor::new(values.values().map(String::as_str));
    Ok((Data::json(&whole)?, redactor))
}

fn value(name: &str, secrets: &dyn Secrets) -> StepResult<String> {
    let unusable = |why: String| {
        StepError::fatal(format!("the secret `{name}` cannot be used: {why}")).code("NX4191")
    };
    match secrets.value(name) {
        Ok(Some(value)) if value.len() < SECRET_BYTES_MIN => {
            Err(unusable(format!("it has fewer than {SECRET_BYTES_MIN} bytes")))
        }
        Ok(Some(value)) => Ok(value),
        Ok(None) => {
            let places = secrets.places(name);
            let message = format!("there is no secret `{name}`; looked at {places}");
            Err(StepError::fatal(message).code("NX4192"))
        }
        Err(error) => Err(unusable(error.to_string())),
    }
}

fn find<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Object(map) => map.get_mut(key),
        Value::Array(list) => list.get_mut(key.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// Replaces what stands for secrets, from left to right, so that a value is not looked at again.
fn filled(text: &str, names: &[String], values: &BTreeMap<&str, String>) -> String {
    let stand_ins: Vec<(String, &str)> = names
        .iter()
        .filter_map(|name| Some((SecretPlace::stand_in(name), values.get(name.as_str())?.as_str())))
        .collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let next = stand_ins
            .iter()
            .filter_map(|(stand_in, value)| Some((rest.find(stand_in.as_str())?, stand_in, value)))
            .min_by_key(|(at, ..)| *at);
        let Some((at, stand_in, value)) = next else { break };
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push_str(value);
        rest = rest.get(at + stand_in.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}
