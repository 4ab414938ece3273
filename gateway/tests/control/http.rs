//! What stands on the wire: statuses, headers and streams, as other programs see them.

use std::net::SocketAddr;

use nexus_engine::Drive;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{House, definition, run};

/// Sends a request and reads all of the answer: its status and everything behind the first line.
pub(crate) async fn ask(address: SocketAddr, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let length = body.len();
    let request = format!("{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    // Who sends too much is answered before it has sent all.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it is text");
    let status = answer.split(' ').nth(1).expect("a status");
    let status = status.parse().expect("a number");
    (status, answer)
}

fn problem(answer: &str) -> Value {
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_answered_with_problems() {
    let house = House::open_with(Drive::All, Some("localhost:0")).await;
    let address = house.server.tcp().unwrap();
    let host = format!("Host: {address}");
    let cases = [
        ("GET /control/v1/runs/none", "", 404, "NX7011"),
        ("GET /control/v1/nothing", "", 404, "NX7021"),
        ("GET /", "", 404, "NX7021"),
        ("DELETE /control/v1/status", "", 405, "NX7021"),
        ("GET /control/v1/runs?statsu=failed", "", 400, "NX7019"),
        ("GET /control/v1/runs/x/wait?timeout_ms=soon", "", 400, "NX7019"),
        ("POST /control/v1/runs", "{}", 400, "NX7019"),
        ("POST /control/v1/runs", "{", 400, "NX7019"),
    ];
    for (line, body, status, code) in cases {
        let head = format!("{line} HTTP/1.1\r\n{host}\r\nContent-Type: application/json");
        let (found, answer) = ask(address, &head, body).await;
        assert_eq!(found, status, "{line}: {answer}");
        assert_eq!(problem(&answer)["code"], json!(code), "{line}");
    }
    let head = format!("POST /control/v1/runs HTTP/1.1\r\n{host}\r\nContent-Type: text/plain");
    assert_eq!(ask(address, &head, "{}").await.0, 400);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_are_refused() {
    let house = House::open_with(Drive::All, Some("localhost:0")).await;
    let address = house.server.tcp().unwrap();
    let line = "GET /control/v1/status HTTP/1.1";
    let (status, _) = ask(address, &format!("{line}\r\nHost: {address}"), "").await;
    assert_eq!(status, 200);
    let (status, answer) = ask(address, &format!("{line}\r\nHost: example.org"), "").await;
    assert_eq!((status, &problem(&answer)["code"]), (403, &json!("NX7002")));
    let head = format!("{line}\r\nHost: {address}\r\nOrigin: http://example.org");
    assert_eq!(ask(address, &head, "").await.0, 403);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_server_sent_events_if_asked_for() {
    let house = House::open_with(Drive::All, Some("localhost:0")).await;
    let address = house.server.tcp().unwrap();
    let [here, _] = house.controls();
    run(&here, definition("echo", json!({})), "good").await;
    let line = "GET /control/v1/runs/good/events HTTP/1.1";
    let head = format!("{line}\r\nHost: {address}\r\nAccept: text/event-stream");
    let (status, answer) = ask(address, &head, "").await;
    assert_eq!(status, 200);
    assert!(answer.contains("content-type: text/event-stream"), "{answer}");
    assert!(answer.contains("event: run.started") && answer.contains("id: 1\n"), "{answer}");
    let (_, rest) = ask(address, &format!("{head}\r\nLast-Event-ID: 2"), "").await;
    assert!(!rest.contains("id: 2\n") && rest.contains("id: 3\n"), "{rest}");
    let (_, lines) = ask(address, &format!("{line}\r\nHost: {address}"), "").await;
    assert!(lines.contains("application/x-ndjson") && lines.contains("run.completed"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_are_there() {
    let house = House::open_with(Drive::All, Some("localhost:0")).await;
    let address = house.server.tcp().unwrap();
    for (path, text) in
        [("/health/live", "live"), ("/health/ready", "ready"), ("/metrics", "# HELP")]
    {
        let (status, answer) =
            ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}"), "").await;
        assert_eq!(status, 200, "{path}");
        assert!(answer.contains(text), "{path}: {answer}");
    }
    house.close().await;
}
