//! Expressions, as the oracle evaluates them: by the library alone.

use minijinja::{Environment, Value as Found};
use serde_json::Value;

/// The value of an expression.
pub(super) fn expression(source: &str, scope: &Value) -> Value {
    let mut environment = Environment::new();
    environment.add_function("get", get);
    let compiled = environment.compile_expression(source).expect("an expression");
    let value = compiled.eval(found(scope)).expect("a value");
    serde_json::to_value(value).expect("JSON")
}

/// A template with its expressions evaluated; each is a whole text.
pub(super) fn template(template: &Value, scope: &Value) -> Value {
    match template {
        Value::String(text) => {
            match text.strip_prefix("${{").and_then(|it| it.strip_suffix("}}")) {
                Some(source) => expression(source.trim(), scope),
                None => template.clone(),
            }
        }
        Value::Array(items) => items.iter().map(|item| self::template(item, scope)).collect(),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(key, value)| (key.clone(), self::template(value, scope))).collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => template.clone(),
    }
}

/// Whether a condition holds.
pub(super) fn holds(source: &str, scope: &Value) -> bool {
    expression(source, scope) == Value::Bool(true)
}

fn found(scope: &Value) -> Found {
    serde_json::from_value(scope.clone()).expect("a value")
}

fn get(value: &Found, name: &str, fallback: Found) -> Found {
    match value.get_attr(name) {
        Ok(found) if !found.is_none() && !found.is_undefined() => found,
        Ok(_) | Err(_) => fallback,
    }
}
