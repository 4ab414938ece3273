//! Runs whose functions are in a program: no command can carry them out, and each says so.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nexus_engine::Config;
use nexus_engine::prelude::*;
use nexus_gateway::{Server, Service, Setup};
use serde_json::Value;

use super::sharing::serve;
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
    let note = "goes on once the program that has the function `work` opens the store; no command can carry it on";
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
fn what_serve_lacks_is_said_of_a_run_that_waits_for_somebody() {
    let desk = Desk::new();
    waits(&desk);
    let (_server, _) = serve(&desk);
    let program = "goes on once the program that has the function `work` opens the store";
    let explained = desk.nexus(&["explain", "wf-001"]).code(0).out;
    assert!(explained.contains(program), "{explained}");
    let approved = desk.nexus(&["approve", "wf-001"]).code(0).err;
    assert!(approved.contains(program), "{approved}");
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

/// A program that can be asked over its socket.
async fn served<In, Out>(store: &Path, workflow: &Workflow<In, Out>) -> (Engine, Server) {
    let engine = Engine::builder().workflow(workflow).open(store).expect("the store opens");
    let setup = Setup { role: "shop".into(), store: store.to_owned(), ..Setup::default() };
    let service = Service::new(engine.handle().clone(), setup);
    (engine, Server::start(service, None).await.expect("it can be asked"))
}

/// The program is asked over its socket, and knows why its function is stuck.
#[test]
fn no_command_waits_for_a_function_that_is_stuck_where_it_is() {
    let stuck = |_: Cx, _: u64| async move {
        std::future::pending::<()>().await;
        Ok(0)
    };
    let workflow: Workflow<u64, u64> = Workflow::code("stuck", stuck).expect("a workflow");
    let desk = Desk::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (engine, server) = runtime.block_on(async {
        let (engine, server) = served(&desk.store(), &workflow).await;
        engine.start(&workflow, 1).id("wf-001").await.expect("it starts");
        (engine, server)
    });
    for verb in [&["wait"][..], &["watch"], &["result", "--wait"], &["resume"]] {
        let refused = desk.nexus(&[verb, &["wf-001", "-o", "json"]].concat()).code(5).problem();
        assert_eq!(refused["code"], "NX5020", "{verb:?}: {refused}");
    }
    let page = desk.nexus(&["get", "wf-001", "-o", "json"]).code(0).json();
    assert!(page["why"].as_str().is_some_and(|why| why.starts_with("NX5020: ")), "{page}");
    runtime.block_on(async {
        server.stop().await;
        engine.shutdown().await;
    });
}

/// What is recorded stands beside what the function does now.
#[test]
fn explain_shows_both_sides_of_a_function_that_differs() {
    let desk = Desk::new();
    waits(&desk);
    desk.nexus(&["approve", "wf-001"]).code(0);
    let differs = Workflow::code("work", async |cx: Cx, n: u64| {
        cx.sleep(Duration::from_mins(1)).await?;
        Ok(n)
    });
    let differs = differs.expect("a workflow");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (engine, server) = runtime.block_on(async {
        let (engine, server) = served(&desk.store(), &differs).await;
        engine.run::<u64>("wf-001").result().await.expect_err("it gets no further");
        (engine, server)
    });
    let said = desk.nexus(&["explain", "wf-001"]).code(0).out;
    let sides = ["NX5001", "recorded", "this program", "approve", "sleep"];
    assert!(sides.iter().all(|side| said.contains(side)), "{said}");
    runtime.block_on(async {
        server.stop().await;
        engine.shutdown().await;
    });
}

/// A graph whose steps are closures: it pays, waits for `go`, and then ships, by a step that may be left out.
fn parcel() -> Workflow<u64, String> {
    Workflow::dag("parcel", |d, n| {
        let paid = d.step("pay", |_: StepCx, n: u64| async move { Ok(n + 1) }, n);
        let go = d.wait("go", &GO).after(paid);
        let ship = |_: StepCx, (n, go): (u64, u64)| async move { Ok(format!("{n} and {go}")) };
        d.step("ship", ship, (paid, go))
    })
    .expect("a workflow")
}

/// Calls a graph of closures.
fn caller() -> Workflow<u64, String> {
    Workflow::dag("caller", |d, n| d.call("parcel", &parcel(), n)).expect("a workflow")
}

/// A program that begins runs of graphs and ends when the first step of each is at work, which it never ends.
fn is_cut_off(desk: &Desk) {
    let at_work: Arc<tokio::sync::Semaphore> = Arc::new(tokio::sync::Semaphore::new(0));
    let tell = Arc::clone(&at_work);
    let hangs = move |_: StepCx, _: u64| {
        let tell = Arc::clone(&tell);
        async move {
            tell.add_permits(1);
            std::future::pending::<StepResult<u64>>().await
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (parcel, caller) = (parcel(), caller());
        let both = Workflow::dag("both", |d, n: Node<'_, u64>| {
            d.step("stays", hangs.clone(), n);
            d.wait("go", &GO)
        });
        let both = both.expect("a workflow");
        let config = Config { grace: Duration::ZERO, drain: Duration::ZERO, ..Config::default() };
        let builder = Engine::builder().config(config).workflow(&parcel).workflow(&caller);
        let builder = builder.workflow(&both).handler("parcel.pay", hangs);
        let engine = builder.open(desk.store()).expect("the store opens");
        engine.start(&parcel, 1).id("wf-001").await.expect("it starts");
        engine.start(&caller, 1).id("wf-002").await.expect("it starts");
        engine.start(&both, 1).id("wf-003").await.expect("it starts");
        let _all = at_work.acquire_many(3).await.expect("it is open");
        engine.shutdown().await;
    });
}

