//! Engines on real stores that end without notice and are opened again.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::shard::Refusal;
use nexus_engine::{
    Config, Drive, Engine, RequestError, StartError, StartRequest, StepCx, StepError, StepResult,
    handler_fn,
};
use nexus_gateway::Client;
use nexus_gateway::api::{RunView, RunsFilter};
use nexus_tests::{Server, command, definition_json};
use serde_json::Value;

fn plan(yaml: &str) -> Arc<Plan> {
    Arc::new(nexus_definitions::read("test.workflow.yaml", yaml).expect("a good definition").plan)
}

async fn one(_: StepCx, _: Value) -> StepResult<u32> {
    Ok(1)
}

const CHAIN: &str = "nexus: v1\nname: chain\nsteps:\n  a: { uses: one }\n  b: { needs: a, uses: two }\n  c: { needs: b, uses: one }\noutputs: ${{ steps.b.output }}\n";

fn engine(folder: &Path, config: Config, two: &'static AtomicU32) -> Engine {
    let handler = move |cx: StepCx, _: Value| async move {
        two.fetch_add(1, Ordering::SeqCst);
        if two.load(Ordering::SeqCst) == 1 {
            cx.or_cancelled(std::future::pending::<()>()).await?;
        }
        Ok::<_, StepError>(format!("{} {}", cx.attempt(), cx.may_repeat()))
    };
    Engine::builder()
        .config(config)
        .handler("one", handler_fn(one))
        .handler("two", handler_fn(handler))
        .open(folder)
        .expect("the store opens")
}

/// A shutdown in order leaves an attempt to the next process, under its number, and does not count against it.
#[tokio::test]
async fn a_run_goes_on_after_a_shutdown() {
    static TWO: AtomicU32 = AtomicU32::new(0);
    let folder = tempfile::tempdir().unwrap();
    let config = Config { grace: Duration::from_millis(1), ..Config::default() };
    let first = engine(folder.path(), config, &TWO);
    let run = first.handle().start(StartRequest::new(plan(CHAIN))).await.unwrap().run;
    nexus_tests::until("b is at work", || async {
        (TWO.load(Ordering::SeqCst) == 1).then_some(())
    })
    .await;
    first.shutdown().await;

    let second = engine(folder.path(), config, &TWO);
    assert_eq!(second.picked_up(), 1);
    let end = second.handle().wait(run).await.unwrap();
    let RunStatus::Completed { output } = end else { panic!("{end:?}") };
    assert_eq!(
        format!("{output:?}"),
        "\"1 true\"",
        "the same attempt, and it may have happened twice"
    );
    let replay = second.handle().replay(run, None).await.unwrap();
    assert!(replay.agrees(), "{:?}", replay.differences);
    second.shutdown().await;
}

/// Views are a cache: without them, the same runs are picked up.
#[tokio::test]
async fn runs_are_picked_up_without_views() {
    static TWO: AtomicU32 = AtomicU32::new(0);
    let folder = tempfile::tempdir().unwrap();
    let config = Config { grace: Duration::from_millis(1), ..Config::default() };
    let first = engine(folder.path(), config, &TWO);
    let run = first.handle().start(StartRequest::new(plan(CHAIN))).await.unwrap().run;
    nexus_tests::until("b is at work", || async {
        (TWO.load(Ordering::SeqCst) == 1).then_some(())
    })
    .await;
    first.shutdown().await;
    std::fs::remove_dir_all(folder.path().join("views")).unwrap();

    let second = engine(folder.path(), config, &TWO);
    assert!(matches!(second.handle().wait(run).await.unwrap(), RunStatus::Completed { .. }));
    second.shutdown().await;
}

/// Timers are rows of the log: a sleep that ended while nothing ran ends when the store is opened.
#[tokio::test]
async fn a_timer_that_was_due_while_nothing_ran_fires_on_opening() {
    static TWO: AtomicU32 = AtomicU32::new(5);
    const SLEEPS: &str =
        "nexus: v1\nname: sleeps\nsteps:\n  z: { sleep: 300ms }\n  a: { needs: z, uses: one }\n";
    let folder = tempfile::tempdir().unwrap();
    let first = engine(folder.path(), Config::default(), &TWO);
    let run = first.handle().start(StartRequest::new(plan(SLEEPS))).await.unwrap().run;
    first.shutdown().await;
    let second = engine(folder.path(), Config::default(), &TWO);
    assert_eq!(second.picked_up(), 0, "a sleeping run needs no engine");
    assert!(matches!(second.handle().wait(run).await.unwrap(), RunStatus::Completed { .. }));
    second.shutdown().await;
}

/// Runs started without an engine wait for one.
#[tokio::test]
async fn a_run_recorded_by_an_engine_that_drives_nothing_is_carried_out_by_the_next() {
    static TWO: AtomicU32 = AtomicU32::new(5);
    let folder = tempfile::tempdir().unwrap();
    let recorder =
        engine(folder.path(), Config { drive: Drive::Nothing, ..Config::default() }, &TWO);
    let run = recorder.handle().start(StartRequest::new(plan(CHAIN))).await.unwrap().run;
    recorder.shutdown().await;
    let named = engine(folder.path(), Config { drive: Drive::Named, ..Config::default() }, &TWO);
    named.handle().drive(run);
    assert!(matches!(named.handle().wait(run).await.unwrap(), RunStatus::Completed { .. }));
    named.shutdown().await;
}

