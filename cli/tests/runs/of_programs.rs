//! Runs whose functions are in a program: no command can carry them out, and each says so.

use std::path::Path;
use std::sync::{Arc, Mutex};

use nexus_engine::prelude::*;

use super::support::{Desk, until};

const GO: Signal<u64> = Signal::new("go");

fn work() -> Workflow<u64, u64> {
    Workflow::code("work", |cx: Cx, n: u64| async move {
        let approved = cx.approve("ok", Approval::by("dana")).await?.approved;
        let go = cx.wait(&GO).await?;
        if !approved || go == 0 {
            return Err(cx.fail("E_NO", "not today"));
        }
        Ok(n + go)
    })
    .expect("a workflow")
}

/// A program: it begins a run, does something with it, and ends.
fn program<T>(store: &Path, then: impl AsyncFnOnce(&Engine, RunHandle<u64>) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let workflow = work();
        let engine = Engine::builder().workflow(&workflow).open(store).expect("the store opens");
        let run = engine.start(&workflow, 1).id("wf-001").await.expect("it starts");
        let done = then(&engine, run).await;
        engine.shutdown().await;
        done
    })
}

/// A program that begins a run and ends once that waits for a decision.
fn waits(desk: &Desk) {
    program(&desk.store(), async |_, run| {
        let mut events = run.events();
        while let Ok(Some(recorded)) = events.next().await {
            let event = recorded.event;
            if matches!(event, nexus_engine::model::event::Event::ApprovalRequested { .. }) {
                return;
            }
        }
    });
}

#[test]
fn no_command_waits_for_a_function_that_it_does_not_have() {
    let desk = Desk::new();
    waits(&desk);
    for verb in ["resume", "wait", "watch"] {
        let refused = desk.nexus(&[verb, "wf-001", "-o", "json"]).code(5).problem();
        assert_eq!(refused["code"], "NX5022", "{verb}");
        let hint = "run the program that has it: wf-001 goes on once that opens the store";
        assert_eq!(refused["hint"], hint, "{verb}");
    }
    let rows = desk.nexus(&["list", "-o", "json"]).code(0).json();
    assert_eq!(rows["runs"][0]["at"], serde_json::json!(["ok"]));
    let note =
        "goes on once the program that has the function `work` opens the store; no command has it";
    let approved = desk.nexus(&["approve", "wf-001"]).code(0);
    assert_eq!(approved.err, format!("note: wf-001 {note}\n"));
    desk.nexus(&["pause", "wf-001"]).code(0);
    let resumed = desk.nexus(&["resume", "wf-001"]).code(0);
    assert_eq!(
        (&*resumed.out, resumed.err),
        ("wf-001 goes on\n", format!("note: wf-001 {note}\n"))
    );
    desk.nexus(&["signal", "wf-001", "go", "0"]).code(0);
    let error = program(&desk.store(), async |_, run| run.result().await.expect_err("it fails"));
    assert_eq!(error.code(), Some("E_NO"));
    // By itself: it would fail again.
    let refused = desk.nexus(&["retry", "wf-001", "-o", "json"]).code(5).problem();
    assert_eq!(refused["code"], "NX3055");
    assert!(!desk.nexus(&["explain", "wf-001"]).code(0).out.contains("retry"));
}

#[test]
fn who_waits_for_a_program_to_let_go_of_the_store_is_told_so() {
    let desk = Desk::new();
    let said: Arc<Mutex<String>> = Arc::default();
    program(&desk.store(), async |_, _| {
        let mut list = desk.begin(&["list"]);
        let told = Arc::clone(&said);
        let waits = tokio::task::spawn_blocking(move || {
            list.read_err_until("at most", &mut told.lock().expect("nobody panicked"));
            list
        });
        waits.await.expect("it is told").end().code(6)
    });
    let said = said.lock().expect("nobody panicked");
    let wanted = "note: another process has the store open and does not answer; waiting for it";
    assert!(said.starts_with(wanted), "{said}");
    until("it is free", || desk.nexus(&["list"]).code == 0);
}
