//! Bodies of requests: a key that means nothing is refused at every address, and what may be absent has a default.

use nexus_engine::Drive;
use serde_json::{Value, json};

use super::http::ask;
use super::support::{House, definition};

/// All addresses of the control API as the router has them, and those of workers.
const ROUTES: [(&str, &str); 2] = [
    ("/control/v1", include_str!("../../src/routes.rs")),
    ("/workers/v1", include_str!("../../src/routes/workers.rs")),
];
/// They take no body.
const WITHOUT_BODY: [&str; 2] = ["/control/v1/runs/{run}/drive", "/control/v1/projections/rebuild"];

/// The addresses that take `POST`.
fn posts() -> Vec<String> {
    let of = |(root, text): (&str, &str)| {
        let routes = text.lines().filter_map(|line| line.trim().strip_prefix(".route(\""));
        let posts = routes.filter(|line| line.contains("post("));
        let paths = posts.filter_map(|line| Some(format!("{root}{}", line.split_once('"')?.0)));
        paths.collect::<Vec<_>>()
    };
    ROUTES.into_iter().flat_map(of).collect()
}

fn body(answer: &str) -> Value {
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_means_nothing_is_refused_at_every_address() {
    let house = House::open_with(Drive::All, Some("localhost:0")).await;
    let address = house.server.tcp().expect("it listens");
    let posts = posts();
    assert!(posts.len() > 35, "{posts:?}");
    for path in posts.iter().filter(|path| !WITHOUT_BODY.contains(&path.as_str())) {
        let line = format!("POST {} HTTP/1.1", path.replace(['{', '}'], ""));
        let head = format!("{line}\r\nHost: {address}\r\nContent-Type: application/json");
        let (status, answer) = ask(address, &head, r#"{"surplus": 1}"#).await;
        let problem = body(&answer);
        assert_eq!((status, &problem["code"]), (400, &json!("NX7019")), "{path}: {answer}");
        let message = problem["message"].as_str().expect("a message");
        assert!(message.contains("unknown field `surplus`"), "{path}: {message}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_other_addresses_mean_nothing() {
    let house = House::open_with(Drive::All, Some("localhost:0")).await;
    let address = house.server.tcp().expect("it listens");
    let by = r#""by": {"name": "dana", "via": "api"}"#;
    for (path, key) in [
        ("runs/x/pause", r#""no_undo": true"#),
        ("runs/x/retry", r#""no_undo": true"#),
        ("runs/x/cancel", r#""definition": null"#),
        ("runs/x/cancel", r#""by": {"name": "dana", "via": "api", "group": "a"}"#),
        ("limits/x", r#""size": {"slot": 1}"#),
        ("pauses", r#""scope": {"engines": true}"#),
        ("definitions/compare", r#""from": {"workflow": "greet"}"#),
    ] {
        let head = format!("POST /control/v1/{path} HTTP/1.1\r\nHost: {address}");
        let head = format!("{head}\r\nContent-Type: application/json");
        let (status, answer) = ask(address, &head, &format!("{{{key}, {by}}}")).await;
        let problem = body(&answer);
        assert_eq!((status, &problem["code"]), (400, &json!("NX7019")), "{path}: {answer}");
        let message = problem["message"].as_str().expect("a message");
        assert!(message.contains("unknown field"), "{path}: {message}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_needs_neither_input_nor_labels() {
    let house = House::open_with(Drive::All, Some("localhost:0")).await;
    let address = house.server.tcp().expect("it listens");
    let [here, _] = house.controls();
    let asked = json!({
        "definition": definition("echo", json!({})), "name": "bare",
        "by": {"name": "dana", "via": "api"},
    });
    let head = format!("POST /control/v1/runs HTTP/1.1\r\nHost: {address}");
    let head = format!("{head}\r\nContent-Type: application/json");
    let (status, answer) = ask(address, &head, &asked.to_string()).await;
    assert_eq!((status, &body(&answer)["id"]), (200, &json!("bare")), "{answer}");
    let run = here.get("bare").await.expect("it is there");
    assert_eq!((run.input, run.labels.len()), (json!({}), 0));
    house.close().await;
}
