//! Binary bodies, of responses and of requests.

use nexus_engine::handler::Blob;
use serde_json::{Value, json};

use super::Server;
use crate::testing::{Bench, text};

/// Bytes that are no text.
const PICTURE: &[u8] = b"\x89PNG\r\n\x00\xff\xfe";

#[tokio::test]
async fn a_response_is_kept_as_it_comes_with_what_the_server_says_it_is() {
    for (header, content_type) in [
        ("Content-Type: image/png\r\n", "image/png"),
        ("Content-Type: text/csv; charset=latin1\r\n", "text/csv; charset=latin1"),
        // Kept as it is, although it could be read.
        ("Content-Type: application/json\r\n", "application/json"),
        ("Content-Type: picture\r\n", "application/octet-stream"),
        ("", "application/octet-stream"),
    ] {
        let server = Server::answering("200 OK", header, PICTURE).await;
        let bench = Bench::new();
        let (cx, _stop) = bench.cx();
        let input = json!({"url": server.url(), "response": "bytes"});
        let output = bench.call_in(&cx, "http.request", &input).await.unwrap();
        let output: Value = serde_json::from_str(text(&output)).unwrap();
        assert_eq!(output["status"], 200);
        let blob = Blob::of(&output["body"]).expect("the body is a binary value");
        assert_eq!((blob.content_type(), blob.len()), (content_type, 9), "{header}");
        assert_eq!(*cx.read(&blob).await.unwrap(), *PICTURE);
    }
}

#[tokio::test]
async fn nothing_is_kept_of_a_failure_or_of_more_than_may_be() {
    let server = Server::answering("503 Service Unavailable", "", PICTURE).await;
    let input = json!({"url": server.url(), "response": "bytes"});
    let mut bench = Bench::new();
    let (cx, _stop) = bench.cx();
    let failure = bench.call_in(&cx, "http.request", &input).await.unwrap_err().0;
    assert_eq!((failure.code.as_str(), failure.fatal), ("NX3020", false));

    let server = Server::answering("200 OK", "Content-Type: image/png\r\n", PICTURE).await;
    let input = json!({"url": server.url(), "response": "bytes"});
    bench.options.response_bytes_max = 8;
    let failure = bench.call_in(&cx, "http.request", &input).await.unwrap_err().0;
    assert_eq!((failure.code.as_str(), failure.fatal), ("NX3006", true));
}

#[tokio::test]
async fn a_body_is_sent_as_it_is_under_its_media_type_unless_a_header_says_another() {
    let server = Server::answering("201 Created", "", "made").await;
    let bench = Bench::new();
    let (cx, _stop) = bench.cx();
    let blob = cx.keep("image/png", PICTURE).unwrap();
    for (headers, content_type) in
        [(json!({}), "image/png"), (json!({"content-type": "image/x-mine"}), "image/x-mine")]
    {
        let input = json!({"url": server.url(), "method": "put", "body": blob, "headers": headers});
        bench.call_in(&cx, "http.request", &input).await.unwrap();
        let received = server.received();
        assert!(received.ends_with(&[b"\r\n\r\n", PICTURE].concat()), "{}", server.request());
        let head = server.request();
        let types: Vec<_> = head.lines().filter(|line| line.starts_with("content-type:")).collect();
        assert_eq!(types, [format!("content-type: {content_type}")]);
        assert!(head.contains("content-length: 9\r\n"), "{head}");
    }
}

#[tokio::test]
async fn without_the_bytes_of_its_body_nothing_is_sent() {
    let server = Server::answering("201 Created", "", "made").await;
    let about = json!({"bytes": 9, "content_type": "image/png", "hash": "ab".repeat(32)});
    let input = json!({"url": server.url(), "method": "put", "body": {"$payload": about}});
    let bench = Bench::new();
    let (cx, _stop) = bench.cx();
    let failure = bench.call_in(&cx, "http.request", &input).await.unwrap_err().0;
    assert_eq!((failure.code.as_str(), failure.fatal), ("NX3033", true));
    assert!(server.requests.lock().unwrap().is_empty());
}
