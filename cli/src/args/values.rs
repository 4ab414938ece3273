//! Values of arguments, read.

use std::time::Duration;

use nexus_engine::model::expression::{EvalError, duration_ms};
use serde_json::Value;

/// Reads a duration such as `500ms`, `30s`, `1h30m`, `2d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match duration_ms(&Value::String(text.to_owned())) {
        Ok(ms) => Ok(Duration::from_millis(ms)),
        Err(EvalError::Failed { message, .. }) => Err(message),
        Err(EvalError::Needs(_)) => Err("this is not a duration".into()),
    }
}

/// Reads a point in time: how long ago (`1d`), or RFC 3339.
///
/// Units: milliseconds since the Unix epoch.
pub(crate) fn since(text: &str) -> Result<u64, String> {
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(u64::try_from(time.timestamp_millis()).unwrap_or(0));
    }
    let ago = duration(text)
        .map_err(|_| "write how long ago, such as 1d, or a time such as 2026-01-31T12:00:00Z")?;
    let now = u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap_or(0);
    Ok(now.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)))
}

/// Reads `KEY=VALUE`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write KEY=VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert!(duration("soon").is_err());
        assert_eq!(pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(pair("=b").is_err());
        assert_eq!(since("1970-01-01T00:00:01Z"), Ok(1000));
        assert!(since("yesterday").is_err());
    }
}
