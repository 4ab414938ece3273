//! Signals through the control API: delivered, kept, twice, late.

use nexus_gateway::Control;
use nexus_gateway::api::{Problem, RunsFilter, SendSignal, SignalView};
use serde_json::{Value, json};

use crate::support::{House, by, start, until};

/// `a` waits for a payment with `order` 7, `b` for another one of any order.
fn waits() -> Value {
    json!({
        "name": "waits", "input_is_value": true,
        "steps": [
            {"id": "a", "kind": {"wait_for": {"signal": "payment", "match": "signal.order == 7", "timeout_ms": 3_600_000}}},
            {"id": "b", "kind": {"wait_for": {"signal": "payment"}}, "needs": ["a"]},
        ],
        "outputs": ["${{ steps.a.output }}", "${{ steps.b.output }}"],
    })
}

async fn send(
    control: &Control,
    run: &str,
    payload: Value,
    id: Option<&str>,
) -> Result<SignalView, Problem> {
    let request = SendSignal { payload, id: id.map(str::to_owned), by: by() };
    control.signal(run, "payment", request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_are_delivered_kept_and_counted_once() {
    let house = House::open().await;
    for (control, name) in house.controls().iter().zip(["here", "there"]) {
        control.start(start(waits(), Some(name))).await.unwrap();
        let view = control.get(name).await.unwrap();
        let waiting = view.waiting.unwrap();
        assert_eq!(
            (&*view.status, &*waiting.on, waiting.step.as_deref()),
            ("waiting", "signal", Some("a"))
        );
        assert!(waiting.at.is_some());
        assert_eq!(view.steps[0].status, "waiting");
        assert!(view.why.starts_with("a waits for signal payment, 59m"), "{}", view.why);

        let other = send(control, name, json!({"order": 8}), Some("k1")).await.unwrap();
        assert_eq!((other.step, other.existing), (None, false));
        let again = send(control, name, json!({"order": 8}), Some("k1")).await.unwrap();
        assert_eq!((again.step, again.existing, again.revision), (None, true, None));
        let differs = send(control, name, json!({"order": 9}), Some("k1")).await.unwrap_err();
        assert_eq!((&*differs.code, differs.exit_code), ("NX3046", 5));

        let filter = RunsFilter { waiting: Some("signal".into()), ..RunsFilter::default() };
        let page = control.list(filter).await.unwrap();
        assert_eq!(page.runs[0].id, name);
        assert!(page.runs[0].waiting_on.as_ref().unwrap().starts_with("signal payment, 59m"));

        let mine = send(control, name, json!({"order": 7}), None).await.unwrap();
        assert_eq!(mine.step.as_deref(), Some("a"));
        let view = control.wait(name, None).await.unwrap();
        assert_eq!(view.outputs, json!([{"order": 7}, {"order": 8}]));

        let late = send(control, name, json!({}), None).await.unwrap_err();
        assert_eq!((&*late.code, late.exit_code), ("NX4002", 5));
        assert!(send(control, name, json!({"order": 8}), Some("k1")).await.unwrap().existing);
        let event = control.signal(
            name,
            "event:paid",
            SendSignal { payload: json!({}), id: None, by: by() },
        );
        let event = event.await.unwrap_err();
        assert_eq!((&*event.code, event.exit_code), ("NX4003", 5));
        let unknown = send(control, "nobody", json!({}), None).await.unwrap_err();
        assert_eq!(unknown.code, "NX7011");

        let events = control.history(name, 1, 0).await.unwrap().events;
        let kinds: Vec<&str> = events.iter().map(|event| &*event.event).collect();
        let wanted = [
            "run.started",
            "step.waits",
            "signal.received",
            "signal.received",
            "signal.taken",
            "step.completed",
            "signal.taken",
            "step.completed",
            "run.completed",
        ];
        assert_eq!(kinds, wanted);
        assert_eq!(events[2].data["by"]["name"], "dana");
        assert!(control.replay(name, None, false).await.unwrap().agrees);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_signal_is_kept_beside_the_events() {
    let house = House::open().await;
    let [control, _] = house.controls();
    control.start(start(waits(), Some("large"))).await.unwrap();
    let text = "x".repeat(200_000);
    let sent = send(&control, "large", json!({"order": 7, "text": text}), None).await.unwrap();
    assert_eq!(sent.step.as_deref(), Some("a"));
    until("b waits", async || control.get("large").await.unwrap().steps[1].status == "waiting")
        .await;
    send(&control, "large", json!(1), None).await.unwrap();
    control.wait("large", None).await.unwrap();
    let output = control.output("large", Some("a")).await.unwrap();
    assert_eq!(output["text"].as_str().unwrap().len(), 200_000);
    assert!(control.replay("large", None, false).await.unwrap().agrees);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_runs_that_wait_hold_no_memory() {
    const RUNS: usize = 1_000;
    assert!(nexus_gateway::install_metrics());
    let house = House::open().await;
    let [control, _] = house.controls();
    let mut starts = tokio::task::JoinSet::new();
    for at in 0..RUNS {
        let control = control.clone();
        starts.spawn(async move {
            let name = format!("run-{at}");
            control.start(start(waits(), Some(&name))).await.unwrap();
        });
    }
    starts.join_all().await;
    let filter =
        RunsFilter { waiting: Some("signal".into()), limit: 1_000, ..RunsFilter::default() };
    until("all wait", async || control.list(filter.clone()).await.unwrap().runs.len() == RUNS)
        .await;
    until("none is in memory", async || {
        let metrics = control.metrics().await.unwrap();
        metrics.lines().any(|line| line == "nexus_runs_resident 0")
    })
    .await;
    for at in [0, 499, 999] {
        let name = format!("run-{at}");
        let sent = send(&control, &name, json!({"order": 7}), None).await.unwrap();
        assert_eq!(sent.step.as_deref(), Some("a"));
    }
    house.close().await;
}
