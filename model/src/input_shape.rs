//! What a handler takes: the keys of its input and the kinds of their values. With it, literal values are checked before
//! anything runs; values that are expressions are known only when a step starts.

use serde_json::Value;

use crate::suggest::nearest;

/// The keys of a handler's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputShape {
    /// The keys, in the order of the documentation.
    pub keys: &'static [InputKey],
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputKey {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What its value may be: one of these. `null` stands for a key that is not there, where it need not be.
    pub kinds: &'static [ValueShape],
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueShape {
    /// Anything.
    Any,
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number in this range, both ends included.
    Whole(u64, u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A map.
    Map,
    /// A map with these keys.
    Keys(&'static InputShape),
    /// A list of values, each of one of these.
    List(&'static [Self]),
    /// `null`.
    Null,
}

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Error code.
    pub code: &'static str,
    /// Keys that lead to the place; for a key that is missing, to the map it is missing in.
    pub path: Vec<String>,
    /// What is wrong, one line.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl InputKey {
    /// A key that must be there.
    pub const fn required(name: &'static str, kinds: &'static [ValueShape]) -> Self {
        Self { name, required: true, kinds }
    }

    /// A key that may be there.
    pub const fn optional(name: &'static str, kinds: &'static [ValueShape]) -> Self {
        Self { name, required: false, kinds }
    }
}

impl InputShape {
    /// The names of the keys.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }

    /// Everything that is wrong with the literal part of `input`, the `with` of a step that calls `handler`.
    pub fn check(&self, handler: &str, input: &Value) -> Vec<Misfit> {
        let mut found = Vec::new();
        match input {
            Value::Null => self.check_map(handler, &serde_json::Map::new(), &[], &mut found),
            Value::Object(map) => self.check_map(handler, map, &[], &mut found),
            Value::String(_) if is_template(input) => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                found.push(Misfit {
                    code: "NX1204",
                    path: Vec::new(),
                    message: format!("`with` of {handler} is a map, not {}", noun(input)),
                    hint: format!("its keys are: {}", self.list()),
                });
            }
        }
        found
    }

    fn check_map(
        &self,
        handler: &str,
        map: &serde_json::Map<String, Value>,
        path: &[&str],
        found: &mut Vec<Misfit>,
    ) {
        let place = |key: &str| path.iter().copied().chain([key]).map(str::to_owned).collect();
        for (name, value) in map {
            let Some(key) = self.keys.iter().find(|key| key.name == name) else {
                let hint = match nearest(name, self.names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its keys are: {}", self.list()),
                };
                let message = format!("{handler} has no input `{name}`");
                found.push(Misfit { code: "NX1005", path: place(name), message, hint });
                continue;
            };
            let is_absent = value.is_null() && !key.required;
            if is_template(value) || is_absent || key.kinds.iter().any(|kind| kind.takes(value)) {
                continue;
            }
            match key.kinds.iter().find_map(|kind| kind.keys_of(value)) {
                Some((shape, inner)) => {
                    let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
                    shape.check_map(handler, inner, &path, found);
                }
                None => found.push(misfit(name, key, value, place(name))),
            }
        }
        for key in self.keys.iter().filter(|key| key.required && !map.contains_key(key.name)) {
            found.push(Misfit {
                code: "NX1006",
                path: path.iter().map(|&key| key.to_owned()).collect(),
                message: format!("{handler} needs the input `{}`", key.name),
                hint: format!("add `{}: …` below `with`", key.name),
            });
        }
    }

    fn list(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }
}

fn misfit(name: &str, key: &InputKey, value: &Value, path: Vec<String>) -> Misfit {
    let wanted: Vec<String> = key.kinds.iter().map(ValueShape::words).collect();
    let wanted = wanted.join(", or ");
    let (code, hint) = match (key.kinds, value) {
        ([ValueShape::Word(words)], Value::String(word)) => (
            "NX1209",
            nearest(word, words.iter().copied()).map(|near| format!("did you mean `{near}`?")),
        ),
        ([ValueShape::Whole(..)], Value::Number(_)) => ("NX1207", None),
        ([ValueShape::Text], Value::Bool(_) | Value::Number(_)) => {
            ("NX1204", Some(format!("put it in quotes: \"{value}\"")))
        }
        _ => ("NX1204", None),
    };
    let message = format!("`{name}` takes {wanted}, not {}", noun(value));
    Misfit { code, path, message, hint: hint.unwrap_or_else(|| format!("write {wanted}")) }
}

impl ValueShape {
    /// Whether `value` is of this shape, as far as it is literal.
    fn takes(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Boolean, Value::Bool(_))
            | (Self::Text, Value::String(_))
            | (Self::Map, Value::Object(_))
            | (Self::Null, Value::Null) => true,
            (Self::Whole(least, most), Value::Number(number)) => {
                number.as_u64().is_some_and(|number| (*least..=*most).contains(&number))
            }
            (Self::Word(words), Value::String(word)) => words.contains(&word.as_str()),
            (Self::Keys(shape), Value::Object(map)) => {
                let mut found = Vec::new();
                shape.check_map("", map, &[], &mut found);
                found.is_empty()
            }
            (Self::List(kinds), Value::Array(items)) => items
                .iter()
                .all(|item| is_template(item) || kinds.iter().any(|kind| kind.takes(item))),
            (
                Self::Boolean
                | Self::Text
                | Self::Map
                | Self::Null
                | Self::Whole(..)
                | Self::Word(_)
                | Self::Keys(_)
                | Self::List(_),
                _,
            ) => false,
        }
    }

    /// The shape and the map to look into, if this is a map with keys and `value` is a map.
    fn keys_of<'v>(
        &self,
        value: &'v Value,
    ) -> Option<(&'static InputShape, &'v serde_json::Map<String, Value>)> {
        match (self, value) {
            (Self::Keys(shape), Value::Object(map)) => Some((shape, map)),
            _ => None,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Any => "anything".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Whole(least, most) if *most >= u64::from(u32::MAX) => {
                format!("a whole number from {least} on")
            }
            Self::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Self::Word(words) => match words {
                [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
                words => words.join(""),
            },
            Self::Map => "a map".to_owned(),
            Self::Keys(shape) => format!("a map of {}", shape.list()),
            Self::List(kinds) => {
                let kinds: Vec<String> = kinds.iter().map(Self::words).collect();
                format!("a list (of {})", kinds.join(" or "))
            }
            Self::Null => "null".to_owned(),
        }
    }
}

