//! Updates through the control API: accepted, refused, twice, late.

use nexus_gateway::Control;
use nexus_gateway::api::{
    MigrateRuns, Problem, PublishVersion, RunsFilter, SendUpdate, StartRun, UpdateView,
};
use serde_json::{Value, json};

use crate::support::{House, by, start, until};

/// `a` takes a quantity, `b` anything.
fn takes() -> Value {
    json!({
        "name": "takes", "input_is_value": true,
        "steps": [
            {"id": "a", "kind": {"update": {
                "name": "qty",
                "form": {"n": {"type": "integer"}, "why": {"type": "string", "default": "-"}},
                "accepts": "update.n > 0",
                "message": "${{ update.n }} is too few",
                "reply": {"twice": "${{ update.n * 2 }}", "why": "${{ update.why }}"},
            }}},
            {"id": "b", "kind": {"update": {"name": "more", "timeout_ms": 3_600_000}}, "needs": ["a"]},
        ],
        "outputs": ["${{ steps.a.output }}", "${{ steps.b.output }}"],
    })
}

async fn send(
    control: &Control,
    run: &str,
    update: &str,
    data: Value,
    id: &str,
) -> Result<UpdateView, Problem> {
    let id = Some(id.to_owned()).filter(|id| !id.is_empty());
    control.update(run, update, SendUpdate { data, id, by: by() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_are_checked_answered_and_counted_once() {
    let house = House::open().await;
    for (control, name) in house.controls().iter().zip(["here", "there"]) {
        control.start(start(takes(), Some(name))).await.unwrap();
        until("it waits", async || control.get(name).await.unwrap().status == "waiting").await;
        let view = control.get(name).await.unwrap();
        let before = view.events;
        assert_eq!(view.waiting.unwrap().on, "update");
        assert_eq!(view.why, "a waits for update qty");
        let filter = RunsFilter { waiting: Some("update".into()), ..RunsFilter::default() };
        let page = control.list(filter).await.unwrap();
        assert_eq!(page.runs[0].waiting_on.as_deref(), Some("update qty"));

        for (update, data, code, said) in [
            ("qty", json!({"n": 0}), "NX4128", "step `a` refuses update `qty`: 0 is too few"),
            ("qty", json!({"n": "x"}), "NX4129", "update `qty` does not fit step `a`: "),
            (
                "more",
                json!(1),
                "NX4127",
                "no step waits for update `more`; the run waits for update `qty`",
            ),
        ] {
            let refused = send(control, name, update, data, "u1").await.unwrap_err();
            assert_eq!((&*refused.code, refused.exit_code), (code, 5), "{refused:?}");
            assert!(refused.message.contains(said), "{refused:?}");
        }
        assert_eq!(control.get(name).await.unwrap().events, before, "nothing was recorded");

        let answer = send(control, name, "qty", json!({"n": 3}), "u1").await.unwrap();
        assert_eq!((&*answer.kind, &*answer.step, answer.existing), ("update/v1", "a", false));
        assert_eq!(answer.reply, json!({"twice": 6, "why": "-"}));
        let again = send(control, name, "qty", json!({"n": 3}), "u1").await.unwrap();
        assert_eq!(again, UpdateView { existing: true, ..answer.clone() });
        for (update, data) in [("qty", json!({"n": 4})), ("more", json!({"n": 3}))] {
            let other = send(control, name, update, data, "u1").await.unwrap_err();
            assert_eq!((&*other.code, other.exit_code), ("NX4130", 5), "{other:?}");
        }

        let large = json!("x".repeat(70_000));
        let more = send(control, name, "more", large.clone(), "").await.unwrap();
        assert_eq!((&*more.step, more.reply), ("b", Value::Null));
        let view = control.wait(name, None).await.unwrap();
        assert_eq!(view.outputs, json!([{"n": 3, "why": "-"}, large]));
        assert_eq!(send(control, name, "qty", json!({"n": 3}), "u1").await.unwrap(), again);
        let late = send(control, name, "qty", json!({"n": 3}), "").await.unwrap_err();
        assert_eq!((&*late.code, late.exit_code), ("NX4127", 5));
        assert!(late.message.contains("has ended (completed)"), "{late:?}");

        let events = control.history(name, 1, 0).await.unwrap().events;
        let kinds: Vec<&str> = events.iter().map(|event| &*event.event).collect();
        assert_eq!(
            kinds,
            [
                "run.started",
                "update.awaited",
                "update.accepted",
                "step.completed",
                "update.awaited",
                "update.accepted",
                "step.completed",
                "run.completed",
            ]
        );
        assert_eq!(events[2].data["reply"], json!({"twice": 6, "why": "-"}));
        assert!(events[2].detail.ends_with("by dana"), "{}", events[2].detail);
        let replay = control.replay(name, None, false).await.unwrap();
        assert!(replay.agrees, "{replay:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_known_after_the_end_of_the_engine() {
    let house = House::open().await;
    let answer = {
        let control = Control::Here(house.service.clone());
        control.start(start(takes(), Some("one"))).await.unwrap();
        send(&control, "one", "qty", json!({"n": 3}), "u1").await.unwrap()
    };
    let gate = house.gate.clone();
    let folder = house.close().await;
    let (engine, service) = crate::support::open(folder.path(), nexus_engine::Drive::All, &gate);
    let control = Control::Here(service);
    let again = send(&control, "one", "qty", json!({"n": 3}), "u1").await.unwrap();
    assert_eq!(again, UpdateView { existing: true, ..answer });
    let other = send(&control, "one", "qty", json!({"n": 4}), "u1").await.unwrap_err();
    assert_eq!(other.code, "NX4130");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_known_after_a_migration() {
    let house = House::open().await;
    let mut other = takes();
    let first = json!({"id": "z", "kind": {"set": {"values": {"n": 1}}}});
    other["steps"].as_array_mut().unwrap().insert(0, first);
    let [control, there] = house.controls();
    let publish = async |definition: Value| {
        let request = PublishVersion { definition, by: by(), ..PublishVersion::default() };
        control.publish(request).await.unwrap();
    };
    publish(takes()).await;
    let by_name = StartRun { workflow: Some("takes".into()), ..start(Value::Null, Some("one")) };
    control.start(by_name).await.unwrap();
    until("it waits", async || control.get("one").await.unwrap().status == "waiting").await;
    let answer = send(&control, "one", "qty", json!({"n": 3}), "u1").await.unwrap();
    publish(other).await;
    let request = MigrateRuns { by: by(), ..MigrateRuns::default() };
    let migrated = control.migrate("takes", request).await.unwrap();
    assert!(migrated.runs[0].migrated, "{migrated:?}");
    for control in [&control, &there] {
        let again = send(control, "one", "qty", json!({"n": 3}), "u1").await.unwrap();
        assert_eq!(again, UpdateView { existing: true, ..answer.clone() });
    }
    house.close().await;
}
