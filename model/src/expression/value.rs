//! Values: JSON in, JSON or text out.
//!
//! Invariants:
//! * An integer of 64 bits keeps its value, a float stays a float, keys keep their text.
//! * What comes out is at most [`RESULT_BYTES_MAX`] long and [`RESULT_DEPTH_MAX`] deep, so that it can be read back.

use minijinja::value::{DynObject, Value, ValueKind};
use minijinja::{Error, ErrorKind};
use serde_json::Value as Json;

/// Longest result of one expression, as JSON, in bytes.
pub(super) const RESULT_BYTES_MAX: usize = 1024 * 1024;

/// Deepest result; readers of JSON stop at 128.
pub(super) const RESULT_DEPTH_MAX: usize = 100;

/// Reads JSON.
pub(super) fn from_json_text(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes)
}

/// The JSON of a value.
pub(super) fn to_json(value: &Value, bytes_max: usize) -> Result<Json, Error> {
    Writer { left: bytes_max }.json(value, 0)
}

/// The JSON text of a value.
pub(super) fn json_text(value: &Value, bytes_max: usize) -> Result<String, Error> {
    to_json(value, bytes_max).map(|json| json.to_string())
}

/// The text of a value inside other text: texts as they are, `null` as nothing, numbers and booleans as in JSON, lists and
/// maps as JSON.
pub(super) fn text_of(value: &Value, bytes_max: usize) -> Result<String, Error> {
    match value.as_str() {
        Some(text) if text.len() > bytes_max => Err(too_long()),
        Some(text) => Ok(text.to_owned()),
        None => Ok(json_as_text(&to_json(value, bytes_max)?)),
    }
}

/// The text of a JSON value, as [`text_of`].
pub(crate) fn json_as_text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}

/// How many values and bytes of text `value` consists of, `max` at most.
pub(super) fn weight(value: &Value, max: u64) -> usize {
    let mut left = usize::try_from(max).unwrap_or(usize::MAX);
    let all = left;
    let mut open = vec![value.clone()];
    while let Some(value) = open.pop() {
        let own = 1 + value.as_str().map_or(0, str::len);
        left = left.saturating_sub(own);
        if left == 0 {
            break;
        }
        let Some(object) = value.as_object() else { continue };
        let room = left;
        if value.kind() == ValueKind::Map {
            let pairs = object.try_iter_pairs().into_iter().flatten();
            open.extend(pairs.take(room).map(|(_, value)| value));
        } else {
            open.extend(object.try_iter().into_iter().flatten().take(room));
        }
    }
    all - left
}

struct Writer {
    left: usize,
}

impl Writer {
    #[expect(clippy::wildcard_enum_match_arm, reason = "minijinja may add kinds")]
    fn json(&mut self, value: &Value, depth: usize) -> Result<Json, Error> {
        if depth > RESULT_DEPTH_MAX {
            return Err(too_deep());
        }
        match value.kind() {
            ValueKind::None => self.take(4).map(|()| Json::Null),
            ValueKind::Bool => self.take(5).map(|()| Json::Bool(value.is_true())),
            ValueKind::Number => self.take(8).and_then(|()| number(value)),
            ValueKind::String => {
                let text = value.as_str().unwrap_or("");
                self.take(text.len() + 2)?;
                Ok(Json::String(text.to_owned()))
            }
            ValueKind::Seq | ValueKind::Iterable => self.list(value, depth),
            ValueKind::Map => self.map(value, depth),
            ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
            kind => {
                Err(Error::new(ErrorKind::InvalidOperation, format!("{kind} is not a JSON value")))
            }
        }
    }

    fn list(&mut self, value: &Value, depth: usize) -> Result<Json, Error> {
        let mut list = Vec::new();
        for item in value.try_iter()?.checked() {
            self.take(1)?;
            list.push(self.json(&item?, depth + 1)?);
        }
        Ok(Json::Array(list))
    }