#[test]
fn no_command_waits_for_the_steps_of_a_program() {
    let desk = Desk::new();
    is_cut_off(&desk);
    let explained = desk.nexus(&["explain", "wf-001"]).code(0).out;
    let why =
        "why    no engine works on it; it waits for a program that has the handler `parcel.pay`";
    assert!(explained.contains(why), "{explained}");
    assert!(
        explained.contains("NX3004: nobody offers the handler `parcel.pay` of pay"),
        "{explained}"
    );
    assert!(!explained.contains("resume") && !explained.contains("serve"), "{explained}");
    for verb in ["resume", "wait", "watch"] {
        let refused = desk.nexus(&[verb, "wf-001", "-o", "json"]).code(5).problem();
        assert_eq!(refused["code"], "NX3004", "{verb}");
        let said = "wf-001 gets no further without the handler `parcel.pay` of pay, which nobody here offers";
        assert_eq!(refused["message"], said, "{verb}");
        let hint = "run the program that has it: wf-001 goes on once that opens the store";
        assert_eq!(refused["hint"], hint, "{verb}");
        // It waits for one that does not.
        let refused = desk.nexus(&[verb, "wf-002", "-o", "json"]).code(5).problem();
        assert_eq!(refused["code"], "NX3004", "{verb}");
    }
    // Something of it can go on, until it has.
    let mut waits = desk.begin(&["wait", "wf-003", "-o", "json"]);
    let holder = desk.store().join("control.json");
    let is_held = || std::fs::read_to_string(&holder).is_ok_and(|text| text.contains("\"wait\""));
    until("it is waited for", is_held);
    assert!(waits.child().try_wait().expect("it is there").is_none());
    desk.nexus(&["signal", "wf-003", "go", "1"]).code(0);
    let refused = waits.end().code(5).problem();
    assert_eq!(refused["code"], "NX3004");
    let note = "goes on once a program that has the handler `parcel.pay` opens the store; no command can carry it on";
    desk.nexus(&["pause", "wf-001"]).code(0);
    let resumed = desk.nexus(&["resume", "wf-001"]).code(0);
    let resumed = (&*resumed.out, resumed.err);
    assert_eq!(resumed, ("wf-001 goes on\n", format!("note: wf-001 {note}\n")));
    // A watch of all watches those that go on, and there is none.
    let refused = desk.nexus(&["watch"]).code(5).err;
    assert!(["wf-001", "wf-002", "wf-003"].iter().all(|id| refused.contains(id)), "{refused}");
    // Also where an engine has the store open, nothing is said to be at work, and nobody is told to wait.
    let _serves = desk.begin(&["serve"]);
    let is_served = || desk.nexus(&["get", "wf-001"]).out.contains("why      NX3004");
    until("an engine has the run", is_served);
    let got = desk.nexus(&["get", "wf-001"]).code(0).out;
    assert!(got.contains("NX3004: nobody offers the handler `parcel.pay`"), "{got}");
    assert!(!got.contains("at work"), "{got}");
    let explained = desk.nexus(&["explain", "wf-001"]).code(0).out;
    assert!(explained.contains("NX3004") && !explained.contains(" wait "), "{explained}");
}