/// Whether the value is, or holds, an expression.
fn is_template(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("${{"))
}

fn noun(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.len() <= 40 => format!("`{text}`"),
        Value::String(_) => "text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{InputKey, InputShape, ValueShape};

    const INNER: InputShape =
        InputShape { keys: &[InputKey::optional("message", &[ValueShape::Text])] };
    const SHAPE: InputShape = InputShape {
        keys: &[
            InputKey::required("url", &[ValueShape::Text]),
            InputKey::optional("level", &[ValueShape::Word(&["info", "warn"])]),
            InputKey::optional("count", &[ValueShape::Whole(1, 9)]),
            InputKey::optional("fail", &[ValueShape::Boolean, ValueShape::Keys(&INNER)]),
            InputKey::optional("values", &[ValueShape::List(&[ValueShape::Map, ValueShape::Null])]),
        ],
    };

    fn check(input: &serde_json::Value, expected: &[(&str, &str, &str)]) {
        let found = SHAPE.check("act", input);
        let found: Vec<_> = found
            .iter()
            .map(|misfit| (misfit.code, misfit.path.join("."), misfit.message.as_str()))
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(code, path, text)| (*code, (*path).to_owned(), *text)).collect();
        assert_eq!(found, expected, "{input}");
    }

    #[test]
    fn what_fits_and_what_is_not_known_yet_is_let_pass() {
        check(&json!({"url": "u", "level": "warn", "count": 3, "fail": {"message": "m"}}), &[]);
        check(&json!({"url": "${{ inputs.url }}", "count": "${{ 3 }}", "level": null}), &[]);
        check(&json!("${{ inputs.all }}"), &[]);
        check(&json!({"url": "u", "values": [{"a": 1}, null, "${{ steps.a.output }}"]}), &[]);
    }

    #[test]
    fn everything_that_does_not_fit_is_told_at_once() {
        check(
            &json!({"ulr": "u", "level": "wran", "count": 10, "fail": {"mesage": 1}, "values": [[]]}),
            &[
                ("NX1207", "count", "`count` takes a whole number from 1 to 9, not 10"),
                ("NX1005", "fail.mesage", "act has no input `mesage`"),
                ("NX1209", "level", "`level` takes info or warn, not `wran`"),
                ("NX1005", "ulr", "act has no input `ulr`"),
                ("NX1204", "values", "`values` takes a list (of a map or null), not a list"),
                ("NX1006", "", "act needs the input `url`"),
            ],
        );
        check(&json!(null), &[("NX1006", "", "act needs the input `url`")]);
        check(&json!([1]), &[("NX1204", "", "`with` of act is a map, not a list")]);
        check(&json!({"url": 5}), &[("NX1204", "url", "`url` takes text, not 5")]);
    }

    #[test]
    fn hints_say_what_may_have_been_meant() {
        let found = SHAPE.check("act", &json!({"ulr": "u", "url": 5}));
        let hints: Vec<_> = found.iter().map(|misfit| misfit.hint.as_str()).collect();
        assert_eq!(hints, ["did you mean `url`?", "put it in quotes: \"5\""]);
        let all = "its keys are: url, level, count, fail, values";
        for input in [json!({"url": "u", "somewhere": 1}), json!([1]), json!("u")] {
            assert_eq!(SHAPE.check("act", &input)[0].hint, all, "{input}");
        }
    }

    #[test]
    fn a_literal_text_is_no_map() {
        check(&json!("u"), &[("NX1204", "", "`with` of act is a map, not `u`")]);
    }

    #[test]
    fn a_text_is_shown_if_it_is_short() {
        let told = |len: usize| {
            let found = SHAPE.check("act", &json!({"url": "u", "count": "x".repeat(len)}));
            found[0].message.clone()
        };
        let wanted = "`count` takes a whole number from 1 to 9";
        assert_eq!(told(40), format!("{wanted}, not `{}`", "x".repeat(40)));
        assert_eq!(told(41), format!("{wanted}, not text"));
    }

    #[test]
    fn what_a_value_may_be_is_said_in_words() {
        let most = u64::from(u32::MAX);
        for (shape, words) in [
            (ValueShape::Whole(1, 9), "a whole number from 1 to 9"),
            (ValueShape::Whole(0, most - 1), "a whole number from 0 to 4294967294"),
            (ValueShape::Whole(0, most), "a whole number from 0 on"),
            (ValueShape::Whole(1, u64::MAX), "a whole number from 1 on"),
            (ValueShape::Word(&["get"]), "get"),
            (ValueShape::Word(&["get", "put"]), "get or put"),
            (ValueShape::Word(&["get", "put", "post"]), "get, put or post"),
            (ValueShape::Keys(&INNER), "a map of message"),
            (ValueShape::List(&[ValueShape::Text, ValueShape::Null]), "a list (of text or null)"),
        ] {
            assert_eq!(shape.words(), words);
        }
    }
}
