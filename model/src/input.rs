//! Inputs: checks what a caller gives against what the definition declares.

use std::collections::BTreeMap;

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
    check_all(INPUT, &definition.inputs, given)
}

/// Checks what was filled into a form, as [`check`] does with inputs.
///
/// # Errors
/// Everything that is wrong.
pub(crate) fn check_form(
    form: &BTreeMap<String, InputSpec>,
    given: Value,
) -> Result<Value, Vec<InputError>> {
    check_all(FIELD, form, given)
}

/// What a declared value is called.
#[derive(Clone, Copy)]
struct Words {
    one: &'static str,
    all: &'static str,
    owner: &'static str,
}

const INPUT: Words = Words { one: "input", all: "the input", owner: "the workflow" };
const FIELD: Words = Words { one: "field", all: "the form", owner: "the form" };

fn check_all(
    words: Words,
    specs: &BTreeMap<String, InputSpec>,
    given: Value,
) -> Result<Value, Vec<InputError>> {
    let mut given = match given {
        Value::Object(map) => map,
        Value::Null => Map::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            let Words { one, all, .. } = words;
            let message = format!("{all} is {}, not a map of {one}s by name", shown(&other));
            return Err(vec![error("NX1204", "", message)]);
        }
    };
    let mut errors = Vec::new();
    let mut complete = Map::new();
    for (name, spec) in specs {
        match given.remove(name) {
            Some(value) => {
                if !(value.is_null() && spec.required == Some(false)) {
                    errors.extend(check_value(words, name, spec, &value));
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
                (None, _) => errors.push(missing(words, name, spec)),
            },
        }
    }
    errors.extend(given.keys().map(|name| unknown(words, specs, name)));
    if errors.is_empty() { Ok(Value::Object(complete)) } else { Err(errors) }
}

/// Checks a declaration: its pattern, its limits, its default.
pub(crate) fn check_spec(name: &str, spec: &InputSpec) -> Vec<InputError> {
    check_declared(INPUT, name, spec)
}

/// Checks the declaration of a field of a form.
pub(crate) fn check_field(name: &str, spec: &InputSpec) -> Vec<InputError> {
    check_declared(FIELD, name, spec)
}

fn check_declared(words: Words, name: &str, spec: &InputSpec) -> Vec<InputError> {
    let one = words.one;
    let mut errors = Vec::new();
    if let Some(pattern) = &spec.pattern
        && let Err(wrong) = compile(pattern)
    {
        let message = format!("the pattern of {one} `{name}` is not a regular expression: {wrong}");
        return vec![error("NX1208", name, message)];
    }
    if let (Some(min), Some(max)) = (spec.min, spec.max)
        && min > max
    {
        let message = format!("`min` of {one} `{name}` is {min}, more than its `max` {max}");
        errors.push(error("NX1207", name, message));
    }
    for option in &spec.options {
        if !fits(spec.kind, option) {
            errors.push(wrong_type(words, &format!("{name}` in `enum"), spec.kind, option));
        }
    }
    if let Some(default) = &spec.default
        && !(default.is_null() && spec.required == Some(false))
    {
        errors.extend(check_value(words, name, spec, default).into_iter().map(|mut wrong| {
            wrong.message = format!("default: {}", wrong.message);
            wrong
        }));
    }
    errors
}