/// A program that begins a run of a function, and ends when its step is at work, which never ends; or when the run has ended.
fn function_program(desk: &Desk, id: &str, fails: bool) {
    let at_work: Arc<tokio::sync::Semaphore> = Arc::new(tokio::sync::Semaphore::new(0));
    let tell = Arc::clone(&at_work);
    let works = move |_: StepCx, _: u64| {
        tell.add_permits(1);
        async move {
            if fails {
                return Err(StepError::fatal("closed"));
            }
            std::future::pending::<StepResult<u64>>().await
        }
    };
    let long = Workflow::code("long", move |cx: Cx, n: u64| {
        let works = works.clone();
        async move { cx.step("work", works, n).await }
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let long = long.expect("a workflow");
        let config = Config { grace: Duration::ZERO, drain: Duration::ZERO, ..Config::default() };
        let engine = Engine::builder().config(config).workflow(&long).open(desk.store());
        let engine = engine.expect("the store opens");
        let run = engine.start(&long, 1).id(id).await.expect("it starts");
        let _at_work = at_work.acquire().await.expect("it is open");
        if fails {
            run.result().await.expect_err("it fails");
        }
        drop(run);
        engine.shutdown().await;
    });
}

#[test]
fn what_is_said_of_a_function_that_was_cut_off_and_of_one_that_failed_is_so() {
    let desk = Desk::new();
    function_program(&desk, "wf-001", false);
    let view = desk.nexus(&["explain", "wf-001", "-o", "json"]).code(0).json();
    let causes = view["causes"].as_array().expect("a list");
    assert_eq!(causes.len(), 2, "{view}");
    for cause in causes {
        let release = "a program that has the function `long` opens the store";
        assert_eq!((&cause["cause"], &cause["release"]), (&"orphaned".into(), &release.into()));
    }
    let why = view["steps"][0]["why"].as_str().expect("a line");
    let when = "attempt 1 runs again when the program that has the function opens the store";
    assert!(why.ends_with(when), "{why}");
    assert_eq!(view["commands"], serde_json::json!(["nexus-engine cancel wf-001"]));

    function_program(&desk, "wf-002", true);
    for verb in ["explain", "get"] {
        let said = desk.nexus(&[verb, "wf-002"]).code(0).out;
        assert!(said.contains("NX3001 closed") && !said.contains("went on"), "{said}");
    }
    let told = desk.nexus(&["history", "wf-002"]).code(0).out;
    assert!(told.contains("NX3001 closed; its function is told"), "{told}");
}

