//! Inputs: checks what a caller gives against what the definition declares.

use serde_json::{Map, Value};

use crate::definition::{Definition, InputKind, InputSpec};
use crate::suggest::nearest;

/// How much of a value a message shows.
const SHOWN_CHARS: usize = 60;

/// An input that does not fit its declaration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InputError {
    /// Error code, `NXnnnn`.
    pub code: &'static str,
    /// The input's name; empty if it is about the whole.
    pub name: String,
    /// What is wrong, one line.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Checks `given` against the declared inputs and fills in defaults.
///
/// Shape: a map with every declared input; `null` where one is not required and not given. A definition that takes a value
/// takes any.
///
/// # Errors
/// Everything that is wrong.
pub fn check(definition: &Definition, given: Value) -> Result<Value, Vec<InputError>> {
    if definition.input_is_value {
        return Ok(given);
    }
    let mut given = match given {
        Value::Object(map) => map,
        Value::Null => Map::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            let message = format!("the input is {}, not a map of inputs by name", shown(&other));
            return Err(vec![error("NX1204", "", message)]);
        }
    };
    let mut errors = Vec::new();
    let mut complete = Map::new();
    for (name, spec) in &definition.inputs {
        match given.remove(name) {
            Some(value) => {
                if !(value.is_null() && spec.required == Some(false)) {
                    errors.extend(check_value(name, spec, &value));
                }
                complete.insert(name.clone(), value);
            }
            None => match (&spec.default, spec.required) {
                (Some(default), _) => {
                    complete.insert(name.clone(), default.clone());
                }
                (None, Some(false)) => {
                    complete.insert(name.clone(), Value::Null);
                }
                (None, _) => errors.push(missing(name, spec)),
            },
        }
    }
    errors.extend(given.keys().map(|name| unknown(definition, name)));
    if errors.is_empty() { Ok(Value::Object(complete)) } else { Err(errors) }
}

/// Checks a declaration: its pattern, its limits, its default.
pub(crate) fn check_spec(name: &str, spec: &InputSpec) -> Vec<InputError> {
    let mut errors = Vec::new();
    if let Some(pattern) = &spec.pattern
        && let Err(wrong) = compile(pattern)
    {
        let message = format!("the pattern of input `{name}` is not a regular expression: {wrong}");
        return vec![error("NX1208", name, message)];
    }
    if let (Some(min), Some(max)) = (spec.min, spec.max)
        && min > max
    {
        let message = format!("`min` of input `{name}` is {min}, more than its `max` {max}");
        errors.push(error("NX1207", name, message));
    }
    for option in &spec.options {
        if !fits(spec.kind, option) {
            errors.push(wrong_type(&format!("{name}` in `enum"), spec.kind, option));
        }
    }
    if let Some(default) = &spec.default
        && !(default.is_null() && spec.required == Some(false))
    {
        errors.extend(check_value(name, spec, default).into_iter().map(|mut wrong| {
            wrong.message = format!("default: {}", wrong.message);
            wrong
        }));
    }
    errors
}

fn check_value(name: &str, spec: &InputSpec, value: &Value) -> Option<InputError> {
    if !fits(spec.kind, value) {
        return Some(wrong_type(name, spec.kind, value));
    }
    if !spec.options.is_empty() && !spec.options.iter().any(|option| same(option, value)) {
        let options: Vec<String> = spec.options.iter().map(shown).collect();
        let message =
            format!("input `{name}` is {}, not one of {}", shown(value), options.join(", "));
        let mut wrong = error("NX1204", name, message);
        let known = spec.options.iter().filter_map(Value::as_str);
        wrong.hint = value
            .as_str()
            .and_then(|value| nearest(value, known))
            .map(|option| format!("did you mean `{option}`?"));
        return Some(wrong);
    }
    check_pattern(name, spec, value).or_else(|| check_limits(name, spec, value))
}

