//! Functions and filters of our own, each where minijinja's would write values as Python does or make much out of little.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind, State, filters};

use super::super::value::{RESULT_BYTES_MAX, from_json_text, json_text, text_of};
use super::each::size;
use super::{charge, wrong};

/// `get(value, "a.b.0", fallback)`: the value at the path, or `fallback` (`null` if there is none) where a level is missing
/// or `null`.
pub(super) fn get(value: &Value, path: &str, fallback: Option<Value>) -> Value {
    let mut found = value.clone();
    for key in path.split('.') {
        let index = key.parse::<usize>().ok().filter(|_| found.kind() != ValueKind::Map);
        found = match index {
            Some(index) => found.get_item_by_index(index).unwrap_or_default(),
            None => found.get_attr(key).unwrap_or_default(),
        };
    }
    if found.is_none() || found.is_undefined() {
        fallback.unwrap_or_else(|| Value::from(()))
    } else {
        found
    }
}

/// What `*` takes.
pub(super) fn number(value: Value) -> Result<Value, Error> {
    let kind = value.kind();
    if matches!(kind, ValueKind::Number | ValueKind::Bool) {
        Ok(value)
    } else if value.is_undefined() {
        Err(Error::from(ErrorKind::UndefinedError))
    } else {
        Err(wrong(format!("`*` multiplies numbers, not {kind}")))
    }
}

/// The text of a value, as templates write it.
pub(super) fn text(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    if value.as_str().is_some() {
        return Ok(value.clone());
    }
    let text = text_of(value, RESULT_BYTES_MAX)?;
    charge(state, text.len())?;
    Ok(Value::from(text))
}

/// `value`, or `fallback` (empty text if there is none) where it is missing or `null`; with `true` as second argument also
/// where it is false or empty.
pub(super) fn default(value: &Value, fallback: Option<Value>, empty: Option<bool>) -> Value {
    let missing =
        value.is_undefined() || value.is_none() || empty == Some(true) && !value.is_true();
    if missing { fallback.unwrap_or_else(|| Value::from("")) } else { value.clone() }
}

#[expect(clippy::needless_pass_by_value, reason = "arguments of filters are owned")]
pub(super) fn join(
    state: &State<'_, '_>,
    value: &Value,
    separator: Option<&str>,
    named: Kwargs,
) -> Result<Value, Error> {
    let attribute: Option<String> = named.get("attribute")?;
    named.assert_all_used()?;
    let separator = separator.unwrap_or("");
    let mut joined = String::new();
    for (at, item) in value.try_iter()?.enumerate() {
        let item = match &attribute {
            Some(attribute) => item.get_attr(attribute)?,
            None => item,
        };
        let before = joined.len();
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text_of(&item, RESULT_BYTES_MAX)?);
        charge(state, joined.len() - before + 1)?;
    }
    Ok(Value::from(joined))
}

pub(super) fn json(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let text = json_text(value, RESULT_BYTES_MAX)?;
    charge(state, text.len())?;
    Ok(Value::from(text))
}

pub(super) fn parse_json(state: &State<'_, '_>, text: &str) -> Result<Value, Error> {
    charge(state, text.len())?;
    from_json_text(text.as_bytes()).map_err(|error| wrong(format!("not JSON: {error}")))
}

pub(super) fn pairs(value: &Value, what: &str) -> Result<Vec<(Value, Value)>, Error> {
    match value.as_object().filter(|_| value.kind() == ValueKind::Map) {
        Some(map) => Ok(map.try_iter_pairs().into_iter().flatten().collect()),
        None => Err(wrong(format!("only a map has {what}"))),
    }
}

pub(super) fn keys(value: &Value) -> Result<Value, Error> {
    Ok(pairs(value, "keys")?.into_iter().map(|(key, _)| key).collect())
}

pub(super) fn values(value: &Value) -> Result<Value, Error> {
    Ok(pairs(value, "values")?.into_iter().map(|(_, value)| value).collect())
}

pub(super) fn list(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    charge(state, size(&value))?;
    filters::list(state, value)
}

pub(super) fn replace(
    state: &State<'_, '_>,
    value: &str,
    from: &str,
    to: &str,
) -> Result<Value, Error> {
    let count = value.matches(from).count();
    charge(state, value.len().saturating_add(count.saturating_mul(to.len())))?;
    Ok(Value::from(value.replace(from, to)))
}

#[expect(clippy::needless_pass_by_value, reason = "arguments of filters are owned")]
pub(super) fn sum(value: &Value, attribute: Option<&str>, named: Kwargs) -> Result<Value, Error> {
    let named_attribute: Option<String> = named.get("attribute")?;
    let start: Option<Value> = named.get("start")?;
    named.assert_all_used()?;
    let attribute = attribute.or(named_attribute.as_deref());
    let mut total = Total::Whole(0);
    for item in start.into_iter().map(Ok).chain(value.try_iter()?.map(|item| match attribute {
        Some(path) => path.split('.').try_fold(item, |item, key| item.get_attr(key)),
        None => Ok(item),
    })) {
        total = total.plus(&item?)?;
    }
    Ok(match total {
        Total::Whole(whole) => Value::from(whole),
        Total::Fraction(fraction) => Value::from(fraction),
    })
}

enum Total {
    Whole(i128),
    Fraction(f64),
}

impl Total {
    #[expect(clippy::cast_precision_loss, reason = "a sum with a fraction is a float")]
    fn plus(self, item: &Value) -> Result<Self, Error> {
        if item.is_undefined() {
            return Ok(self);
        }
        if item.kind() != ValueKind::Number {
            return Err(wrong(format!("can only sum numbers, not {}", item.kind())));
        }
        match self {
            Self::Whole(whole) if item.is_integer() => whole
                .checked_add(i128::try_from(item.clone())?)
                .map(Self::Whole)
                .ok_or_else(|| wrong("the sum is too large")),
            Self::Whole(whole) => Ok(Self::Fraction(whole as f64 + f64::try_from(item.clone())?)),
            Self::Fraction(sum) => Ok(Self::Fraction(sum + f64::try_from(item.clone())?)),
        }
    }
}
