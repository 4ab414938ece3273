//! A server that is killed in the middle of undoing goes on undoing: every completed step is undone, in order, and recorded
//! as undone once.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use nexus_gateway::Client;
use nexus_gateway::api::{Act, By, StartRun};
use nexus_tests::{Server, command, definition_json, until};
use serde_json::json;

/// Each undo leaves its line before it is done, so a kill comes between what it does and the record of it.
const SAGA: &str = r#"
nexus: v1
name: saga
on_failure: compensate
inputs:
  file: string
env:
  FILE: ${{ inputs.file }}
steps:
  a: { run: "echo a", compensate: { run: "echo $NEXUS_KEY >> $FILE; sleep 0.2" } }
  b: { needs: a, run: "echo b", compensate: { run: "echo $NEXUS_KEY >> $FILE; sleep 0.2" } }
  c: { needs: b, run: "echo c", compensate: { run: "echo $NEXUS_KEY >> $FILE; sleep 0.2" } }
  d: { needs: c, run: "echo d", compensate: { run: "echo $NEXUS_KEY >> $FILE; sleep 0.2" } }
  e: { needs: d, run: "echo e", compensate: { run: "echo $NEXUS_KEY >> $FILE; sleep 0.2" } }
  fails: { needs: e, run: "exit 1" }
  last: { needs: fails, when_needs: all_done, set: { undone: "${{ run.undone }}" } }
"#;

/// An undo that fails until a file is there.
const STUCK: &str = r#"
nexus: v1
name: stuck
on_failure: compensate
inputs:
  file: string
steps:
  a: { run: "echo a", compensate: { run: "test -e $FILE", env: { FILE: "${{ inputs.file }}" }, retry: 1 } }
  fails: { needs: a, run: "exit 1" }
"#;

const STEPS: [&str; 5] = ["e", "d", "c", "b", "a"];

fn by() -> By {
    By { name: "test".into(), via: "api".into() }
}

fn start(definition: &str, name: &str, file: &Path) -> StartRun {
    StartRun {
        callees: Vec::new(),
        definition: definition_json(definition),
        workflow: None,
        input: json!({ "file": file }),
        name: Some(name.to_owned()),
        labels: BTreeMap::new(),
        folder: None,
        by: by(),
    }
}

fn serve(store: &Path) -> Server {
    Server::start(store, &["--interruptions-max", "1000000"])
}

fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

async fn wait(client: &Client, name: &str) -> nexus_gateway::api::RunView {
    let ended = client.wait(name, Some(Duration::from_mins(1))).await;
    ended.unwrap_or_else(|problem| panic!("{problem:?}"))
}

fn check(store: &Path, args: &[&str]) {
    let output = command(store).args(args).output().expect("the binary runs");
    assert!(output.status.success(), "{args:?}: {output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undoing_that_is_killed_at_every_step_undoes_every_step_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = (folder.path().join("store"), folder.path().join("lines"));
    let mut server = serve(&store);
    let client = server.client().await;
    client.start(start(SAGA, "saga-1", &file)).await.expect("the saga starts");
    // Each life ends when one more step has begun to be undone, which is before that is recorded as done.
    for step in STEPS {
        let key = format!("/{step}/undo");
        let begun = || lines(&file).iter().any(|line| line.ends_with(&key));
        until(&key, || async { begun().then_some(()) }).await;
        server.kill();
        server = serve(&store);
        server.client().await;
    }
    let client = server.client().await;
    let run = wait(&client, "saga-1").await;
    assert_eq!(run.status, "failed", "{run:?}");
    assert_eq!(run.error.as_ref().and_then(|error| error.step.as_deref()), Some("fails"));
    for step in STEPS {
        let view = run.steps.iter().find(|view| view.id == step).expect("a step of the run");
        assert_eq!(view.status, "undone");
    }
    let last = run.steps.iter().find(|view| view.id == "last").expect("a step of the run");
    assert_eq!(last.output, json!({ "undone": ["a", "b", "c", "d", "e"] }));

    let history = client.history("saga-1", 1, 0).await.expect("the server answers").events;
    let undone: Vec<&str> = history
        .iter()
        .filter(|event| event.event == "undo.completed")
        .filter_map(|event| event.step.as_deref())
        .collect();
    assert_eq!(undone, STEPS, "each step is recorded as undone once, later ones first");
    // At least once executed, and never before the undo of what comes after is done.
    let mut executed = lines(&file);
    executed.dedup();
    let id = executed[0].split('/').next().expect("the run's unique id").to_owned();
    assert_eq!(executed, STEPS.map(|step| format!("{id}/{step}/undo")));

    let again = client.retry("saga-1", Act { by: by(), ..Act::default() }).await;
    let refused = again.expect_err("what was undone cannot be gone on from");
    assert_eq!((refused.code.as_str(), refused.exit_code), ("NX5005", 5));
    drop(client);
    server.kill();
    check(&store, &["verify"]);
    check(&store, &["replay", "saga-1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_fails_waits_for_somebody_across_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = (folder.path().join("store"), folder.path().join("there"));
    let server = serve(&store);
    let client = server.client().await;
    for name in ["retried", "given-up"] {
        client.start(start(STUCK, name, &file)).await.expect("the run starts");
        until("the undo has failed", || async {
            let waiting = client.get(name).await.ok()?.waiting?;
            (waiting.on == "undo").then_some(())
        })
        .await;
    }
    server.kill();
    let server = serve(&store);
    let client = server.client().await;
    let view = client.get("retried").await.expect("the server answers");
    assert_eq!(view.status, "compensating");
    let code = view.waiting.and_then(|waiting| waiting.code);
    assert_eq!(code.as_deref(), Some("NX3011"));
    std::fs::write(&file, "").unwrap();
    let act = Act { by: by(), ..Act::default() };
    client.retry("retried", act.clone()).await.expect("failed undos can be retried");
    assert_eq!(wait(&client, "retried").await.status, "failed");
    client.cancel("given-up", Act { no_undo: true, ..act }).await.expect("undoing can be given up");
    let given_up = wait(&client, "given-up").await;
    assert_eq!(given_up.status, "cancelled");
    assert_eq!(given_up.steps[0].status, "completed");
    drop(client);
    server.kill();
    check(&store, &["replay", "retried"]);
    check(&store, &["replay", "given-up"]);
}
