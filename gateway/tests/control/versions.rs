//! Versions of a workflow: published, listed, compared, rolled back, started by name; and after the store was opened again.

use std::sync::Arc;

use nexus_engine::Drive;
use nexus_gateway::Control;
use nexus_gateway::api::{
    CompareDefinitions, DefinitionRef, PublishVersion, PutSchedule, RollBack, StartRun,
    VersionActed,
};
use serde_json::{Value, json};

use crate::support::{House, by, definition, open, start};

fn publish(definition: Value) -> PublishVersion {
    PublishVersion {
        definition,
        callees: Vec::new(),
        folder: None,
        note: "faster".into(),
        by: by(),
    }
}

/// The definition with another step behind it.
fn longer() -> Value {
    let mut longer = definition("echo", json!({}));
    let third = json!({"id": "c", "needs": ["b"], "kind": {"set": {"values": {"n": 1}}}});
    longer["steps"].as_array_mut().unwrap().push(third);
    longer
}

fn by_reference(reference: &str, name: &str) -> StartRun {
    StartRun { workflow: Some(reference.into()), ..start(Value::Null, Some(name)) }
}

/// Action, current version, the one before.
fn acted(acted: &VersionActed) -> (&str, u32, Option<u32>) {
    (&acted.action, acted.version, acted.before)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_content_is_a_version_and_a_name_means_the_current_one() {
    let house = House::open().await;
    for (at, control) in house.controls().into_iter().enumerate() {
        let name = format!("greet-{at}");
        let named = |mut definition: Value| {
            definition["name"] = json!(name);
            definition
        };
        let (short, long) = (named(definition("echo", json!({}))), named(longer()));
        let first = control.publish(publish(short.clone())).await.unwrap();
        assert_eq!(acted(&first), ("published", 1, None));
        let same = control.publish(publish(short.clone())).await.unwrap();
        assert_eq!(acted(&same), ("unchanged", 1, Some(1)));
        let second = control.publish(publish(long.clone())).await.unwrap();
        assert_eq!(acted(&second), ("published", 2, Some(1)));

        let view = control.workflow(&name).await.unwrap();
        let rows: Vec<_> = view.versions.iter().map(|row| (row.version, row.is_current)).collect();
        assert_eq!(rows, [(2, true), (1, false)]);
        assert_eq!(
            (view.versions[0].by.name.as_str(), view.versions[0].note.as_str()),
            ("dana", "faster")
        );

        let compared = control
            .compare(CompareDefinitions {
                from: DefinitionRef {
                    reference: Some(format!("{name}@1")),
                    ..DefinitionRef::default()
                },
                to: DefinitionRef { definition: long, ..DefinitionRef::default() },
            })
            .await
            .unwrap();
        let lines: Vec<String> = compared
            .differences
            .iter()
            .map(|it| format!("{} {} {}", it.of, it.what, it.name))
            .collect();
        assert_eq!(lines, ["step added c", "edge added b → c"]);

        started(&control, &name, &first).await;
        let back = control.roll_back(&name, RollBack { by: by(), ..RollBack::default() });
        assert_eq!(acted(&back.await.unwrap()), ("chosen", 1, Some(2)));
        control.start(by_reference(&name, &format!("{name}-back"))).await.unwrap();
        assert_eq!(control.get(&format!("{name}-back")).await.unwrap().published_as, Some(1));
        let again = control.publish(publish(named(longer()))).await.unwrap();
        assert_eq!(acted(&again), ("chosen", 2, Some(1)));
    }
    house.close().await;
}

/// By name, number and hash: each run has the definition that was meant.
async fn started(control: &Control, name: &str, first: &VersionActed) {
    let hash = &first.definition;
    for (at, (reference, version)) in
        [(name, 2), (&format!("{name}@1"), 1), (&hash[..10], 1), (hash, 1)].into_iter().enumerate()
    {
        let run = format!("{name}-by-{at}");
        control.start(by_reference(reference, &run)).await.unwrap();
        let view = control.get(&run).await.unwrap();
        assert_eq!(view.published_as, Some(version), "{reference}");
        assert_eq!(view.definition == *hash, version == 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_refused_and_records_nothing() {
    let house = House::open().await;
    let [control, _] = house.controls();
    control.publish(publish(definition("echo", json!({})))).await.unwrap();
    let events = control.verify().await.unwrap().records;
    let roll_back = |to| RollBack { to, by: by(), ..RollBack::default() };
    let code = |problem: nexus_gateway::api::Problem| (problem.code, problem.exit_code);
    let not_there = control.roll_back("greet", roll_back(Some(7))).await.unwrap_err();
    assert_eq!(code(not_there), ("NX5011".into(), 3));
    let is_current = control.roll_back("greet", roll_back(Some(1))).await.unwrap_err();
    assert_eq!(code(is_current), ("NX5012".into(), 5));
    let first = control.roll_back("greet", roll_back(None)).await.unwrap_err();
    assert_eq!(code(first), ("NX5012".into(), 5));
    let unknown = control.roll_back("gret", roll_back(None)).await.unwrap_err();
    assert_eq!(code(unknown), ("NX5010".into(), 3));
    let misspelt = control.start(by_reference("gret", "a")).await.unwrap_err();
    assert!(misspelt.hint.as_deref().is_some_and(|hint| hint.contains("`greet`")), "{misspelt:?}");
    let newer = control.start(by_reference("greet@2", "a")).await.unwrap_err();
    assert_eq!(code(newer), ("NX5011".into(), 3));
    let both =
        StartRun { workflow: Some("greet".into()), ..start(definition("echo", json!({})), None) };
    assert_eq!(control.start(both).await.unwrap_err().exit_code, 2);
    assert_eq!(control.verify().await.unwrap().records, events);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_there_when_the_store_is_opened_again_and_schedules_name_theirs() {
    let house = House::open().await;
    let [control, there] = house.controls();
    drop(there);
    control.publish(publish(definition("echo", json!({})))).await.unwrap();
    control.publish(publish(longer())).await.unwrap();
    control.roll_back("greet", RollBack { by: by(), ..RollBack::default() }).await.unwrap();
    let schedule = PutSchedule {
        id: "nightly".into(),
        definition: longer(),
        input: json!({}),
        every_ms: Some(3_600_000),
        by: by(),
        ..PutSchedule::default()
    };
    control.put_schedule(schedule).await.unwrap();
    let before = control.workflow("greet").await.unwrap();
    drop(control);
    let gate = Arc::clone(&house.gate);
    let folder = house.close().await;

    let (engine, service) = open(folder.path(), Drive::All, &gate);
    let control = Control::Here(service);
    assert_eq!(control.workflow("greet").await.unwrap(), before);
    assert_eq!(control.workflows().await.unwrap().workflows.len(), 1);
    let schedule = control.schedule("nightly").await.unwrap();
    assert_eq!(
        (schedule.version, schedule.definition),
        (Some(2), before.versions[0].definition.clone())
    );
    control.start(by_reference("greet", "first")).await.unwrap();
    assert_eq!(control.get("first").await.unwrap().published_as, Some(1));
    assert_eq!(control.verify().await.unwrap().problems, Vec::<String>::new());
    assert!(
        control
            .rebuild()
            .await
            .unwrap()
            .views
            .iter()
            .all(|view| view.before.as_ref() == Some(&view.after))
    );
    engine.shutdown().await;
}