/// Matching costs the size of the compiled pattern times the length of the text, so the size is limited.
fn compile(pattern: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    regex_lite::RegexBuilder::new(pattern).size_limit(64 * 1024).build()
}

fn check_pattern(name: &str, spec: &InputSpec, value: &Value) -> Option<InputError> {
    let (pattern, text) = (spec.pattern.as_ref()?, value.as_str()?);
    // A pattern that is none was refused when the definition was compiled.
    let matches = compile(pattern).is_ok_and(|pattern| pattern.is_match(text));
    let message = || format!("input `{name}` is {}, which does not match {pattern}", shown(value));
    (!matches).then(|| error("NX1204", name, message()))
}

fn check_limits(name: &str, spec: &InputSpec, value: &Value) -> Option<InputError> {
    let number = value.as_f64()?;
    if let Some(min) = spec.min.filter(|min| number < *min) {
        return Some(error("NX1204", name, format!("input `{name}` is {value}, less than {min}")));
    }
    let max = spec.max.filter(|max| number > *max)?;
    Some(error("NX1204", name, format!("input `{name}` is {value}, more than {max}")))
}

fn fits(kind: InputKind, value: &Value) -> bool {
    match kind {
        InputKind::Any => true,
        InputKind::String => value.is_string(),
        InputKind::Integer => value.is_i64() || value.is_u64(),
        InputKind::Number => value.is_number(),
        InputKind::Boolean => value.is_boolean(),
        InputKind::List => value.is_array(),
        InputKind::Map => value.is_object(),
    }
}

/// Equal, where 1 and 1.0 are the same number.
fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left_number), Some(right_number)) => {
            left == right
                || (left.is_f64() || right.is_f64()) && left_number.total_cmp(&right_number).is_eq()
        }
        _ => left == right,
    }
}

fn word(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Any => "any value",
        InputKind::String => "a text",
        InputKind::Integer => "an integer of 64 bits",
        InputKind::Number => "a number",
        InputKind::Boolean => "true or false",
        InputKind::List => "a list",
        InputKind::Map => "a map",
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text,
    }
}

fn error(code: &'static str, name: &str, message: String) -> InputError {
    InputError { code, name: name.to_owned(), message, hint: None }
}

fn wrong_type(name: &str, kind: InputKind, value: &Value) -> InputError {
    error("NX1204", name, format!("input `{name}` is {}, not {}", shown(value), word(kind)))
}

fn missing(name: &str, spec: &InputSpec) -> InputError {
    let mut missing = error("NX1205", name, format!("input `{name}` is missing"));
    missing.hint = Some(match &spec.description {
        Some(description) => format!("give {}: {description}", word(spec.kind)),
        None => format!("give {}", word(spec.kind)),
    });
    missing
}

