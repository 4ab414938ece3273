//! Forgetting a run, killed before and after each thing it does: afterwards the run is whole, or the next process ends what was begun.
//!
//! The process that forgets is this test binary again. It kills itself at the moment it is told: moments are counted from the first
//! thing that `forget` does to the log.

#[path = "../../log/tests/support/folders.rs"]
mod folders;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use folders::{copy, files};
use nexus_engine::log::{EventLog, FjallLog, Moment, Options, Partition};
use nexus_engine::model::definition::StepKind;
use nexus_engine::model::event::{Actor, Event};
use nexus_engine::model::id::RunId;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::tables::{FORGETTING, FORGETTING_END, KEYS, META, TABLES};
use nexus_engine::{Engine, Handle, StartRequest, StepCx, StepResult, handler_fn};
use nexus_tests::until;
use serde_json::{Value, json};

const STORE: &str = "NEXUS_FORGET_STORE";
const THIS: &str = "a_process_killed_while_it_forgets_leaves_the_run_whole_or_the_next_one_ends_it";
const KILLED_AT: &str = "NEXUS_FORGET_KILLED_AT";
const SECRET: &str = "a value nobody shall read";
const SIGKILL: i32 = 9;

static COUNTS: AtomicBool = AtomicBool::new(false);
static MOMENTS: AtomicUsize = AtomicUsize::new(0);

/// Says which moment it is, and ends the process as a power switch would if it is the one.
fn at(moment: Moment) {
    if COUNTS.load(Ordering::SeqCst) {
        reached(&format!("{moment:?}"));
    }
}

#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn reached(what: &str) {
    let number = MOMENTS.fetch_add(1, Ordering::SeqCst);
    println!("moment {number} {what}");
    let killed_at = std::env::var(KILLED_AT).expect("a child is told");
    if killed_at == number.to_string() {
        let me = std::process::id().to_string();
        let _ = Command::new("kill").args(["-KILL", &me]).status();
        loop {
            std::thread::park();
        }
    }
}

async fn echo(_: StepCx, input: Value) -> StepResult<Value> {
    Ok(input)
}

fn open(store: &Path, on_moment: Option<fn(Moment)>) -> Engine {
    let log = FjallLog::open(store, Options { on_moment, ..Options::new(TABLES) });
    let builder = Engine::builder().handler("echo", handler_fn(echo));
    builder.open_on(Arc::new(log.expect("the log opens")), store).expect("the engine opens")
}

fn by() -> Actor {
    Actor { name: "dana".to_owned(), via: "test".to_owned() }
}

fn plan(encrypt: bool) -> Arc<Plan> {
    let text = format!(
        "nexus: v1\nname: w{encrypt}\nencrypt: {encrypt}\ninputs: {{ v: string }}\nsteps:\n  a:\n    uses: echo\n    with: '${{{{ inputs.v }}}}'\noutputs: '${{{{ steps.a.output }}}}'\n"
    );
    Arc::new(nexus_definitions::read("w.workflow.yaml", &text).expect("a good definition").plan)
}

/// A workflow that calls [`plan`], encrypted.
fn caller(called: &Plan) -> Arc<Plan> {
    let text = "nexus: v1\nname: caller\nencrypt: true\ninputs: { v: string }\nsteps:\n  a:\n    call: called\n    with: { v: '${{ inputs.v }}' }\noutputs: '${{ steps.a.output }}'\n";
    let read = nexus_definitions::read("w.workflow.yaml", text).expect("a good definition");
    let mut definition = read.definition;
    let kind = definition.steps.first_mut().map(|step| &mut step.kind);
    let Some(StepKind::Call { definition: resolved, .. }) = kind else { panic!("it calls") };
    *resolved = Some(called.hash());
    Arc::new(Plan::compile(definition).expect("a good definition"))
}

/// The runs of the prepared store: one to forget and the one that it called, another with a key of its own, one without.
struct Runs {
    gone: [RunId; 2],
    others: [RunId; 2],
    keys: [Vec<u8>; 2],
}

async fn prepare(store: &Path) -> Runs {
    let engine = open(store, None);
    let mut runs = Vec::new();
    let called = plan(false);
    for (name, plan) in [("gone", caller(&called)), ("kept", plan(true)), ("plain", plan(false))] {
        let request = StartRequest::new(plan).name(name).input(json!({ "v": SECRET }));
        let request = request.callees([Arc::clone(&called)]);
        let run = engine.handle().start(request).await.expect("it starts").run;
        engine.handle().wait(run).await.expect("it ends");
        runs.push(run);
    }
    let child = engine.handle().find("gone/a").await.expect("readable").expect("it was called");
    let gone = [runs[0], child];
    let keys =
        gone.map(|run| engine.handle().log().row(KEYS, &run.0).expect("readable").expect("a key"));
    assert!(keys.iter().all(|key| key.len() == 32) && keys[0] != keys[1]);
    engine.shutdown().await;
    for key in &keys {
        assert_ne!(holding(store, key), Vec::<PathBuf>::new());
    }
    Runs { gone, others: [runs[1], runs[2]], keys }
}

/// Files that hold a key of a run that is to be forgotten.
fn holding_keys(store: &Path, runs: &Runs) -> Vec<PathBuf> {
    runs.keys.iter().flat_map(|key| holding(store, key)).collect()
}