#[test]
fn all_calls_of_a_function_are_shown_and_what_is_not_there_is_said() {
    let desk = Desk::new();
    let three = Workflow::code("three", |cx: Cx, n: u64| async move {
        let add = |cx: StepCx, n: u64| async move {
            if n == 2 && cx.attempt() == 1 {
                return Err(StepError::retry("again"));
            }
            Ok(n + 1)
        };
        let quick = Retry::constant(3, Duration::from_millis(1));
        let one = cx.step("one", add, n).await?;
        let two = cx.step("two", add.retry(quick), one).await?;
        let failed = |_: StepCx, _: u64| async { Err::<u64, _>(StepError::fatal("closed")) };
        let caught = cx.step("caught", failed, two).await.unwrap_or(7);
        cx.step("four", add, caught).await
    });
    let three = three.expect("a workflow");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let engine = Engine::builder().workflow(&three).open(desk.store()).expect("it opens");
        let run = engine.start(&three, 1).id("wf-001").await.expect("it starts");
        assert_eq!(run.result().await.expect("it ends"), 8);
        drop(run);
        engine.shutdown().await;
    });
    let view = desk.nexus(&["get", "wf-001", "-o", "json"]).code(0).json();
    let steps = view["steps"].as_array().expect("a list").iter();
    let told = |step: &Value| {
        format!("{} {} {} {}", step["id"], step["status"], step["attempts"], step["output"])
    };
    let told: Vec<String> = steps.map(told).collect();
    let wanted = [
        r#""one" "completed" 1 2"#,
        r#""two" "completed" 2 3"#,
        r#""caught" "failed" 1 null"#,
        r#""four" "completed" 1 8"#,
    ];
    assert_eq!(told, wanted);
    let output = desk.nexus(&["get", "wf-001", "--step", "two", "-o", "value"]).code(0).out;
    assert_eq!(output, "3\n");
    let graph = desk.nexus(&["graph", "wf-001", "-o", "json"]).code(0).json();
    let nodes = graph["nodes"].as_array().expect("a list").iter();
    let told: Vec<_> = nodes.map(|node| (&node["id"], &node["kind"], &node["status"])).collect();
    let node = |id: &str, status: &str| serde_json::json!([id, "action", status]);
    let wanted =
        [("one", "completed"), ("two", "completed"), ("caught", "failed"), ("four", "completed")];
    let wanted: Vec<_> = wanted.iter().map(|(id, status)| node(id, status)).collect();
    assert_eq!(serde_json::json!(told), serde_json::json!(wanted));
    let listed = desk.nexus(&["list", "-o", "json"]).code(0).json();
    assert_eq!(listed["runs"][0]["steps_completed"], 3, "{listed}");
    let resumed = desk.nexus(&["resume", "wf-001"]).code(0);
    assert!(resumed.err.contains("4 steps, 1 retry"), "{}", resumed.err);
    let watched = desk.nexus(&["watch", "wf-001"]).code(0).err;
    assert!(["one", "two", "caught", "four"].iter().all(|id| watched.contains(id)), "{watched}");
    let logs = desk.nexus(&["logs", "wf-001"]).code(0);
    assert_eq!((&*logs.out, &*logs.err), ("", "no step of wf-001 has printed anything\n"));
    let logs = desk.nexus(&["logs", "wf-001", "two"]).code(0);
    assert_eq!((&*logs.out, &*logs.err), ("", "two of wf-001 has printed nothing\n"));
    desk.nexus(&["logs", "wf-001", "twos"]).code(3);
}

#[test]
fn a_signal_that_is_kept_for_a_function_names_its_program() {
    let desk = Desk::new();
    waits(&desk);
    let kept = desk.nexus(&["signal", "wf-001", "go", "1"]).code(0);
    assert_eq!(kept.out, "kept: no step of wf-001 waits for go yet\n");
    let note = "note: wf-001 goes on once the program that has the function `work` opens the store; no command can carry it on\n";
    assert_eq!(kept.err, note);
}

/// What `doctor` says of open runs: of each finding its level, code, text and hint.
fn doctor(desk: &Desk) -> Vec<[String; 4]> {
    let report = desk.nexus(&["doctor", "-o", "json"]).json();
    let findings = report["findings"].as_array().expect("a list").iter();
    let of_runs = findings
        .filter(|it| ["pending", "programs"].contains(&it["name"].as_str().unwrap_or_default()));
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    of_runs.map(|it| ["level", "code", "text", "hint"].map(|key| word(&it[key]))).collect()
}