/// Reads a value that was given as text, as its declaration says; what does not fit stays text, to be refused with the others.
pub fn read(kind: InputKind, text: &str) -> Value {
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

fn check_value(words: Words, name: &str, spec: &InputSpec, value: &Value) -> Option<InputError> {
    let one = words.one;
    if !fits(spec.kind, value) {
        return Some(wrong_type(words, name, spec.kind, value));
    }
    if !spec.options.is_empty() && !spec.options.iter().any(|option| same(option, value)) {
        let options: Vec<String> = spec.options.iter().map(shown).collect();
        let message =
            format!("{one} `{name}` is {}, not one of {}", shown(value), options.join(", "));
        let mut wrong = error("NX1204", name, message);
        let known = spec.options.iter().filter_map(Value::as_str);
        wrong.hint = value
            .as_str()
            .and_then(|value| nearest(value, known))
            .map(|option| format!("did you mean `{option}`?"));
        return Some(wrong);
    }
    check_pattern(one, name, spec, value).or_else(|| check_limits(one, name, spec, value))
}

/// Matching costs the size of the compiled pattern times the length of the text, so the size is limited.
fn compile(pattern: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    regex_lite::RegexBuilder::new(pattern).size_limit(64 * 1024).build()
}

fn check_pattern(one: &str, name: &str, spec: &InputSpec, value: &Value) -> Option<InputError> {
    let (pattern, text) = (spec.pattern.as_ref()?, value.as_str()?);
    // A pattern that is none was refused when the definition was compiled.
    let matches = compile(pattern).is_ok_and(|pattern| pattern.is_match(text));
    let message = || format!("{one} `{name}` is {}, which does not match {pattern}", shown(value));
    (!matches).then(|| error("NX1204", name, message()))
}

fn check_limits(one: &str, name: &str, spec: &InputSpec, value: &Value) -> Option<InputError> {
    let number = value.as_f64()?;
    if let Some(min) = spec.min.filter(|min| number < *min) {
        return Some(error("NX1204", name, format!("{one} `{name}` is {value}, less than {min}")));
    }
    let max = spec.max.filter(|max| number > *max)?;
    Some(error("NX1204", name, format!("{one} `{name}` is {value}, more than {max}")))
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

fn wrong_type(words: Words, name: &str, kind: InputKind, value: &Value) -> InputError {
    let one = words.one;
    error("NX1204", name, format!("{one} `{name}` is {}, not {}", shown(value), word(kind)))
}

fn missing(words: Words, name: &str, spec: &InputSpec) -> InputError {
    let mut missing = error("NX1205", name, format!("{} `{name}` is missing", words.one));
    missing.hint = Some(match &spec.description {
        Some(description) => format!("give {}: {description}", word(spec.kind)),
        None => format!("give {}", word(spec.kind)),
    });
    missing
}

fn unknown(words: Words, specs: &BTreeMap<String, InputSpec>, name: &str) -> InputError {
    let Words { one, owner, .. } = words;
    let mut unknown = error("NX1005", name, format!("{owner} has no {one} `{name}`"));
    let names = || specs.keys().map(String::as_str);
    unknown.hint = Some(match nearest(name, names()) {
        Some(similar) => format!("did you mean `{similar}`?"),
        None if specs.is_empty() => format!("it takes no {one}s"),
        None => format!("its {one}s: {}", names().collect::<Vec<_>>().join(", ")),
    });
    unknown
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check, check_field, check_form, check_spec, read};
    use crate::definition::{Definition, InputKind, InputSpec};

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
            (json!({"enum": [1.5, 2]}), json!(2.5), "NX1204 input `x` is 2.5, not one of 1.5, 2"),
            (
                json!({"enum": [9_007_199_254_740_993_u64]}),
                json!(9_007_199_254_740_992_u64),
                "NX1204 input `x` is 9007199254740992, not one of 9007199254740993",
            ),
            (json!({"min": 1.0, "max": 2.5}), json!(1), r#"{"x":1}"#),
            (json!({"min": 1.0, "max": 2.5}), json!(2.5), r#"{"x":2.5}"#),
            (json!({"min": 1.0, "max": 2.5}), json!(0), "NX1204 input `x` is 0, less than 1"),
            (json!({"min": 1.0, "max": 2.5}), json!(3), "NX1204 input `x` is 3, more than 2.5"),
        ] {
            assert_eq!(checked(&json!({"x": spec}), json!({"x": value})), expected);
        }
    }

    fn declared(spec: Value) -> InputSpec {
        serde_json::from_value(spec).expect("a declaration")
    }

    #[test]
    fn a_declaration_is_checked() {
        let large = "[a-z]{40}".repeat(4);
        let too_large = "((a{90}){90}){90}";
        for (spec, expected) in [
            (json!({"min": 1.0, "max": 2.0}), ""),
            (json!({"min": 2.0, "max": 2.0}), ""),
            (
                json!({"min": 3.0, "max": 2.0}),
                "NX1207 `min` of input `x` is 3, more than its `max` 2",
            ),
            (json!({"pattern": large}), ""),
            (
                json!({"pattern": too_large}),
                "NX1208 the pattern of input `x` is not a regular expression: \
                 compiled regex exceeded size limit",
            ),
            (json!({"type": "list", "default": [1]}), ""),
            (json!({"type": "list", "default": 1}), "NX1204 default: input `x` is 1, not a list"),
            (
                json!({"type": "list", "default": 1, "required": false}),
                "NX1204 default: input `x` is 1, not a list",
            ),
            (
                json!({"type": "integer", "enum": [1, "two"]}),
                "NX1204 input `x` in `enum` is \"two\", not an integer of 64 bits",
            ),
        ] {
            let errors = check_spec("x", &declared(spec));
            let errors: Vec<String> =
                errors.iter().map(|error| format!("{} {}", error.code, error.message)).collect();
            assert_eq!(errors.join("\n"), expected);
        }
    }

    #[test]
    fn nothing_is_a_default_only_where_nothing_is_required() {
        for (required, message) in [
            (Some(false), None),
            (Some(true), Some("default: input `x` is null, not a list")),
            (None, Some("default: input `x` is null, not a list")),
        ] {
            let default = Some(Value::Null);
            let spec =
                InputSpec { kind: InputKind::List, default, required, ..InputSpec::default() };
            let errors = check_spec("x", &spec);
            assert_eq!(errors.first().map(|error| error.message.as_str()), message, "{required:?}");
        }
    }

    #[test]
    fn the_declaration_of_a_field_is_checked_like_that_of_an_input() {
        let spec = declared(json!({"min": 3.0, "max": 2.0}));
        let errors = check_field("x", &spec);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].message, "`min` of field `x` is 3, more than its `max` 2");
    }

    #[test]
    fn a_form_is_checked_like_inputs() {
        let document = json!({"name": "test", "inputs": {"note": {"type": "string"}}, "steps": []});
        let definition = Definition::from_json(document.to_string().as_bytes());
        let form = definition.expect("a definition").inputs;
        assert_eq!(check_form(&form, json!({"note": "x"})), Ok(json!({"note": "x"})));
        let wrong = |given| check_form(&form, given).map_err(|errors| errors[0].message.clone());
        assert_eq!(wrong(json!({})), Err("field `note` is missing".to_owned()));
        assert_eq!(wrong(json!({"note": 1})), Err("field `note` is 1, not a text".to_owned()));
        let unknown = json!({"note": "x", "nota": 1});
        assert_eq!(wrong(unknown), Err("the form has no field `nota`".to_owned()));
        let list = Err("the form is [], not a map of fields by name".to_owned());
        assert_eq!(wrong(json!([])), list);
    }

    #[test]
    fn values_are_read_as_they_are_declared() {
        assert_eq!(read(InputKind::String, "1"), json!("1"));
        assert_eq!(read(InputKind::Integer, "1"), json!(1));
        assert_eq!(read(InputKind::Integer, "one"), json!("one"));
        assert_eq!(read(InputKind::Boolean, "true"), json!(true));
        assert_eq!(read(InputKind::List, "[1]"), json!([1]));
        assert_eq!(read(InputKind::Any, "plain"), json!("plain"));
    }

    #[test]
    fn a_value_passes_as_it_is() {
        let definition = Definition { input_is_value: true, ..Definition::default() };
        assert_eq!(check(&definition, json!([1])), Ok(json!([1])));
    }
}
