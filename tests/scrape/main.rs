//! A real Prometheus server scrapes a real engine.

use std::process::{Command, Stdio};
use std::time::Duration;

use nexus_tests::{Server, definition_json, free_address, until};
use serde_json::{Value, json};

/// A workflow whose starts have a key.
fn keyed(name: &str, rule: &str) -> String {
    format!(
        "nexus: v1\nname: {name}\nrun:\n  {rule}\ninputs: {{ n: integer }}\nsteps:\n  a: {{ uses: log, with: {{ message: hello }} }}\n"
    )
}

const WORKFLOW: &str = "nexus: v1\nname: scraped\nsteps:\n  a: { uses: log, with: { message: hello } }\n  b: { needs: a, uses: simulate }\n";

fn is_installed(tool: &str) -> bool {
    Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_finds_the_target_up_and_the_series_present() {
    if !is_installed("prometheus") {
        println!("SKIPPED: prometheus is not installed (Debian package `prometheus`)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("store"), &[]);
    let client = server.client().await;
    let request = json!({
        "definition": definition_json(WORKFLOW), "input": {}, "name": "s-1", "labels": {}, "folder": null,
        "by": { "name": "test", "via": "api" },
    });
    client.start(serde_json::from_value(request).unwrap()).await.unwrap();
    assert_eq!(
        client.wait("s-1", Some(Duration::from_secs(20))).await.unwrap().status,
        "completed"
    );
    // Two starts of one run that is kept, and two of which the second is a duplicate.
    for (name, rule) in
        [("kept", "debounce: { key: k, wait: 1h }"), ("once", "dedupe: { key: k, within: 1h }")]
    {
        for n in [1, 2] {
            let request = json!({
                "definition": definition_json(&keyed(name, rule)), "input": { "n": n }, "name": null, "labels": {},
                "folder": null, "by": { "name": "test", "via": "api" },
            });
            client.start(serde_json::from_value(request).unwrap()).await.unwrap();
        }
    }
    let target = client.status().await.unwrap().listening.into_iter().next().expect("it listens");
    let target = target.trim_start_matches("http://").trim_end_matches('/').to_owned();

    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: nexus\n    static_configs: [{{ targets: ['{target}'] }}]\n"
    );
    std::fs::write(&config, text).unwrap();
    let port = free_address().port();
    let mut prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let up = until("the target is up", || async {
        let answer = query(port, "up{job=\"nexus\"}").await?;
        (answer["data"]["result"][0]["value"][1] == "1").then_some(())
    });
    up.await;
    for series in [
        "nexus_runs_total",
        "nexus_steps_total",
        "nexus_log_append_seconds_bucket",
        "nexus_projection_lag_records",
    ] {
        let found = query(port, series).await.unwrap();
        assert!(
            found["data"]["result"].as_array().is_some_and(|rows| !rows.is_empty()),
            "{series}: {found}"
        );
    }
    counts_of_starts(port).await;
    prometheus.kill().unwrap();
    prometheus.wait().unwrap();
}

/// What the starts with a key have counted.
async fn counts_of_starts(port: u16) {
    for (sample, value) in [
        ("nexus_starts_kept{workflow=\"kept\"}", "1"),
        ("nexus_starts_asked_total{workflow=\"kept\",outcome=\"kept\"}", "1"),
        ("nexus_starts_asked_total{workflow=\"kept\",outcome=\"joined\"}", "1"),
        ("nexus_starts_total{workflow=\"kept\",outcome=\"started\"}", "0"),
        ("nexus_starts_asked_total{workflow=\"once\",outcome=\"admitted\"}", "1"),
        ("nexus_starts_total{workflow=\"once\",outcome=\"started\"}", "1"),
        ("nexus_starts_duplicate_total{workflow=\"once\"}", "1"),
    ] {
        until(sample, || async {
            let found = query(port, sample).await?;
            (found["data"]["result"][0]["value"][1] == value).then_some(())
        })
        .await;
    }
}

/// Asks Prometheus by a plain HTTP request.
async fn query(port: u16, expression: &str) -> Option<Value> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let escaped =
        expression.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
    let request = format!("GET /api/v1/query?query={escaped} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}