/// The child: forgets the run, and is killed on the way.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
async fn forget(store: &Path) {
    let engine = open(store, Some(at));
    let run = engine.handle().find("gone").await.expect("readable").expect("it is there");
    COUNTS.store(true, Ordering::SeqCst);
    engine.handle().forget(run, by()).await.expect("it is forgotten");
    println!("answered");
    reached("Answered");
    COUNTS.store(false, Ordering::SeqCst);
    engine.shutdown().await;
}

/// What a child said: the moments it came to, and whether it has answered.
struct Child {
    moments: Vec<String>,
    answered: bool,
    killed: bool,
}

fn child(store: &Path, killed_at: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("this binary"));
    child.args(["--exact", THIS, "--nocapture", "--test-threads=1"]);
    child.env(STORE, store).env(KILLED_AT, killed_at).stdin(Stdio::null()).stderr(Stdio::null());
    let output = child.output().expect("it runs");
    let killed = output.status.signal() == Some(SIGKILL);
    assert!(killed || output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    // The name of the test stands before the first of them.
    let moment = |line: &str| line.split_once("moment ").map(|(_, moment)| moment.to_owned());
    let moments = said.lines().filter_map(moment).collect();
    Child { moments, answered: said.lines().any(|line| line == "answered"), killed }
}

/// Files that hold these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| contains(&fs::read(path).expect("readable"), bytes);
    files(folder).into_iter().filter(holds).collect()
}

fn contains(content: &[u8], bytes: &[u8]) -> bool {
    let text = |bytes: &[u8]| bytes.first().copied();
    let Some(first) = text(bytes) else { return false };
    let mut rest = content;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[at..];
        if rest.starts_with(bytes) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// The output of a run; `None` if it cannot be read.
async fn shown(handle: &Handle, run: RunId) -> Option<Value> {
    let (_, state) = handle.load(run).await.expect("readable").expect("it is there");
    let RunStatus::Completed { output } = &state.status else { panic!("it has completed") };
    let bytes = handle.loader().bytes(output).ok()?;
    serde_json::from_slice(&bytes).ok()
}

async fn is_forgotten(handle: &Handle, run: RunId) -> bool {
    let history = handle.history(run, 1, usize::MAX).await.expect("readable");
    history.iter().any(|recorded| matches!(recorded.event, Event::RunForgotten { .. }))
}

/// What must hold in the process after the one that was killed.
async fn check(store: &Path, runs: &Runs, what: &str, answered: bool) {
    if answered {
        assert_eq!(holding_keys(store, runs), Vec::<PathBuf>::new(), "{what}: it had answered");
    }
    let engine = open(store, None);
    let handle = engine.handle();
    let [gone, called] = runs.gone;
    let key = handle.log().row(KEYS, &gone.0).expect("readable").expect("a row");
    if is_forgotten(handle, gone).await {
        assert_eq!(key, Vec::<u8>::new(), "{what}: the key is deleted with the event");
        assert_ne!(shown(handle, gone).await, Some(json!(SECRET)), "{what}");
        until("it has ended what was begun", async || {
            let due = handle.log().rows(META, FORGETTING, FORGETTING_END, 9).expect("readable");
            due.is_empty().then_some(())
        })
        .await;
        assert_eq!(holding_keys(store, runs), Vec::<PathBuf>::new(), "{what}");
    } else {
        assert_eq!(key, runs.keys[0], "{what}: nothing is recorded, so the run is whole");
        for run in runs.gone {
            assert_eq!(shown(handle, run).await, Some(json!(SECRET)), "{what}");
        }
        handle.forget(gone, by()).await.expect("it can still be forgotten");
        assert_eq!(holding_keys(store, runs), Vec::<PathBuf>::new(), "{what}");
    }
    assert!(is_forgotten(handle, called).await, "{what}: so is the run that it called");
    for run in [gone, called, runs.others[0], runs.others[1]] {
        let replay = handle.replay(run, None).await.expect("it can be replayed");
        assert!(replay.agrees(), "{what}: {:?}", replay.differences);
    }
    for run in runs.others {
        assert_eq!(
            shown(handle, run).await,
            Some(json!(SECRET)),
            "{what}: others are as they were"
        );
    }
    let other = handle.log().row(KEYS, &runs.others[0].0).expect("readable").expect("a key");
    assert_eq!(other.len(), 32, "{what}");
    engine.shutdown().await;
    let log = FjallLog::open(store, Options::new(TABLES)).expect("the log opens");
    assert_eq!(log.verify(Partition(0)).problems, [], "{what}");
    let due = log.rows(META, FORGETTING, FORGETTING_END, 9).expect("readable");
    assert_eq!(due, [], "{what}: nothing is left to do");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_while_it_forgets_leaves_the_run_whole_or_the_next_one_ends_it() {
    if let Some(store) = std::env::var_os(STORE).map(PathBuf::from) {
        return forget(&store).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let prepared = folder.path().join("prepared");
    let runs = prepare(&prepared).await;
    // How many moments there are differs from process to process: what else is appended in the meantime is among them.
    for number in 0.. {
        let store = folder.path().join(format!("killed-{number}"));
        copy(&prepared, &store);
        let child = child(&store, &number.to_string());
        let last = child.moments.last().map_or("", String::as_str);
        check(&store, &runs, last, child.answered).await;
        fs::remove_dir_all(&store).expect("removed");
        assert_eq!(child.moments[0], "0 Before(Commit)");
        if !child.killed {
            assert!(child.answered && number > 10, "{:?}", child.moments);
            break;
        }
        assert!(last.starts_with(&format!("{number} ")), "{:?}", child.moments);
    }
}
