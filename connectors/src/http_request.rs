//! `http.request`: sends a request and gives the response.
//!
//! Unless it is a reading method, a request carries the step's idempotency key, so that a server that knows the header
//! carries out a repeated attempt once.

mod client;
mod outcome;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nexus_engine::handler::{Blob, Data, Registry, StepCx, StepResult};
use nexus_model::input_shape::{InputKey, InputShape, ValueShape};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::Options;
use crate::action::{Input, action, misfit};
use client::Clients;
use outcome::{Expected, Form};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpInput {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    query: BTreeMap<String, Value>,
    body: Option<Value>,
    timeout_ms: Option<u64>,
    expect_status: Option<Expected>,
    response: Option<Form>,
}

fn get() -> String {
    "GET".to_owned()
}

/// A status of a response.
const STATUS: ValueShape = ValueShape::Whole(100, 999);

impl Input for HttpInput {
    const ACTION: &'static str = "http.request";
    const SHAPE: &'static InputShape = &InputShape {
        keys: &[
            InputKey::optional("method", &[ValueShape::Text]),
            InputKey::required("url", &[ValueShape::Text]),
            InputKey::optional("headers", &[ValueShape::Map]),
            InputKey::optional("query", &[ValueShape::Map]),
            InputKey::optional("body", &[ValueShape::Any]),
            InputKey::optional("timeout_ms", &[ValueShape::Whole(0, u64::MAX)]),
            InputKey::optional("expect_status", &[STATUS, ValueShape::List(&[STATUS])]),
            InputKey::optional("response", &[ValueShape::Word(&["json", "text", "bytes"])]),
        ],
    };
}

pub(crate) fn register(registry: &mut Registry, options: &Options) {
    let clients = Arc::new(Clients::default());
    let (timeout, bytes_max) = (options.http_timeout, options.response_bytes_max);
    registry.insert(
        HttpInput::ACTION,
        action(move |cx, input: HttpInput| {
            let clients = Arc::clone(&clients);
            async move {
                let work = Box::pin(exchange(&cx, &clients, input, timeout, bytes_max));
                cx.or_cancelled(work).await?
            }
        }),
    );
}

async fn exchange(
    cx: &StepCx,
    clients: &Clients,
    mut input: HttpInput,
    timeout: Duration,
    bytes_max: u64,
) -> StepResult<Data> {
    let body = match input.body.take().filter(|body| !body.is_null()) {
        Some(value) => Some(body(cx, value).await?),
        None => None,
    };
    let timeout = input.timeout_ms.map_or(timeout, Duration::from_millis);
    let (expected, form) = (input.expect_status.clone(), input.response);
    let url = url(&input)?;
    let client = clients.for_url(&url).await?;
    let request = request(cx, client, url, &input, body)?.timeout(timeout);
    let response = request.send().await.map_err(outcome::connection)?;
    outcome::read(cx, response, expected.as_ref(), form, bytes_max).await
}

fn url(input: &HttpInput) -> StepResult<Url> {
    let mut url =
        Url::parse(&input.url).map_err(|error| misfit(format!("the url is none: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(misfit(format!(
            "the url has to begin with http or https, not {}",
            url.scheme()
        )));
    }
    for (name, value) in &input.query {
        match value {
            Value::Null => {}
            Value::Array(values) => {
                for value in values {
                    url.query_pairs_mut().append_pair(name, &scalar(name, value)?);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                url.query_pairs_mut().append_pair(name, &scalar(name, value)?);
            }
        }
    }
    Ok(url)
}

fn request(
    cx: &StepCx,
    client: &reqwest::Client,
    url: Url,
    input: &HttpInput,
    body: Option<Sent>,
) -> StepResult<RequestBuilder> {
    let method = Method::from_bytes(input.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| misfit(format!("`{}` is no method", input.method)))?;
    let mut headers = headers(&input.headers)?;
    if !method.is_safe() && !headers.contains_key(IDEMPOTENCY_KEY) {
        let key = HeaderValue::from_bytes(cx.idempotency_key().as_bytes())
            .map_err(|_| misfit("the step's id cannot stand in a header"))?;
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    if let Some((content_type, _)) = &body
        && !headers.contains_key(CONTENT_TYPE)
    {
        let content_type = HeaderValue::from_str(content_type)
            .map_err(|_| misfit("the media type of the body cannot stand in a header"))?;
        headers.insert(CONTENT_TYPE, content_type);
    }
    let request = client.request(method, url).headers(headers);
    Ok(match body {
        Some((_, bytes)) => request.body(bytes),
        None => request,
    })
}

fn headers(input: &BTreeMap<String, Value>) -> StepResult<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in input.iter().filter(|(_, value)| !value.is_null()) {
        let text = scalar(name, value)?;
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| misfit(format!("`{name}` cannot be the name of a header")))?;
        // Not the value: it may be a secret.
        let value = HeaderValue::from_str(&text).map_err(|_| {
            misfit(format!("the value of header `{name}` cannot stand in a header"))
        })?;
        headers.insert(header, value);
    }
    Ok(headers)
}

fn scalar(name: &str, value: &Value) -> StepResult<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(misfit(format!("`{name}` has to be text, a number or a boolean")))
        }
    }
}

/// A body and its media type.
type Sent = (String, Vec<u8>);

/// Text and binary values are sent as they are, anything else as JSON.
async fn body(cx: &StepCx, body: Value) -> StepResult<Sent> {
    if let Some(blob) = Blob::of(&body) {
        return Ok((blob.content_type().to_owned(), cx.read(&blob).await?.to_vec()));
    }
    Ok(match body {
        Value::String(text) => ("text/plain; charset=utf-8".to_owned(), text.into_bytes()),
        value @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => ("application/json".to_owned(), value.to_string().into_bytes()),
    })
}

#[cfg(test)]
mod tests;