#[test]
fn doctor_names_the_programs_that_runs_need() {
    let desk = Desk::new();
    is_cut_off(&desk);
    function_program(&desk, "long-1", false);
    desk.nexus(&["start", "quick.workflow.yaml", "--id", "quick"]).code(0);
    let [pending, programs @ ..] = &*doctor(&desk) else { panic!("it looks") };
    let pending = pending.each_ref().map(String::as_str);
    let resume = "nexus-engine serve, or nexus-engine resume RUN";
    // Of wf-003 something can go on.
    assert_eq!(pending, ["fine", "", "2 runs wait for an engine", resume]);
    let its_program =
        |run: &str| format!("run the program that has it: {run} goes on once that opens the store");
    let pay =
        "wf-001 gets no further without the handler `parcel.pay` of pay, which nobody here offers";
    let told = |wanted: &str| programs.iter().find(|[_, _, text, _]| text.starts_with(wanted));
    assert_eq!(
        told("wf-001"),
        Some(&["fine".into(), "NX3004".into(), pay.into(), its_program("wf-001")])
    );
    let [_, code, text, hint] = told("long-1").expect("it is told of");
    assert_eq!((&**code, &**hint), ("NX5022", &*its_program("long-1")), "{text}");
    let [_, code, text, hint] = told("wf-002 ").expect("it is told of");
    assert_eq!((&**code, &**hint), ("NX3004", &*its_program("wf-002")), "{text}");
    let listed = desk.nexus(&["list", "-o", "json"]).code(0).json();
    let on = |id: &str| {
        let runs = listed["runs"].as_array().expect("a list");
        runs.iter().find(|run| run["id"] == id).map(|run| run["waiting_on"].clone())
    };
    assert_eq!(on("quick"), Some("an engine".into()));
    assert_eq!(on("wf-001"), Some("NX3004 handler `parcel.pay`".into()));
    assert_eq!(on("wf-002"), Some("run wf-002/parcel".into()));
    assert_eq!(on("long-1"), Some("NX5022 function `long`".into()));
}

#[test]
fn doctor_says_why_a_function_gets_no_further_in_the_program_that_has_the_store() {
    let desk = Desk::new();
    let stuck = Workflow::code("stuck", async |_: Cx, (): ()| {
        std::future::pending::<()>().await;
        Ok(())
    });
    let stuck = stuck.expect("a workflow");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (engine, server) = runtime.block_on(async {
        let (engine, server) = served(&desk.store(), &stuck).await;
        let run = engine.start(&stuck, ()).id("wf-001").await.expect("it starts");
        run.result().await.expect_err("it gets no further");
        (engine, server)
    });
    let listed = desk.nexus(&["list"]).code(0).out;
    assert!(listed.contains("NX5020 a fitting function `stuck`"), "{listed}");
    let [pending, [level, code, text, hint]] = &*doctor(&desk) else { panic!("it looks") };
    assert_eq!((&*pending[0], &*pending[2]), ("fine", "nothing waits that could go on"));
    assert_eq!((&**level, &**code), ("warning", "NX5020"));
    assert!(text.starts_with("wf-001 gets no further here: the function waits for"), "{text}");
    assert_eq!(hint, "nexus-engine explain wf-001 says more; it goes on with code that fits");
    desk.nexus(&["doctor"]).code(1);
    runtime.block_on(async {
        server.stop().await;
        engine.shutdown().await;
    });
}

#[test]
fn hints_about_a_run_of_a_program_are_ones_that_work() {
    let desk = Desk::new();
    waits(&desk);
    let refused = desk.nexus(&["result", "wf-001", "-o", "json"]).code(8).problem();
    let its_program = "run the program that has it: wf-001 goes on once that opens the store";
    assert_eq!((&refused["code"], &refused["hint"]), (&"NX7013".into(), &its_program.into()));

    let fails = |_: StepCx, _: u64| async { Err::<u64, _>(StepError::fatal("closed")) };
    let undone = Workflow::dag("undone", |d, n| {
        let same = |_: StepCx, n: u64| async move { Ok(n) };
        let taken = d.step("take", same.undo(|_: StepCx, _: u64| async { Ok(()) }), n);
        d.step("fail", fails, taken)
    });
    let undone = undone.expect("a workflow").on_failure(OnFailure::Compensate);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let engine = Engine::builder().workflow(&undone).open(desk.store()).expect("it opens");
        let run = engine.start(&undone, 1).id("undone-1").await.expect("it starts");
        run.result().await.expect_err("it fails");
        drop(run);
        engine.shutdown().await;
    });
    let refused = desk.nexus(&["retry", "undone-1", "-o", "json"]).code(5).problem();
    let another = "start another run, from the program that has its code, under another name";
    assert_eq!((&refused["code"], &refused["hint"]), (&"NX5005".into(), &another.into()));
}