fn unknown(definition: &Definition, name: &str) -> InputError {
    let mut unknown = error("NX1005", name, format!("the workflow has no input `{name}`"));
    let names = || definition.inputs.keys().map(String::as_str);
    unknown.hint = Some(match nearest(name, names()) {
        Some(similar) => format!("did you mean `{similar}`?"),
        None if definition.inputs.is_empty() => "it takes no inputs".to_owned(),
        None => format!("its inputs: {}", names().collect::<Vec<_>>().join(", ")),
    });
    unknown
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::check;
    use crate::definition::Definition;

    /// `declared` are inputs as a definition has them.
    fn checked(declared: &Value, given: Value) -> String {
        let document = json!({"name": "test", "inputs": declared, "steps": []}).to_string();
        let definition = Definition::from_json(document.as_bytes()).expect("a definition");
        match check(&definition, given) {
            Ok(complete) => complete.to_string(),
            Err(errors) => errors
                .iter()
                .map(|error| {
                    let hint =
                        error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
                    format!("{} {}{hint}", error.code, error.message)
                })
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    #[test]
    fn defaults_are_filled_in() {
        let declared =
            json!({"a": {"type": "string"}, "b": {"default": 5}, "c": {"required": false}});
        assert_eq!(checked(&declared, json!({"a": "x"})), r#"{"a":"x","b":5,"c":null}"#);
        assert_eq!(
            checked(&declared, json!({"a": "x", "b": 6, "c": 7})),
            r#"{"a":"x","b":6,"c":7}"#
        );
        assert_eq!(checked(&declared, json!({"a": "x", "c": null})), r#"{"a":"x","b":5,"c":null}"#);
        assert_eq!(checked(&json!({}), Value::Null), "{}");
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        let declared = json!({"email": {"type": "string", "description": "Where to"}, "total": {"type": "integer"}, "ids": {"type": "list"}});
        assert_eq!(
            checked(&declared, json!({"emial": "x", "total": 1.5, "xyz": 1})),
            "NX1205 input `email` is missing; give a text: Where to\n\
             NX1205 input `ids` is missing; give a list\n\
             NX1204 input `total` is 1.5, not an integer of 64 bits\n\
             NX1005 the workflow has no input `emial`; did you mean `email`?\n\
             NX1005 the workflow has no input `xyz`; its inputs: email, ids, total"
        );
        assert_eq!(
            checked(&declared, json!([1])),
            "NX1204 the input is [1], not a map of inputs by name"
        );
        assert_eq!(
            checked(&json!({}), json!({"x": 1})),
            "NX1005 the workflow has no input `x`; it takes no inputs"
        );
    }

    #[test]
    fn types_are_checked() {
        let values = [
            json!(null),
            json!(true),
            json!(1),
            json!(u64::MAX),
            json!(1.0),
            json!("x"),
            json!([]),
            json!({}),
        ];
        for (kind, fitting) in [
            ("any", "null true 1 18446744073709551615 1.0 \"x\" [] {}"),
            ("string", "\"x\""),
            ("integer", "1 18446744073709551615"),
            ("number", "1 18446744073709551615 1.0"),
            ("boolean", "true"),
            ("list", "[]"),
            ("map", "{}"),
        ] {
            let declared = json!({"x": {"type": kind}});
            let fits: Vec<String> = values
                .iter()
                .filter(|value| !checked(&declared, json!({"x": value})).starts_with("NX"))
                .map(Value::to_string)
                .collect();
            assert_eq!(fits.join(" "), fitting, "{kind}");
        }
    }

    #[test]
    fn limits_are_checked() {
        for (spec, value, expected) in [
            (json!({"pattern": "^A-[0-9]+$"}), json!("A-12"), r#"{"x":"A-12"}"#),
            (
                json!({"pattern": "^A-[0-9]+$"}),
                json!("B"),
                "NX1204 input `x` is \"B\", which does not match ^A-[0-9]+$",
            ),
            (json!({"enum": ["eu", "us"]}), json!("us"), r#"{"x":"us"}"#),
            (
                json!({"enum": ["eu", "us"]}),
                json!("ue"),
                "NX1204 input `x` is \"ue\", not one of \"eu\", \"us\"; did you mean `eu`?",
            ),
            (json!({"enum": [1, 2]}), json!(1.0), r#"{"x":1.0}"#),
            (json!({"enum": [1, 2]}), json!(3), "NX1204 input `x` is 3, not one of 1, 2"),
            (json!({"min": 1.0, "max": 2.5}), json!(2.5), r#"{"x":2.5}"#),
            (json!({"min": 1.0, "max": 2.5}), json!(0), "NX1204 input `x` is 0, less than 1"),
            (json!({"min": 1.0, "max": 2.5}), json!(3), "NX1204 input `x` is 3, more than 2.5"),
        ] {
            assert_eq!(checked(&json!({"x": spec}), json!({"x": value})), expected);
        }
    }

    #[test]
    fn a_value_passes_as_it_is() {
        let definition = Definition { input_is_value: true, ..Definition::default() };
        assert_eq!(check(&definition, json!([1])), Ok(json!([1])));
    }
}