    fn map(&mut self, value: &Value, depth: usize) -> Result<Json, Error> {
        let mut map = serde_json::Map::new();
        let pairs = value.as_object().and_then(DynObject::try_iter_pairs);
        for (key, value) in pairs.into_iter().flatten() {
            let key = match key.as_str() {
                Some(key) => key.to_owned(),
                None => json_as_text(&self.json(&key, RESULT_DEPTH_MAX)?),
            };
            self.take(key.len() + 4)?;
            map.insert(key, self.json(&value, depth + 1)?);
        }
        Ok(Json::Object(map))
    }

    fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(bytes).ok_or_else(too_long)?;
        Ok(())
    }
}

fn number(value: &Value) -> Result<Json, Error> {
    let wrong = |message| Error::new(ErrorKind::InvalidOperation, message);
    if !value.is_integer() {
        let float = f64::try_from(value.clone())?;
        return serde_json::Number::from_f64(float)
            .map(Json::Number)
            .ok_or_else(|| wrong("the result is not a finite number"));
    }
    if let Ok(number) = i64::try_from(value.clone()) {
        return Ok(Json::from(number));
    }
    match u64::try_from(value.clone()) {
        Ok(number) => Ok(Json::from(number)),
        Err(_) => Err(wrong("the result is beyond 64 bits")),
    }
}

fn too_long() -> Error {
    Error::new(ErrorKind::OutOfFuel, "the result is over 1 MiB")
}

pub(super) fn too_deep() -> Error {
    Error::new(ErrorKind::OutOfFuel, "the result nests too deep")
}

#[cfg(test)]
mod tests {
    use minijinja::Error;
    use minijinja::value::Value;

    use super::{from_json_text, text_of, to_json, weight};

    fn read(json: &str) -> Value {
        from_json_text(json.as_bytes()).expect("JSON")
    }

    fn why<T>(result: Result<T, Error>) -> Option<String> {
        result.err().and_then(|error| error.detail().map(str::to_owned))
    }

    #[test]
    fn what_is_written_fits() {
        let too_long = Some("the result is over 1 MiB".to_owned());
        for (json, bytes) in [
            ("null", 4),
            ("true", 5),
            ("1", 8),
            ("\"abc\"", 5),
            ("[]", 0),
            ("[1,null]", 14),
            ("{}", 0),
            ("{\"abc\":1}", 15),
        ] {
            let value = read(json);
            let written = to_json(&value, bytes).map(|json| json.to_string());
            assert_eq!(written.ok().as_deref(), Some(json));
            if let Some(less) = bytes.checked_sub(1) {
                assert_eq!(why(to_json(&value, less)), too_long, "{json}");
            }
        }
        assert_eq!(text_of(&Value::from("abc"), 3).ok().as_deref(), Some("abc"));
        assert_eq!(why(text_of(&Value::from("abc"), 2)), too_long);
    }

    #[test]
    fn what_is_written_nests_so_deep() {
        let list = |inner: Value, _| Value::from(vec![inner]);
        let map = |inner: Value, _| Value::from_pairs([("a", inner)]);
        for deep in [(0..100).fold(Value::from(1), list), (0..100).fold(Value::from(1), map)] {
            assert!(to_json(&deep, 10_000).is_ok());
            for deeper in [list(deep.clone(), 0), map(deep, 0)] {
                let why = why(to_json(&deeper, 10_000));
                assert_eq!(why.as_deref(), Some("the result nests too deep"));
            }
        }
    }

    #[test]
    fn a_value_is_weighed() {
        for (json, max, weighs) in [
            ("1", 100, 1),
            ("\"abc\"", 100, 4),
            ("[]", 100, 1),
            ("[1,\"ab\",[null]]", 100, 7),
            ("{\"key\":\"ab\",\"b\":[1]}", 100, 6),
            ("\"abcdefghijkl\"", 10, 10),
            ("[1,1,1,1,1,1]", 4, 4),
        ] {
            assert_eq!(weight(&read(json), max), weighs, "{json}");
        }
    }
}
