//! What goes wrong has a code, a hint and an exit code, the same on both ways.

use nexus_engine::log::{FjallLog, Options};
use nexus_engine::tables::TABLES;
use nexus_engine::{Engine, OpenError};
use nexus_gateway::api::RunsFilter;
use nexus_gateway::{Control, Service, Setup, open_problem};
use serde_json::json;

use super::support::{House, definition, run, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_be_is_refused_in_the_same_words() {
    let house = House::open().await;
    let [here, _] = house.controls();
    run(&here, definition("echo", json!({})), "taken").await;
    let no_steps = json!({"name": "empty", "steps": []});
    let declared = json!({
        "name": "declared", "inputs": {"total": {"type": "integer"}},
        "steps": [{"id": "a", "kind": {"set": {"values": {}}}}],
    });
    let cases = [
        ("another input", start(definition("fail", json!({})), Some("taken")), "NX7003", 5),
        ("no name", start(definition("echo", json!({})), Some("a b")), "NX7020", 2),
        ("no definition", start(json!({"steps": 3}), None), "NX7019", 2),
        ("no steps", start(no_steps, None), "NX1101", 2),
        ("no such input", start(declared, None), "NX1", 2),
    ];
    for (what, request, code, exit_code) in cases {
        let [here, there] = house.controls();
        let one = here.start(request.clone()).await.unwrap_err();
        let other = there.start(request).await.unwrap_err();
        assert_eq!(one, other, "{what}");
        assert!(one.code.starts_with(code), "{what}: {one}");
        assert_eq!((one.exit_code, &*one.kind), (exit_code, "error/v1"), "{what}");
        assert_eq!(one.docs, format!("errors/{}", one.code));
    }
    let mut large = start(definition("echo", json!({})), None);
    large.input = json!("x".repeat(5 * 1024 * 1024));
    for control in house.controls() {
        let problem = control.start(large.clone()).await.unwrap_err();
        assert_eq!((&*problem.code, problem.exit_code), ("NX7005", 2));
    }
    large.input = json!("x".repeat(17 * 1024 * 1024));
    let problem = house.client.start(large).await.unwrap_err();
    assert_eq!(problem.exit_code, 2, "{problem}");
    house.close().await;
}

#[tokio::test]
async fn an_engine_in_memory_has_lists_but_nothing_to_verify() {
    let engine = Engine::builder()
        .handler(
            "echo",
            nexus_engine::handler_fn(async |_: nexus_engine::StepCx, input: serde_json::Value| {
                Ok(input)
            }),
        )
        .in_memory()
        .unwrap();
    let control = Control::Here(Service::new(engine.handle().clone(), Setup::default()));
    run(&control, definition("echo", json!({})), "good").await;
    assert_eq!(control.list(RunsFilter::default()).await.unwrap().runs.len(), 1);
    assert!(control.rebuild().await.unwrap().same);
    assert!(control.logs("good", None).await.unwrap().lines.is_empty());
    let problem = control.verify().await.unwrap_err();
    assert_eq!((&*problem.code, problem.exit_code), ("NX6012", 2));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_store_that_does_not_open_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let log = FjallLog::open(folder.path(), Options::new(TABLES)).unwrap();
    let problem = open_problem(&Engine::builder().open(folder.path()).err().unwrap());
    assert_eq!((&*problem.code, problem.exit_code), ("NX6001", 6));
    assert!(problem.message.contains("in use by this process"), "{problem}");
    assert!(problem.hint.is_some_and(|hint| hint.contains("shut that one down")));
    drop(log);
    for part in ["layout", "high-water", "log/version"] {
        let path = folder.path().join(part);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, "nonsense").unwrap();
        let problem = open_problem(&Engine::builder().open(folder.path()).err().unwrap());
        assert_eq!((&*problem.code, problem.exit_code), ("NX6002", 10), "{part}: {problem}");
        std::fs::write(&path, whole).unwrap();
    }
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("letter.txt"), "dear").unwrap();
    let error = Engine::builder().open(other.path()).err().unwrap();
    let problem = open_problem(&error);
    assert!(matches!(error, OpenError::Log(_)) && problem.code.starts_with("NX60"), "{problem}");
}
