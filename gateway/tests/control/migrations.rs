//! Runs that go on with another definition: a failed one that is mended, and open ones that get a version.

use std::time::Duration;

use nexus_gateway::Control;
use nexus_gateway::api::{
    Act, AuditFilter, EventView, MigrateRuns, MigrationView, PublishVersion, StartRun,
};
use serde_json::{Value, json};

use crate::support::{House, by, definition, start, until};

fn retry(definition: Value) -> Act {
    Act { reason: "mended".into(), definition, by: by(), ..Act::default() }
}

async fn publish(control: &Control, definition: &Value) {
    let definition = definition.clone();
    let request = PublishVersion { definition, by: by(), ..PublishVersion::default() };
    control.publish(request).await.unwrap();
}

/// `a`, `ok` that waits for a signal, `b`.
fn waiting() -> Value {
    json!({"name": "visa", "input_is_value": true, "steps": [
        {"id": "a", "kind": {"set": {"values": {"fee": 40}}}},
        {"id": "ok", "needs": ["a"], "kind": {"wait_for": {"signal": "go"}}},
        {"id": "b", "needs": ["ok"], "kind": {"set": {"values": {"n": 1}}}},
    ]})
}

/// Safe, mappable, blocked, there.
fn counts(view: &MigrationView) -> (u64, u64, u64, u64) {
    (view.safe, view.mappable, view.blocked, view.there)
}

fn line(event: &EventView) -> String {
    format!("{} {}", event.event, event.step.as_deref().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_retried_with_a_definition_that_fits() {
    let house = House::open().await;
    for (at, control) in house.controls().into_iter().enumerate() {
        let name = format!("run-{at}");
        control.start(start(definition("fail", json!({})), Some(&name))).await.unwrap();
        control.wait(&name, Some(Duration::from_secs(20))).await.unwrap();
        let events = control.get(&name).await.unwrap().events;

        let mut other = definition("echo", json!({}));
        other["steps"][0]["id"] = json!("first");
        other["steps"][1]["kind"]["action"]["with"] = json!({});
        other["outputs"] = json!(null);
        let refused = control.retry(&name, retry(other)).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.exit_code), ("NX5014", 5));
        assert!(refused.message.contains("step `a` is completed"), "{}", refused.message);
        assert_eq!(control.get(&name).await.unwrap().events, events);

        let mut mended = definition("echo", json!({}));
        let extra = json!({"id": "z", "kind": {"set": {"values": {"n": 1}}}});
        mended["steps"].as_array_mut().unwrap().insert(0, extra);
        control.retry(&name, retry(mended)).await.unwrap();
        let view = control.wait(&name, Some(Duration::from_secs(20))).await.unwrap();
        assert_eq!((view.status.as_str(), &view.outputs), ("completed", &json!("hello")));
        let ids: Vec<&str> = view.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["z", "a", "b"]);

        let history = control.history(&name, 1, 0).await.unwrap().events;
        let lines: Vec<String> = history.iter().map(line).collect();
        assert_eq!(lines[1], "step.started a", "by the definition of the time");
        let migrated = lines.iter().position(|line| line.starts_with("run.migrated")).unwrap();
        assert_eq!(lines[migrated + 1], "run.retried ");
        assert!(lines[migrated..].contains(&"step.completed b".to_owned()), "{lines:?}");
        let later = control.history(&name, u32::try_from(migrated).unwrap() + 3, 2).await.unwrap();
        assert_eq!(line(&later.events[0]), lines[migrated + 2], "also from the middle on");
        let filter = AuditFilter { run: Some(name.clone()), ..AuditFilter::default() };
        let audit = control.audit(filter).await.unwrap().entries;
        let entry = audit.iter().find(|entry| entry.action == "run.migrated").unwrap();
        assert_eq!((entry.by.name.as_str(), entry.detail.as_str()), ("dana", "mended"));
        assert!(control.replay(&name, None, false).await.unwrap().agrees);
    }
    let [control, _] = house.controls();
    assert_eq!(control.verify().await.unwrap().problems, Vec::<String>::new());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_runs_get_a_version_as_the_dry_run_said() {
    let house = House::open().await;
    let [control, there] = house.controls();
    publish(&control, &waiting()).await;
    for name in ["one", "two", "done"] {
        let by_name = StartRun { workflow: Some("visa".into()), ..start(Value::Null, Some(name)) };
        control.start(by_name).await.unwrap();
        until("it waits", async || control.get(name).await.unwrap().status == "waiting").await;
    }
    control.signal("done", "go", nexus_gateway::api::SendSignal::default()).await.unwrap();
    control.wait("done", Some(Duration::from_secs(20))).await.unwrap();
    let mut safe = waiting();
    safe["steps"][2]["kind"]["set"]["values"]["n"] = json!(2);
    let mut mappable = safe.clone();
    mappable["steps"][0]["kind"]["set"]["values"]["fee"] = json!(50);
    let mut blocked = mappable.clone();
    blocked["steps"][1]["kind"]["wait_for"]["signal"] = json!("other");
    for version in [&safe, &mappable, &blocked] {
        publish(&control, version).await;
    }
    let asked = |to, dry_run| MigrateRuns { to, dry_run, by: by(), ..MigrateRuns::default() };
    let expected = [(2, (2, 0, 0, 0)), (3, (0, 2, 0, 0)), (4, (0, 0, 2, 0))];
    for (to, verdicts) in expected {
        let view = there.migrate("visa", asked(Some(to), true)).await.unwrap();
        assert_eq!(counts(&view), verdicts, "{view:?}");
        assert!(view.runs.iter().all(|run| !run.migrated));
    }
    assert_eq!(
        control.get("one").await.unwrap().published_as,
        Some(1),
        "a dry run changes nothing"
    );

    let refused = there.migrate("visa", asked(None, false)).await.unwrap();
    assert_eq!(counts(&refused), (0, 0, 2, 0));
    assert_eq!(refused.runs[0].reasons, ["step `ok` is waiting, and changes signal"]);
    let done = there.migrate("visa", asked(Some(3), false)).await.unwrap();
    assert_eq!(counts(&done), (0, 2, 0, 0));
    assert!(done.runs.iter().all(|run| run.migrated));
    assert_eq!(
        counts(&control.migrate("visa", asked(Some(3), false)).await.unwrap()),
        (0, 0, 0, 2)
    );
    let open = control.workflow("visa").await.unwrap().versions;
    let open: Vec<(u32, u64)> = open.iter().map(|row| (row.version, row.open_runs)).collect();
    assert_eq!(open, [(4, 0), (3, 2), (2, 0), (1, 0)]);

    control.signal("one", "go", nexus_gateway::api::SendSignal::default()).await.unwrap();
    let view = control.wait("one", Some(Duration::from_secs(20))).await.unwrap();
    assert_eq!((view.published_as, view.steps[0].output.clone()), (Some(3), json!({"fee": 40})));
    assert_eq!(view.steps[2].output, json!({"n": 2}));
    assert_eq!(control.get("done").await.unwrap().published_as, Some(1), "it had ended");
    for run in ["one", "two", "done"] {
        assert!(control.replay(run, None, false).await.unwrap().agrees, "{run}");
    }
    assert_eq!(control.verify().await.unwrap().problems, Vec::<String>::new());
    let rebuilt = control.rebuild().await.unwrap().views;
    assert!(rebuilt.iter().all(|view| view.before.as_ref() == Some(&view.after)), "{rebuilt:?}");
    house.close().await;
}
