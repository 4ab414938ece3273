//! Requests and answers over one connection each.

use std::fmt::Write as _;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::Client;
use crate::api::{EventView, Pairs, Problem, Raw};
use crate::follow::{Follow, FollowSender};
use crate::place::Address;
use crate::problems;
use crate::routes::BODY_BYTES_MAX;

/// The longest line of a stream that is read, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A request.
pub(super) struct Asking {
    method: Method,
    path: String,
    body: Vec<u8>,
}

impl Asking {
    pub(super) fn new(method: Method, path: String) -> Self {
        Self { method, path, body: Vec::new() }
    }

    pub(super) fn pairs(mut self, pairs: &Pairs) -> Self {
        for (at, (name, value)) in pairs.iter().enumerate() {
            let joint = if at == 0 { '?' } else { '&' };
            let _ = write!(self.path, "{joint}{}={}", segment(name), segment(value));
        }
        self
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self, Problem> {
        self.body =
            serde_json::to_vec(body).map_err(|error| problems::bad_request(error.to_string()))?;
        // The other side would refuse it too, but may close the connection before its answer can be read.
        if self.body.len() > BODY_BYTES_MAX {
            let text = format!("the request has more than {BODY_BYTES_MAX} bytes");
            return Err(problems::too_large(text));
        }
        Ok(self)
    }

    fn into_request(self) -> Result<Request<Full<Bytes>>, Problem> {
        let request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(HOST, "localhost")
            .header(ACCEPT, "application/json, application/x-ndjson")
            .header(CONTENT_TYPE, "application/json");
        let body = Full::new(Bytes::from(self.body));
        request.body(body).map_err(|error| problems::bad_request(error.to_string()))
    }
}

/// A text as a segment of an address: everything but letters, digits and a few marks is escaped.
pub(super) fn segment(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

impl Client {
    /// Asks, and reads the answer as JSON.
    pub(super) async fn ask<T: DeserializeOwned>(&self, asking: Asking) -> Result<T, Problem> {
        read(&self.bytes(asking).await?)
    }

    /// Asks, and reads the answer as JSON if it has a body.
    pub(super) async fn ask_if_any<T: DeserializeOwned>(
        &self,
        asking: Asking,
    ) -> Result<Option<T>, Problem> {
        let bytes = self.bytes(asking).await?;
        if bytes.is_empty() { Ok(None) } else { read(&bytes).map(Some) }
    }

    /// Asks, and reads the answer as text.
    pub(super) async fn text(&self, asking: Asking) -> Result<String, Problem> {
        let bytes = self.bytes(asking).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Asks, and reads the answer as it is, with its media type.
    pub(super) async fn raw_answer(&self, asking: Asking) -> Result<Raw, Problem> {
        let response = self.send(asking).await?;
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.to_owned();
        let bytes = collect(response).await.map_err(|error| lost(&error, true))?;
        Ok(Raw { content_type, bytes: bytes.to_vec() })
    }

    async fn bytes(&self, asking: Asking) -> Result<Bytes, Problem> {
        let reads = asking.method == Method::GET;
        let response = self.send(asking).await?;
        collect(response).await.map_err(|error| lost(&error, reads))
    }

    /// Asks, and reads the answer as lines of JSON while they come.
    pub(super) async fn stream(&self, asking: Asking) -> Result<Follow, Problem> {
        let response = self.send(asking).await?;
        let (sender, follow) = Follow::open();
        tokio::spawn(async move {
            tokio::select! {
                () = pump(response, &sender) => {}
                () = sender.closed() => {}
            }
        });
        Ok(follow)
    }

    /// Sends a request. An answer that is a problem is returned as one.
    async fn send(&self, asking: Asking) -> Result<Response<Incoming>, Problem> {
        let reads = asking.method == Method::GET;
        let request = asking.into_request()?;
        let unreachable = |error| unreachable(&self.address, &error);
        let response = match &self.address {
            Address::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(unreachable)?;
                exchange(stream, request).await
            }
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await.map_err(unreachable)?;
                exchange(stream, request).await
            }
        };
        let response = response.map_err(|error| lost(&error, reads))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = collect(response).await.map_err(|error| lost(&error, reads))?;
        Err(serde_json::from_slice(&body).unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(&body);
            Problem::new("NX7015", 6, format!("the engine answered {status}: {}", text.trim()))
        }))
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::new("NX7015", 6, format!("the engine's answer is not understood: {error}"))
            .hint("use the same version of nexus-engine as the process that holds the store")
    })
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the engine ended");
        }
    });
    sender.send_request(request).await
}

async fn collect(response: Response<Incoming>) -> Result<Bytes, hyper::Error> {
    Ok(response.into_body().collect().await?.to_bytes())
}

/// Sends the lines of an answer on.
async fn pump(response: Response<Incoming>, sender: &FollowSender) {
    let mut body = response.into_body();
    let mut pending = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => {
                let _ = sender.send(Err(lost(&error, true))).await;
                return;
            }
        };
        pending.extend_from_slice(&data);
        let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else {
            if pending.len() > LINE_BYTES_MAX {
                return;
            }
            continue;
        };
        let rest = pending.split_off(end + 1);
        let lines = std::mem::replace(&mut pending, rest);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if sender.send(event(line)).await.is_err() {
                return;
            }
        }
    }
}

/// A line: an event, or a problem.
fn event(line: &[u8]) -> Result<EventView, Problem> {
    serde_json::from_slice(line).map_err(|error| {
        serde_json::from_slice(line).unwrap_or_else(|_| {
            problems::bug(&format!("a line of the stream is no event: {error}"))
        })
    })
}

fn unreachable(address: &Address, error: &std::io::Error) -> Problem {
    Problem::new("NX7015", 6, format!("the engine at {address} cannot be reached: {error}"))
        .hint("see whether its process is alive; without one, commands open the store themselves")
}

fn lost(error: &hyper::Error, reads: bool) -> Problem {
    if reads {
        let text = format!("the engine ended before it answered: {}", problems::with_causes(error));
        return Problem::new("NX7015", 6, text).hint("nothing was changed; ask again");
    }
    problems::unknown_outcome()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(segment("wf-001/charge@2 +ü"), "wf-001%2Fcharge%402%20%2B%C3%BC");
        let asking = Asking::new(Method::GET, "/a".into());
        let pairs = vec![("x".to_owned(), "1&2".to_owned()), ("y".to_owned(), "=".to_owned())];
        assert_eq!(asking.pairs(&pairs).path, "/a?x=1%262&y=%3D");
    }
}
