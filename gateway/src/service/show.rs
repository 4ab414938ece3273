//! How things of the engine look when they are sent.

pub(super) mod event;
pub(super) mod standing;
mod undo;

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat};
use nexus_engine::model::event::{Actor, Failure};
use nexus_engine::model::payload::{ContentType, Payload};
use nexus_engine::model::time::Timestamp;
use nexus_engine::{LoadError, Loader};
use serde_json::Value;

use crate::api::{By, FailureView};

/// A time as RFC 3339 in UTC, with milliseconds.
pub(crate) fn time(at: Timestamp) -> String {
    let at = DateTime::from_timestamp_micros(at.0).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A duration for people: `12ms`, `1.2s`, `1m 34s`, `23h 5m`, `3d 4h`.
pub(crate) fn duration(ms: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    if ms < 1_000 {
        return format!("{ms}ms");
    }
    let seconds = ms / 1_000;
    if seconds < 10 && !ms.is_multiple_of(1_000) {
        return format!("{seconds}.{}s", ms % 1_000 / 100);
    }
    let at = UNITS.iter().position(|(_, size)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let (unit, size) = UNITS[at];
    let first = format!("{}{unit}", seconds / size);
    match UNITS.get(at + 1) {
        Some((lesser, part)) if seconds % size >= *part => {
            format!("{first} {}{lesser}", seconds % size / part)
        }
        _ => first,
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn actor(by: By) -> Actor {
    let By { name, via } = by;
    Actor { name, via }
}

pub(crate) fn by(actor: &Actor) -> By {
    By { name: actor.name.clone(), via: actor.via.clone() }
}

pub(crate) fn failure(failure: &Failure, step: Option<&str>) -> FailureView {
    FailureView {
        code: failure.code.clone(),
        message: failure.message.clone(),
        details: failure.details.clone(),
        step: step.map(str::to_owned),
    }
}

/// ` by ops, dana`, if the workflow names them without an expression.
pub(crate) fn people(by: &Value) -> String {
    let names: Vec<&str> = match by {
        Value::Array(people) => people.iter().filter_map(Value::as_str).collect(),
        one @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => one.as_str().into_iter().collect(),
    };
    let named = names.join(", ");
    if named.is_empty() || named.contains("${{") { String::new() } else { format!(" by {named}") }
}

/// A failure in one line.
pub(crate) fn failure_line(failure: &Failure) -> String {
    let message = failure.message.lines().next().unwrap_or_default();
    format!("{} {message}", failure.code).trim().to_owned()
}

/// A payload as JSON, or, if it is larger than `bytes_max` or no JSON, what there is to say about it:
/// `{"$payload": {"bytes": …, "content_type": …, "hash": …}}`.
pub(crate) fn payload(
    loader: &Loader,
    payload: &Payload,
    bytes_max: u64,
) -> Result<Value, LoadError> {
    if payload.content_type() == ContentType::Bytes || payload.len() > bytes_max {
        return Ok(payload.reference());
    }
    let bytes = match loader.bytes(payload) {
        Err(LoadError::Forgotten) => return Ok(forgotten(payload)),
        bytes => bytes?,
    };
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| payload.reference()))
}

/// What there is to say about a payload of a forgotten run.
fn forgotten(payload: &Payload) -> Value {
    let mut reference = payload.reference();
    reference["$payload"]["forgotten"] = true.into();
    reference
}

/// The first `chars_max` characters of a text, on one line.
pub(crate) fn shorten(text: &str, chars_max: usize) -> String {
    let clean = |char: char| if char.is_control() { ' ' } else { char };
    let mut chars = text.chars().map(clean);
    let mut short: String = chars.by_ref().take(chars_max).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let shown: Vec<String> =
            [0, 999, 1_000, 1_250, 9_999, 10_500, 94_000, 3_600_000, 83_100_000, 277_200_000]
                .map(duration)
                .into();
        let wanted =
            ["0ms", "999ms", "1s", "1.2s", "9.9s", "10s", "1m 34s", "1h", "23h 5m", "3d 5h"];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(time(Timestamp(1_700_000_000_123_456)), "2023-11-14T22:13:20.123Z");
        assert_eq!(time(Timestamp(i64::MAX)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shorten("größe\n1", 4), "größ…");
        assert_eq!(shorten("a\nb", 4), "a b");
    }
}
