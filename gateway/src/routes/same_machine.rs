//! Refuses what a web page of another origin could send to a port of this machine.
//!
//! There is no authentication yet, so only programs of this machine may ask. A browser runs pages of others on this machine:
//! they are told apart by the `Host` and `Origin` headers, which a page cannot choose.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::Problem;
use crate::problems::exit;

/// Lets requests through that are addressed to this machine and do not come from a page of another origin.
pub(super) async fn check(request: Request, next: Next) -> Response {
    match refusal(request.headers()) {
        None => next.run(request).await,
        Some(what) => Problem::new("NX7002", exit::REFUSED, what)
            .hint("ask from this machine, at 127.0.0.1 or localhost, and not from a web page")
            .into_response(),
    }
}

fn refusal(headers: &HeaderMap) -> Option<&'static str> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).unwrap_or_default();
    if !is_loopback(host) {
        return Some("the request is addressed to another machine");
    }
    let origin = text(ORIGIN)?;
    (origin.split_once("://").map(|(_, host)| host) != Some(host))
        .then_some("the request comes from a page of another origin")
}

/// Whether `host`, with or without a port, means this machine.
fn is_loopback(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && !name.ends_with(':') => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a header"));
        origin.map(|origin| headers.insert(ORIGIN, origin.parse().expect("a header")));
        refusal(&headers).is_some()
    }

    #[test]
    fn programs_of_this_machine_may_ask() {
        for host in ["localhost", "LOCALHOST:7878", "127.0.0.1:1", "127.8.0.1", "[::1]:7878"] {
            assert!(!refused(host, None), "{host}");
        }
        assert!(!refused("localhost:7878", Some("http://localhost:7878")));
    }

    #[test]
    fn pages_of_others_may_not() {
        for host in ["", "example.org", "example.org:7878", "localhost.example.org", "10.0.0.1"] {
            assert!(refused(host, None), "{host}");
        }
        for origin in ["http://example.org", "null", "http://localhost:3000", "localhost:7878"] {
            assert!(refused("localhost:7878", Some(origin)), "{origin}");
        }
    }
}
