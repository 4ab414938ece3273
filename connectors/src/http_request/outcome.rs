//! What becomes of a response.

use std::collections::BTreeMap;

use nexus_engine::handler::{Blob, Data, StepCx, StepError, StepResult};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::action::{too_large, unreadable};

/// How much of the body goes into the details of a failure.
const DETAILS_BYTES_MAX: usize = 2 * 1024;

/// The statuses that a step takes for success.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Expected {
    One(u16),
    Any(Vec<u16>),
}

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    Json,
    Text,
    /// As they are, kept beside the output.
    Bytes,
}

impl Expected {
    fn holds(&self, status: u16) -> bool {
        match self {
            Self::One(expected) => *expected == status,
            Self::Any(expected) => expected.contains(&status),
        }
    }
}

/// Reads `response` to its end.
pub(super) async fn read(
    cx: &StepCx,
    response: Response,
    expected: Option<&Expected>,
    form: Option<Form>,
    bytes_max: u64,
) -> StepResult<Data> {
    let status = response.status();
    let headers = headers(&response);
    let form = form.unwrap_or_else(|| form_of(&response));
    let media_type = media_type(&response);
    let is_success = match expected {
        Some(expected) => expected.holds(status.as_u16()),
        None => status.is_success(),
    };
    if !is_success {
        return Err(refused(response).await);
    }
    let bytes = body(response, bytes_max).await?;
    let body = match form {
        Form::Bytes => cx.keep(&media_type, bytes)?.to_value(),
        Form::Text => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        // Such as the response to HEAD, or 204.
        Form::Json if bytes.is_empty() => Value::Null,
        Form::Json => serde_json::from_slice(&bytes)
            .map_err(|error| unreadable(format!("the body of the response is no JSON: {error}")))?,
    };
    Data::json(&json!({ "status": status.as_u16(), "headers": headers, "body": body }))
}

/// The headers by their names in small letters; several of one name are joined by a comma.
fn headers(response: &Response) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    headers
}

/// What the response says its body is; unknown bytes if that is no media type.
fn media_type(response: &Response) -> String {
    let said = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let said = said.map(str::trim).filter(|said| Blob::is_media_type(said));
    said.unwrap_or("application/octet-stream").to_owned()
}

/// `application/json` and types such as `application/problem+json`.
fn form_of(response: &Response) -> Form {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    let is_json = essence.is_some_and(|essence| {
        let essence = essence.to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    });
    if is_json { Form::Json } else { Form::Text }
}

async fn body(mut response: Response, bytes_max: u64) -> StepResult<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(connection)? {
        if bytes.len() as u64 + chunk.len() as u64 > bytes_max {
            return Err(too_large(format!(
                "the body of the response has more than {bytes_max} bytes"
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A status that the step does not take for success. The beginning of the body tells why.
async fn refused(mut response: Response) -> StepError {
    let status = response.status();
    let mut details = Vec::new();
    while details.len() < DETAILS_BYTES_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        details.extend_from_slice(&chunk);
    }
    details.truncate(DETAILS_BYTES_MAX);
    let make = if may_pass(status) { StepError::retry } else { StepError::fatal };
    let error = make(format!("the server answered {status}")).code("NX3020");
    if details.is_empty() { error } else { error.details(String::from_utf8_lossy(&details)) }
}

/// Whether the same request may find another answer later.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// No response, or not all of one. The URL is left out: it may hold a secret.
pub(super) fn connection(error: reqwest::Error) -> StepError {
    let is_timeout = error.is_timeout();
    let message = StepError::from(error.without_url()).0.message;
    let message = if is_timeout { format!("no response in time: {message}") } else { message };
    StepError::retry(message).code("NX3021")
}