/// A step that ends the engine every time it runs fails with its code; the other runs end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_ends_the_engine_fails_and_takes_nobody_with_it() {
    const KILLER: &str =
        "nexus: v1\nname: killer\nsteps:\n  k: { run: 'kill -9 $PPID; sleep 5' }\n";
    const GOOD: &str = "nexus: v1\nname: good\nsteps:\n  a: { run: 'sleep 0.05' }\n  b: { needs: a, run: 'sleep 0.05' }\n";
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let mut server = Server::start(&store, &[]);
    let client = server.client().await;
    for (name, yaml) in [("good-1", GOOD), ("killer", KILLER), ("good-2", GOOD)] {
        let request = serde_json::json!({
            "definition": definition_json(yaml), "input": {}, "name": name, "labels": {}, "folder": null,
            "by": { "name": "test", "via": "api" },
        });
        // The last of them may find nobody to answer.
        let _ = client.start(serde_json::from_value(request).unwrap()).await;
    }
    let mut lives = 1;
    let failed = loop {
        let ended = nexus_tests::until("the run or its engine has ended", || {
            let (is_running, run) = (server.is_running(), ended(&store, "killer"));
            async move { if is_running { run.await.map(Some) } else { Some(None) } }
        });
        if let Some(failed) = ended.await {
            break failed;
        }
        assert!(lives < 6, "the engine was ended more often than the limit allows");
        server = Server::start(&store, &[]);
        lives += 1;
    };
    assert_eq!((failed.status.as_str(), failed.error.unwrap().code.as_str()), ("failed", "NX3013"));
    assert_eq!(lives, 4, "three times it was cut off");
    let client = server.client().await;
    for run in client.list(RunsFilter::default()).await.unwrap().runs {
        let run = client.wait(&run.id, Some(Duration::from_secs(20))).await.unwrap();
        assert_eq!(run.status, if run.id == "killer" { "failed" } else { "completed" });
    }
    server.kill();
    assert!(command(&store).arg("verify").status().unwrap().success());
}

async fn ended(store: &Path, name: &str) -> Option<RunView> {
    let run = Client::find(store).await?.get(name).await.ok()?;
    run.finished_at.is_some().then_some(run)
}

/// A run with a long history leaves a snapshot when it parks, and replay compares it with what is folded.
#[tokio::test]
async fn replay_compares_the_snapshot_of_a_sleeping_run() {
    let mut yaml = String::from("nexus: v1\nname: long\nsteps:\n");
    for at in 0..300 {
        writeln!(yaml, "  s{at}: {{ uses: one }}").expect("text grows");
    }
    yaml += "  z: { needs: [s0, s299], sleep: 1h }\n";
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::builder()
        .handler("one", handler_fn(one))
        .open(folder.path())
        .expect("the store opens");
    let handle = engine.handle();
    let run = handle.start(StartRequest::new(plan(&yaml))).await.expect("it starts").run;
    let replay = nexus_tests::until("the snapshot is kept", || async {
        handle.replay(run, None).await.ok().filter(|replay| replay.snapshot.is_some())
    })
    .await;
    assert!(replay.agrees(), "{:?}", replay.differences);
    assert!(replay.snapshot.expect("it was there").revision > 256);
    engine.shutdown().await;
}

/// What runs may finish while the engine drains, and is recorded; nothing new begins.
#[tokio::test]
async fn a_step_that_ends_while_the_engine_drains_is_recorded() {
    const TWO: &str = "nexus: v1\nname: two\nsteps:\n  a: { uses: gated }\n  b: { needs: a, uses: gated }\noutputs: ${{ steps.a.output }}\n";
    let folder = tempfile::tempdir().expect("a folder");
    let (gate, at_gate) = tokio::sync::watch::channel(false);
    let open = || {
        let at_gate = at_gate.clone();
        let gated = move |cx: StepCx, _: Value| {
            let mut at_gate = at_gate.clone();
            async move {
                // Whoever holds the gate outlives the engine.
                let _ = at_gate.wait_for(|is_open| *is_open).await;
                Ok::<_, StepError>(cx.is_cancelled())
            }
        };
        let config = Config { drain: Duration::from_secs(20), ..Config::default() };
        Engine::builder()
            .config(config)
            .handler("gated", handler_fn(gated))
            .open(folder.path())
            .expect("it opens")
    };
    let first = open();
    let handle = first.handle().clone();
    let run = handle.start(StartRequest::new(plan(TWO))).await.expect("it starts").run;
    let ends = tokio::spawn(first.shutdown());
    nexus_tests::until("the engine is ending", || async {
        let refused = handle.start(StartRequest::new(plan(TWO))).await.err()?;
        let is_late =
            matches!(refused, StartError::Request(RequestError::Refused(Refusal::ShuttingDown)));
        assert!(is_late, "{refused:?}");
        Some(())
    })
    .await;
    gate.send_replace(true);
    ends.await.expect("it ends");
    drop(handle);
    let second = open();
    let end = second.handle().wait(run).await.expect("it ends");
    let RunStatus::Completed { output } = end else { panic!("{end:?}") };
    assert_eq!(format!("{output:?}"), "false", "it was not told to stop");
    let history = second.handle().history(run, 0, 100).await.expect("it is recorded");
    let cut = history
        .iter()
        .filter(|event| format!("{:?}", event.event).starts_with("AttemptsInterrupted"));
    assert_eq!(cut.count(), 0);
    second.shutdown().await;
}
