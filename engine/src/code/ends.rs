//! How a function ends, compared with how it is recorded to have ended.

use nexus_model::code::FunctionReturned;
use nexus_model::event::Failure;
use nexus_model::payload::ContentType;
use serde_json::Value;

use super::Returned;
use super::differs::short;
use super::trouble::Trouble;
use crate::handler::Data;

/// An end: what is brought, and whether there is another round, or how it fails.
type End<'a> = Result<(&'a Data, bool), &'a Failure>;

/// Compares the end of a function with the one that is recorded, `output` being what is recorded to have been brought.
pub(super) fn compare(
    now: &Result<Returned, Failure>,
    recorded: &FunctionReturned,
    output: Option<&Data>,
) -> Result<(), Trouble> {
    let nothing = Data::null();
    let now = now.as_ref().map(|Returned { data, again }| (data, *again));
    let recorded = match &recorded.failure {
        Some(failure) => Err(failure),
        None => Ok((output.unwrap_or(&nothing), recorded.again)),
    };
    if is_same(now, recorded) {
        return Ok(());
    }
    Err(Trouble::EndsOtherwise { recorded: said(recorded), now: said(now) })
}

/// What stands beside a failure, such as where it came from, may differ.
fn is_same(now: End<'_>, recorded: End<'_>) -> bool {
    match (now, recorded) {
        (Ok((now, goes_on)), Ok((recorded, went_on))) => {
            goes_on == went_on && is_same_value(now, recorded)
        }
        (Err(now), Err(recorded)) => {
            (&now.code, &now.message) == (&recorded.code, &recorded.message)
        }
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

/// The order of keys in a value says nothing.
fn is_same_value(now: &Data, recorded: &Data) -> bool {
    let value = |data: &Data| serde_json::from_slice::<Value>(&data.bytes).ok();
    let is_json = now.content_type == ContentType::Json;
    now.content_type == recorded.content_type
        && (now.bytes == recorded.bytes || is_json && value(now) == value(recorded))
}

fn said(end: End<'_>) -> String {
    let (data, again) = match end {
        Ok(end) => end,
        Err(Failure { code, message, .. }) => return format!("it fails: {code} {message}"),
    };
    let is_json = data.content_type == ContentType::Json;
    let value = if is_json { short(&data.bytes) } else { None };
    let value = value.unwrap_or_else(|| format!("a value of {} bytes", data.bytes.len()));
    if again {
        format!("it begins another round with {value}")
    } else {
        format!("it returns {value}")
    }
}
