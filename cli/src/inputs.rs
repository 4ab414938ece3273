//! Inputs of a run: JSON, a file or standard input, and single values by name.

use std::io::Read as _;
use std::path::Path;

use nexus_engine::model::definition::{Definition, InputKind};
use nexus_engine::model::input;
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
        Some(text) => document(text, "--input")?,
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
        map.insert(key.clone(), input::read(kind, text));
    }
    Ok(Value::Object(map))
}

/// The JSON that the argument `name` stands for: itself, `@FILE`, or `-` for standard input.
///
/// # Errors
/// NX1407 if it cannot be read or is no JSON.
pub(crate) fn document(argument: &str, name: &str) -> Result<Value, Problem> {
    serde_json::from_str(&source(argument, name)?).map_err(|error| {
        let hint = format!("for example: {name} '{{\"total\": 250}}', or {name} @FILE");
        wrong(format!("{name} is no JSON: {error}"), &hint)
    })
}

/// The text that an argument stands for.
fn source(argument: &str, name: &str) -> Result<String, Problem> {
    let unreadable = |what: &str, error: &std::io::Error| {
        let hint = format!("give JSON, @FILE or - for {name}");
        wrong(format!("{what}, for {name}, cannot be read: {error}"), &hint)
    };
    if argument == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| unreadable("standard input", &error))?;
        return Ok(text);
    }
    match argument.strip_prefix('@') {
        None => Ok(argument.to_owned()),
        Some(file) => std::fs::read_to_string(Path::new(file))
            .map_err(|error| unreadable(&format!("the file {file}"), &error)),
    }
}

fn wrong(message: String, hint: &str) -> Problem {
    Problem::new("NX1407", Code::Usage as u8, message).hint(hint)
}