#[test]
fn who_leaves_a_run_that_has_come_to_the_code_of_a_program_is_told_so() {
    let desk = Desk::new();
    is_cut_off(&desk);
    desk.nexus(&["start", "nap.workflow.yaml", "--id", "nap"]).code(0);
    let mut waits = desk.begin(&["wait", "wf-003", "nap", "--timeout", "3s"]);
    let holder = desk.store().join("control.json");
    let is_held = || std::fs::read_to_string(&holder).is_ok_and(|text| text.contains("\"wait\""));
    until("it is waited for", is_held);
    assert!(waits.child().try_wait().expect("it is there").is_none());
    desk.nexus(&["signal", "wf-003", "go", "1"]).code(0);
    let over = waits.end().code(8).err;
    let hint =
        "help: it is parked; run the program that has it: wf-003 goes on once that opens the store";
    assert!(over.contains(hint), "{over}");
}

#[test]
fn commands_that_explain_gives_name_the_store() {
    let desk = Desk::new();
    waits(&desk);
    let elsewhere = desk.path().join("elsewhere");
    std::fs::rename(desk.store(), &elsewhere).expect("it can be moved");
    let at = ["--store", "elsewhere", "-o", "json"];
    let view = desk.nexus(&[&["explain", "wf-001"], &at[..]].concat()).code(0).json();
    assert_eq!(
        view["commands"],
        serde_json::json!(["nexus-engine cancel wf-001 --store elsewhere"])
    );
    let releases: Vec<&str> = view["causes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|cause| cause["release"].as_str())
        .collect();
    let approve = "nexus-engine approve --store elsewhere wf-001 ok, or reject";
    assert!(releases.contains(&approve), "{releases:?}");
    let update = ["update", "wf-001", "qty", "--data", "1"];
    let refused = desk.nexus(&[&update, &at[..]].concat()).code(5).problem();
    let see = "see where it stands: nexus-engine explain --store elsewhere wf-001";
    assert_eq!((&refused["code"], &refused["hint"]), (&"NX4127".into(), &see.into()));
}

#[test]
fn serve_counts_what_it_can_carry_on() {
    let desk = Desk::new();
    is_cut_off(&desk);
    function_program(&desk, "long-1", false);
    desk.nexus(&["start", "quick.workflow.yaml", "--id", "quick"]).code(0);
    let mut serve = desk.begin(&["serve", "--listen", "127.0.0.1:0"]);
    until("an engine has the runs", || desk.nexus(&["get", "quick"]).out.contains("completed"));
    let got = desk.nexus(&["get", "long-1", "-o", "json"]).code(0).json();
    let step = &got["steps"][0];
    assert_eq!((&step["status"], &step["took_ms"]), (&"interrupted".into(), &Value::Null));
    let view = desk.nexus(&["explain", "long-1", "-o", "json"]).code(0).json();
    let causes = view["causes"].as_array().expect("a list").iter();
    let words: Vec<_> = causes.map(|cause| cause["cause"].as_str().unwrap_or_default()).collect();
    assert_eq!(words, ["function", "function"], "{view}");
    assert_eq!(
        view["causes"][1]["release"],
        "the program that has the function `long` opens the store"
    );
    serve.signal(rustix::process::Signal::INT);
    let served = serve.end().code(0);
    let hello = "(2 open runs picked up; the programs of 3 more carry them on)";
    assert!(served.out.contains(hello), "{}", served.out);
    assert!(served.err.contains("draining: 1 run with running steps"), "{}", served.err);
}
