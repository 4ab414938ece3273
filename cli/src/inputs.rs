//! Inputs of a run: JSON, a file or standard input, and single values by name.

use std::io::Read as _;
use std::path::Path;

use nexus_engine::model::definition::{Definition, InputKind};
use nexus_gateway::api::Problem;
use serde_json::{Map, Value};

use crate::exit::Code;

/// The input that `--input` and `--set` make together; what was set by name wins.
///
/// # Errors
/// NX1407 if it cannot be read, is no JSON, or names are set in what is no map.
pub(crate) fn read(
    definition: &Definition,
    input: Option<&str>,
    set: &[(String, String)],
) -> Result<Value, Problem> {
    let whole = match input {
        None => Value::Object(Map::new()),
        Some(text) => parse(&source(text)?)?,
    };
    if set.is_empty() {
        return Ok(whole);
    }
    let Value::Object(mut map) = whole else {
        return Err(wrong(
            "--set needs an input that is a map".into(),
            "leave out --set, or give --input a map",
        ));
    };
    for (key, text) in set {
        let kind = definition.inputs.get(key).map_or(InputKind::Any, |spec| spec.kind);
        map.insert(key.clone(), typed(kind, text));
    }
    Ok(Value::Object(map))
}

/// The JSON that an argument stands for: itself, `@FILE`, or `-` for standard input.
///
/// # Errors
/// NX1407 if it cannot be read or is no JSON.
pub(crate) fn document(argument: &str) -> Result<Value, Problem> {
    parse(&source(argument)?)
}

/// The text that an argument stands for.
fn source(argument: &str) -> Result<String, Problem> {
    let unreadable = |what: &str, error: &std::io::Error| {
        wrong(format!("the input {what} cannot be read: {error}"), "give --input JSON, @FILE or -")
    };
    if argument == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| unreadable("from standard input", &error))?;
        return Ok(text);
    }
    match argument.strip_prefix('@') {
        None => Ok(argument.to_owned()),
        Some(file) => std::fs::read_to_string(Path::new(file))
            .map_err(|error| unreadable(&format!("file {file}"), &error)),
    }
}

fn parse(text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| {
        wrong(
            format!("the input is no JSON: {error}"),
            "for example: --input '{\"total\": 250}', or --input @FILE",
        )
    })
}

fn wrong(message: String, hint: &str) -> Problem {
    Problem::new("NX1407", Code::Usage as u8, message).hint(hint)
}

/// A value from the command line as its input is declared; what does not fit stays text and is refused with the others.
fn typed(kind: InputKind, text: &str) -> Value {
    let json = || serde_json::from_str::<Value>(text).ok();
    let value = match kind {
        InputKind::String => None,
        InputKind::Any => json(),
        InputKind::Integer | InputKind::Number => json().filter(Value::is_number),
        InputKind::Boolean => json().filter(Value::is_boolean),
        InputKind::List => json().filter(Value::is_array),
        InputKind::Map => json().filter(Value::is_object),
    };
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_typed_as_their_inputs_are_declared() {
        assert_eq!(typed(InputKind::String, "1"), Value::from("1"));
        assert_eq!(typed(InputKind::Integer, "1"), Value::from(1));
        assert_eq!(typed(InputKind::Integer, "one"), Value::from("one"));
        assert_eq!(typed(InputKind::Boolean, "true"), Value::from(true));
        assert_eq!(typed(InputKind::List, "[1]"), serde_json::json!([1]));
        assert_eq!(typed(InputKind::Any, "plain"), Value::from("plain"));
    }
}
