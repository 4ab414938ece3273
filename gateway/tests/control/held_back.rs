//! Items that limits and circuit breakers keep back, as `explain` and `list` tell it.

use std::cell::Cell;

use nexus_gateway::Control;
use nexus_gateway::api::{Act, Problem, RunsFilter};
use serde_json::{Value, json};

use super::support::{House, by, start, until};

/// Three items of which two have slots; both fail, the breaker opens, and their next attempts ask again.
fn fails() -> Value {
    json!({
        "name": "pays", "input_is_value": true,
        "steps": [{
            "id": "b", "kind": {"action": {"uses": "fail"}},
            "for_each": {"items": [1, 2, 3], "concurrency": 3},
            "concurrency": {"key": "pool", "limit": 2},
            "breaker": {"target": "pay", "failures": 1, "open_ms": 3_600_000},
            "retry": {
                "max_attempts": 9, "backoff": "constant", "initial_ms": 1, "factor": 1.0,
                "max_ms": 1, "jitter": false,
            },
        }],
    })
}

/// Two items of which one has the slot.
fn passes() -> Value {
    json!({
        "name": "gates", "input_is_value": true,
        "steps": [{
            "id": "g", "kind": {"action": {"uses": "gate"}},
            "for_each": {"items": [1, 2], "concurrency": 2},
            "concurrency": {"key": "gate", "limit": 1},
        }],
    })
}

async fn waiting(control: &Control, what: &str) -> Vec<(String, Option<String>)> {
    let filter = RunsFilter { waiting: Some(what.to_owned()), ..RunsFilter::default() };
    let page = control.list(filter).await.expect("a list");
    page.runs.into_iter().map(|run| (run.id, run.waiting_on)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_and_a_breaker_that_keep_items_are_both_explained_and_listed() {
    let house = House::open().await;
    let [here, there] = house.controls();
    here.start(start(fails(), Some("pays-1"))).await.unwrap();
    here.start(start(passes(), Some("gates-1"))).await.unwrap();
    let events = Cell::new(0);
    until("both wait, and nothing happens any more", async || {
        let happened = here.history("pays-1", 1, 0).await.unwrap().events.len();
        let is_still = events.replace(happened) == happened;
        let view = here.explain("pays-1").await.unwrap();
        let words: Vec<(&str, Option<u32>)> =
            view.causes.iter().map(|cause| (cause.cause.as_str(), cause.items)).collect();
        let is_open = view.causes.iter().any(|cause| cause.state.as_deref() == Some("open"));
        let are_kept = words == [("limited", Some(1)), ("broken", Some(2))] && is_open;
        are_kept && is_still && waiting(&here, "slot").await.len() == 2
    })
    .await;
    for control in [&here, &there] {
        let view = control.explain("pays-1").await.unwrap();
        let [limited, broken] = view.causes.as_slice() else { panic!("{view:#?}") };
        assert_eq!(limited.on.as_deref(), Some("pays/pool"));
        assert_eq!(limited.release, "a slot of limit pays/pool becomes free");
        assert_eq!((broken.on.as_deref(), broken.state.as_deref()), (Some("pay"), Some("open")));
        let until = broken.until.as_deref().expect("it is open until a time");
        assert_eq!(
            broken.release,
            format!("nexus-engine breaker reset pay, or at {until} one tries")
        );
        assert!(broken.why.ends_with(&format!("; it is open until {until}")), "{}", broken.why);
        assert!(broken.why.starts_with("2 items of b wait for the circuit breaker of pay for "));
        assert_eq!(view.limits.len(), 2, "{:#?}", view.limits);
        assert!(view.why.contains("limited by pays/pool (2 at one time), next"), "{}", view.why);
        assert!(view.why.contains("2 items of b: kept back by the circuit breaker of pay (open)"));

        let slots = waiting(control, "slot").await;
        let gates = ("gates-1".to_owned(), Some("slots for 1 item of g".to_owned()));
        let both = "slots for 1 item of b, the circuit breaker for 2 items".to_owned();
        let pays = ("pays-1".to_owned(), Some(both));
        assert_eq!(slots, [gates, pays.clone()]);
        assert_eq!(waiting(control, "breaker").await, [pays]);
        let Problem { code, hint, .. } = control
            .list(RunsFilter { waiting: Some("rain".to_owned()), ..RunsFilter::default() })
            .await
            .unwrap_err();
        assert_eq!(code, "NX7019");
        assert!(hint.is_some_and(|hint| hint.ends_with("approval, slot, breaker")));
    }
    // Nobody waits for what nobody will get any more.
    let stop = || Act { by: by(), ..Act::default() };
    here.pause("pays-1", stop()).await.unwrap();
    assert_eq!(waiting(&there, "breaker").await, []);
    here.cancel("pays-1", stop()).await.unwrap();
    house.gate.notify_one();
    until("the other item has the slot", async || waiting(&there, "slot").await.is_empty()).await;
    house.gate.notify_one();
    assert_eq!(here.wait("gates-1", None).await.unwrap().status, "completed");
    house.close().await;
}
