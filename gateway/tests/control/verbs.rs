//! Every request, through both ways.

use std::time::Duration;

use nexus_engine::Drive;
use nexus_gateway::Control;
use nexus_gateway::api::{Act, AuditFilter, RunsFilter};
use serde_json::{Value, json};

use super::support::{House, by, definition, run, start, until};

fn act(reason: &str) -> Act {
    Act { reason: reason.into(), by: by(), ..Act::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_and_shown_in_full() {
    let house = House::open().await;
    for (control, name) in house.controls().iter().zip(["here", "there"]) {
        let definition = definition("echo", json!({}));
        let started = control.start(start(definition.clone(), Some(name))).await.unwrap();
        assert_eq!((started.id.as_str(), started.workflow.as_str()), (name, "greet"));
        assert!(!started.existing);
        let view = control.wait(name, None).await.unwrap();
        assert_eq!(view.status, "completed");
        assert_eq!(view.outputs, json!("hello"));
        assert_eq!(view.input, json!({"who": "dana"}));
        assert_eq!((view.version, view.by.name.as_str()), (Some(3), "dana"));
        assert_eq!(view.labels.get("team").map(String::as_str), Some("a"));
        assert!(view.why.starts_with("completed in "), "{}", view.why);
        assert!(view.waiting.is_none() && view.error.is_none() && view.finished_at.is_some());
        let steps: Vec<_> = view.steps.iter().map(|step| (&*step.id, &*step.status)).collect();
        assert_eq!(steps, [("a", "completed"), ("b", "completed")]);
        assert_eq!(view.steps[1].needs, ["a"]);
        assert_eq!(control.get(name).await.unwrap(), view);
        assert_eq!(control.output(name, None).await.unwrap(), json!("hello"));
        assert_eq!(control.output(name, Some("a")).await.unwrap(), json!({"text": "hello"}));
        assert!(control.start(start(definition, Some(name))).await.unwrap().existing);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_sees_what_he_wrote_in_lists() {
    let house = House::open().await;
    let [here, there] = house.controls();
    run(&here, definition("echo", json!({})), "good").await;
    run(&there, definition("fail", json!({})), "bad").await;
    for control in [here, there] {
        let all = control.list(RunsFilter::default()).await.unwrap();
        let names: Vec<_> = all.runs.iter().map(|run| (&*run.id, &*run.status)).collect();
        assert_eq!(names, [("bad", "failed"), ("good", "completed")]);
        assert_eq!((all.total, all.next), (2, None));
        let bad = &all.runs[0];
        assert_eq!(bad.at, ["b"]);
        assert_eq!(bad.error.as_ref().map(|error| &*error.code), Some("CARDS"));
        let failed = RunsFilter { statuses: vec!["failed".into()], ..RunsFilter::default() };
        assert_eq!(control.list(failed).await.unwrap().runs.len(), 1);
        let labels = [("team".to_owned(), "b".to_owned())].into();
        let other = RunsFilter { labels, ..RunsFilter::default() };
        assert!(control.list(other).await.unwrap().runs.is_empty());
        let first = RunsFilter { limit: 1, ..RunsFilter::default() };
        let first = control.list(first).await.unwrap();
        let second = RunsFilter { limit: 1, after: first.next, ..RunsFilter::default() };
        assert_eq!(control.list(second).await.unwrap().runs[0].id, "good");
        let wrong = RunsFilter { statuses: vec!["lost".into()], ..RunsFilter::default() };
        let problem = control.list(wrong).await.unwrap_err();
        assert_eq!((&*problem.code, problem.exit_code), ("NX7019", 2));
        assert!(problem.hint.unwrap().contains("waiting"));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_names_its_events_in_pages() {
    let house = House::open().await;
    let [here, _] = house.controls();
    run(&here, definition("fail", json!({})), "bad").await;
    for control in house.controls() {
        let page = control.history("bad", 0, 0).await.unwrap();
        let names: Vec<_> = page.events.iter().map(|event| &*event.event).collect();
        let wanted = [
            "run.started",
            "step.started",
            "step.completed",
            "step.started",
            "attempt.failed",
            "step.failed",
            "run.failed",
        ];
        assert_eq!(names, wanted);
        assert_eq!(page.next, None);
        let failed = &page.events[4];
        assert_eq!((failed.n, failed.step.as_deref(), failed.attempt), (5, Some("b"), Some(1)));
        assert_eq!(failed.detail, "try 1: CARDS 503 from cards.example");
        assert!(failed.outside && !page.events[5].outside);
        assert_eq!(page.events[2].data["output"], json!({"text": "hello"}));
        let part = control.history("bad", 3, 2).await.unwrap();
        assert_eq!(part.events, page.events[2..4]);
        assert_eq!(part.next, Some(5));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_paused_resumed_cancelled_and_retried() {
    let house = House::open().await;
    for (control, name) in house.controls().iter().zip(["here", "there"]) {
        control.start(start(definition("gate", json!({})), Some(name))).await.unwrap();
        let acted = control.pause(name, act("lunch")).await.unwrap();
        assert_eq!((&*acted.id, &*acted.action), (name, "pause"));
        assert_eq!(control.get(name).await.unwrap().status, "paused");
        let twice = control.pause(name, act("again")).await.unwrap_err();
        assert_eq!((&*twice.code, twice.exit_code), ("NX7007", 5));
        assert!(twice.hint.unwrap().contains("resume"));
        control.resume(name, act("")).await.unwrap();
        control.cancel(name, act("changed my mind")).await.unwrap();
        let view = control.wait(name, None).await.unwrap();
        assert_eq!(view.status, "cancelled");
        assert_eq!(view.why, "cancelled: changed my mind");
        let late = control.cancel(name, act("")).await.unwrap_err();
        assert_eq!(late.exit_code, 5);
        control.retry(name, act("")).await.unwrap();
        house.gate.notify_one();
        assert_eq!(control.wait(name, None).await.unwrap().status, "completed");
        let filter = AuditFilter { run: Some(name.into()), ..AuditFilter::default() };
        let audit = control.audit(filter).await.unwrap();
        let actions: Vec<_> = audit.entries.iter().rev().map(|entry| &*entry.action).collect();
        let wanted = [
            "run.started",
            "run.paused",
            "run.resumed",
            "cancel.requested",
            "run.cancelled",
            "run.retried",
            "run.completed",
        ];
        assert_eq!(actions, wanted);
        assert!(audit.entries.iter().any(|entry| entry.detail == "lunch" && entry.by == by()));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_agrees_and_calls_nothing() {
    let house = House::open().await;
    let [here, _] = house.controls();
    let view = run(&here, definition("echo", json!({})), "good").await;
    for control in house.controls() {
        let replay = control.replay("good", None, true).await.unwrap();
        assert!(replay.agrees, "{:?}", replay.differences);
        assert_eq!((replay.handlers_called, replay.events), (0, view.events));
        assert_eq!(replay.recorded_hash.as_ref(), Some(&replay.state_hash));
        assert!(replay.state_hash.starts_with("v1:"));
        assert_eq!(replay.state.map(|state| state.outputs), Some(json!("hello")));
        let part = control.replay("good", Some(3), false).await.unwrap();
        assert_eq!((part.events, part.recorded_hash, part.state), (3, None, None));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_explains_why_it_does_not_move() {
    let house = House::open().await;
    let retry = json!({"retry": {
        "max_attempts": 5, "backoff": "constant", "initial_ms": 60_000, "factor": 1.0,
        "max_ms": 60_000, "jitter": false,
    }});
    let [here, _] = house.controls();
    here.start(start(definition("fail", retry), Some("slow"))).await.unwrap();
    until("retrying", async || here.get("slow").await.unwrap().status == "retrying").await;
    for control in house.controls() {
        let explained = control.explain("slow").await.unwrap();
        assert_eq!(explained.status, "retrying");
        let line = "b failed 1 of 5 times: CARDS 503 from cards.example; next try in ";
        assert!(explained.why.starts_with(line), "{}", explained.why);
        assert_eq!(explained.steps.len(), 1);
        assert!(explained.commands.contains(&"nexus-engine cancel slow".to_owned()));
        let view = control.get("slow").await.unwrap();
        let waiting = view.waiting.unwrap();
        assert_eq!((&*waiting.on, waiting.attempt, waiting.of), ("retry", Some(2), Some(5)));
        assert!(view.steps[1].note.as_ref().unwrap().starts_with("next try in "));
        let row = &control.list(RunsFilter::default()).await.unwrap().runs[0];
        assert!(row.waiting_on.as_ref().unwrap().starts_with("try 2 of 5 in "), "{row:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_an_engine_says_so_until_it_is_driven() {
    let house = House::open_with(Drive::Named, None).await;
    let gate = std::sync::Arc::clone(&house.gate);
    let [here, _] = house.controls();
    here.start(start(definition("gate", json!({})), Some("held"))).await.unwrap();
    drop(here);
    let folder = house.close().await;
    let (engine, service) = super::support::open(folder.path(), Drive::Named, &gate);
    let control = Control::Here(service);
    let explained = control.explain("held").await.unwrap();
    assert_eq!(explained.why, "no engine works on it; what was finished is kept");
    assert_eq!(explained.waiting.unwrap().on, "engine");
    assert_eq!(control.drive("held").await.unwrap().action, "drive");
    gate.notify_one();
    assert_eq!(control.wait("held", None).await.unwrap().status, "completed");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_graphs_are_shown_by_step() {
    let house = House::open().await;
    let [here, _] = house.controls();
    run(&here, definition("echo", json!({})), "good").await;
    for control in house.controls() {
        let all = control.logs("good", None).await.unwrap().lines;
        assert_eq!(all.len(), 2);
        let one = control.logs("good", Some("b")).await.unwrap().lines;
        let one: Vec<_> = one.iter().map(|line| (&*line.step, line.attempt, &*line.text)).collect();
        assert_eq!(one, [("b", 1, "said something")]);
        let graph = control.graph("good").await.unwrap();
        let edges: Vec<_> = graph.edges.iter().map(|edge| (&*edge.from, &*edge.to)).collect();
        assert_eq!(edges, [("a", "b")]);
        assert_eq!(graph.nodes[1].status.as_deref(), Some("completed"));
        assert_eq!(graph.nodes[1].uses.as_deref(), Some("echo"));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_store_verifies_and_its_views_are_folded_to_the_same() {
    let house = House::open().await;
    let [here, _] = house.controls();
    run(&here, definition("echo", json!({})), "good").await;
    run(&here, definition("fail", json!({})), "bad").await;
    for control in house.controls() {
        let verified = control.verify().await.unwrap();
        assert_eq!(verified.problems, Vec::<String>::new());
        assert_eq!(verified.streams, 2);
        assert!(verified.frames > 0 && verified.rows >= 4, "{verified:?}");
        let rebuilt = control.rebuild().await.unwrap();
        assert!(rebuilt.same, "{rebuilt:?}");
        assert!(rebuilt.views.iter().any(|view| view.view == "metrics"));
        assert_eq!(rebuilt.records, verified.records);
    }
    let left: Vec<_> = std::fs::read_dir(house.folder.path()).unwrap().flatten().collect();
    let again = |name: &str| name.starts_with("views-again");
    assert!(!left.iter().any(|entry| again(&entry.file_name().to_string_lossy())));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_payloads_stand_in_events_by_reference() {
    let house = House::open().await;
    let [here, _] = house.controls();
    let large = "x".repeat(100_000);
    let mut request = start(definition("echo", json!({})), Some("large"));
    request.input = json!(large);
    here.start(request).await.unwrap();
    here.wait("large", Some(Duration::from_secs(20))).await.unwrap();
    for control in house.controls() {
        let page = control.history("large", 0, 1).await.unwrap();
        let payload = &page.events[0].data["input"]["$payload"];
        assert_eq!(payload["bytes"], json!(large.len() + 2));
        assert!(payload["hash"].is_string());
        assert_eq!(control.get("large").await.unwrap().input, Value::String(large.clone()));
    }
    house.close().await;
}
