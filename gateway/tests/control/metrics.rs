//! The text that Prometheus reads.

use std::collections::HashSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use nexus_engine::Drive;
use serde_json::json;

use super::support::{House, definition, open, run, until};

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_exact_and_survive_a_restart() {
    nexus_gateway::install_metrics();
    let house = House::open().await;
    let gate = std::sync::Arc::clone(&house.gate);
    let [here, _] = house.controls();
    run(&here, definition("echo", json!({})), "good").await;
    run(&here, definition("fail", json!({})), "bad").await;
    let lines = [
        "nexus_runs_started_total{workflow=\"greet\"} 2",
        "nexus_runs_total{workflow=\"greet\",outcome=\"completed\"} 1",
        "nexus_runs_total{workflow=\"greet\",outcome=\"failed\"} 1",
        "nexus_steps_total{workflow=\"greet\",outcome=\"completed\"} 3",
        "nexus_attempts_total{workflow=\"greet\",outcome=\"failed\"} 1",
        "nexus_runs_open{workflow=\"greet\"} 0",
        "nexus_timers_due 0",
    ];
    for control in house.controls() {
        let has = async |line: &str| {
            let text = control.metrics().await.unwrap();
            text.lines().any(|found| found == line)
        };
        for line in lines {
            until(line, async || has(line).await).await;
        }
    }
    drop(here);
    let folder = house.close().await;
    let (engine, service) = open(folder.path(), Drive::All, &gate);
    let text = service.metrics().await.unwrap();
    assert!(lines.iter().all(|line| text.lines().any(|found| found == *line)), "{text}");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_is_what_prometheus_wants() {
    nexus_gateway::install_metrics();
    let house = House::open().await;
    let [here, _] = house.controls();
    let mut odd = definition("echo", json!({}));
    odd["name"] = json!("odd-name");
    run(&here, odd, "odd").await;
    run(&here, definition("fail", json!({})), "bad").await;
    here.replay("odd", None, false).await.unwrap();
    let text = here.metrics().await.unwrap();
    house.close().await;
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let names: HashSet<&str> = families.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(families.len(), names.len(), "{families:?}");
    for family in families {
        let (name, kind) = family.split_once(' ').unwrap();
        assert_eq!(kind == "counter", name.ends_with("_total"), "{family}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
    for live in [
        "nexus_log_sync_seconds_bucket",
        "nexus_attempt_seconds_bucket",
        "nexus_replay_seconds_count",
    ] {
        assert!(text.contains(live), "{live}\n{text}");
    }
    promtool(&text);
}

/// Has `promtool` read the text.
fn promtool(text: &str) {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        println!("SKIPPED: promtool is not installed, so the text was not checked by it");
        return;
    };
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}
