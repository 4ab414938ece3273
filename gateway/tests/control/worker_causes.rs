//! Runs whose steps and items workers carry out: whatever the workers do, they are never without a cause.

use std::collections::BTreeSet;

use nexus_engine::testkit::Chance;
use nexus_gateway::Service;
use nexus_gateway::api::{CompleteTask, ExplainView, FailTask, PollTask, TaskView};
use serde_json::{Value, json};

use super::support::{House, start, until};

/// A step, then items under a limit and behind a breaker; all of it by workers.
fn images() -> Value {
    let retry = json!({
        "max_attempts": 9, "backoff": "constant", "initial_ms": 1, "factor": 1.0, "max_ms": 1,
        "jitter": false,
    });
    json!({
        "name": "images", "input_is_value": true,
        "steps": [
            {"id": "a", "kind": {"action": {"uses": "worker/resize"}}, "retry": retry},
            {
                "id": "b", "needs": ["a"], "kind": {"action": {"uses": "worker/resize"}},
                "for_each": {"items": [1, 2, 3, 4], "concurrency": 3, "on_item_error": "collect"},
                "concurrency": {"key": "gpu", "limit": 2},
                "breaker": {"target": "gpu", "failures": 2, "successes": 1, "open_ms": 20},
                "retry": retry,
            },
        ],
    })
}

/// What the run says keeps it, once that is decided.
async fn explained(service: &Service, run: &str, seed: u64) -> ExplainView {
    let view = service.explain(run).await.expect("it can be explained");
    let has_ended = matches!(view.status.as_str(), "completed" | "failed" | "cancelled");
    assert_eq!(has_ended, view.causes.is_empty(), "seed {seed}: {view:#?}");
    let unclear = view.causes.iter().any(|cause| cause.why.is_empty() || cause.release.is_empty());
    assert!(!unclear, "seed {seed}: {view:#?}");
    view
}

async fn poll(service: &Service) -> Option<TaskView> {
    let (worker, handlers) = ("w".to_owned(), vec!["resize".to_owned()]);
    let poll = PollTask { worker, handlers, wait_ms: Some(5) };
    service.poll_task(poll).await.expect("a poll")
}

async fn report(service: &Service, task: &TaskView, fails: bool) {
    let reported = if fails {
        let failure = json!({"token": task.token, "message": "no"}).to_string();
        let failure: FailTask = serde_json::from_str(&failure).expect("a failure");
        service.fail_task(&task.task, failure).await
    } else {
        let done = json!({"token": task.token, "output": 1}).to_string();
        let done: CompleteTask = serde_json::from_str(&done).expect("a result");
        service.complete_task(&task.task, done).await
    };
    // Who held it for too long is told so.
    if let Err(problem) = reported {
        assert_eq!(problem.code, "NX4189", "{problem:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_run_of_workers_is_ever_without_a_cause() {
    let house = House::open().await;
    let [here, _] = house.controls();
    let service = &house.service;
    let mut seen = BTreeSet::new();
    for seed in 0..6 {
        let mut chance = Chance::new(seed);
        let run = format!("images-{seed}");
        here.start(start(images(), Some(&run))).await.unwrap();
        until("no worker asks", async || {
            let view = explained(service, &run, seed).await;
            view.causes.iter().any(|cause| cause.cause == "no_worker")
        })
        .await;
        let mut held: Vec<TaskView> = Vec::new();
        for round in 0.. {
            assert!(round < 2_000, "seed {seed}: it does not end");
            let view = explained(service, &run, seed).await;
            seen.extend(view.causes.into_iter().map(|cause| cause.cause));
            if view.status == "completed" || view.status == "failed" {
                break;
            }
            match chance.below(3) {
                0 if !held.is_empty() => {
                    let task = held.swap_remove(chance.index(held.len()));
                    report(service, &task, chance.once_in(3)).await;
                }
                _ => held.extend(poll(service).await),
            }
        }
    }
    let all = ["broken", "limited", "no_worker", "running"];
    assert!(all.iter().all(|word| seen.contains(*word)), "not all causes came up: {seen:?}");
    house.close().await;
}
