//! Loops, routers and races in an engine with its store: wherever a handler is at work when the process ends, the next one
//! brings the run to the same end.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nexus_engine::model::definition::Definition;
use nexus_engine::model::id::RunId;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::{Config, Engine, StartRequest, StepCx, StepResult, handler_fn};
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/stores.rs"]
mod stores;

use stores::crash;

/// A loop of three rounds, a router behind it, and a race that a sleep wins.
fn plan() -> Arc<Plan> {
    let work = |id: &str, n: Value, needs: &[&str]| json!({"id": id, "needs": needs, "kind": {"action": {"uses": "work", "with": {"step": id, "n": n}}}});
    let json = json!({
        "name": "ways",
        "steps": [
            work("draft", json!("${{ round.number }}"), &[]),
            work("review", json!("${{ steps.draft.output }}"), &["draft"]),
            {"id": "again", "needs": ["review"], "kind": {"repeat": {"from": "draft", "until": "steps.review.output >= 3", "limit": 5}}},
            {"id": "route", "needs": ["again"], "kind": {"switch": {
                "cases": [{"when": "steps.again.output.rounds > 2", "then": ["large"]}], "default": ["small"]}}},
            work("large", json!("large"), &[]),
            work("small", json!("small"), &[]),
            {"id": "slow", "needs": ["large", "small"], "kind": {"action": {"uses": "slow"}}},
            {"id": "quick", "needs": ["large", "small"], "kind": {"sleep": {"duration": "100ms"}}},
            {"id": "first", "kind": {"race": {"of": ["slow", "quick"]}}},
            work("end", json!("${{ steps.first.output.winner }}"), &["first"]),
        ],
        "outputs": {
            "rounds": "${{ steps.again.output.rounds }}",
            "way": "${{ steps.route.output.then }}",
            "winner": "${{ steps.end.output }}",
        },
    });
    let definition = Definition::from_json(json.to_string().as_bytes()).unwrap();
    Arc::new(Plan::compile(definition).unwrap())
}

/// What was called, and the folder of the store as it was then, if it was kept.
type Made = (String, Option<TempDir>);

/// What was called, and what a process that ended at that moment would have left.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Made>>>);

impl Calls {
    fn note(&self, step: &str, store: Option<&Path>) {
        let left = store.map(crash);
        self.0.lock().unwrap().push((step.to_owned(), left));
    }

    fn steps(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(step, _)| step.clone()).collect()
    }
}

/// Opens an engine whose handlers note their calls, and keep what is on the disk then if `kept` says where that is.
fn open(store: &Path, calls: &Calls, kept: Option<&Path>) -> Engine {
    let config = Config { grace: Duration::from_millis(50), ..Config::default() };
    let kept: Option<PathBuf> = kept.map(Path::to_owned);
    let (of_work, of_slow) = ((calls.clone(), kept.clone()), (calls.clone(), kept));
    let work = move |_: StepCx, input: Value| {
        let (calls, kept) = of_work.clone();
        async move {
            calls.note(input["step"].as_str().unwrap_or_default(), kept.as_deref());
            StepResult::Ok(input["n"].clone())
        }
    };
    let slow = move |cx: StepCx, _: Value| {
        let (calls, kept) = of_slow.clone();
        async move {
            calls.note("slow", kept.as_deref());
            cx.or_cancelled(std::future::pending::<()>()).await?;
            StepResult::Ok(Value::Null)
        }
    };
    let builder = Engine::builder().config(config);
    builder.handler("work", handler_fn(work)).handler("slow", handler_fn(slow)).open(store).unwrap()
}

/// How a run ended: its status with the output, and what became of each step.
async fn ending(engine: &Engine, run: RunId) -> (RunStatus, Vec<&'static str>) {
    let status = engine.handle().wait(run).await.unwrap();
    let (_, state) = engine.handle().load(run).await.unwrap().expect("the run is there");
    assert!(engine.handle().replay(run, None).await.unwrap().agrees());
    (status, state.steps().map(|(_, step)| step.state.word()).collect())
}

/// The calls but those of the race's other side: the sleep may be over, and the race with it, before an engine makes them.
fn others(steps: &[String]) -> Vec<String> {
    steps.iter().filter(|step| *step != "slow").cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_routers_and_races_end_the_same_wherever_a_handler_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let calls = Calls::default();
    let engine = open(folder.path(), &calls, Some(folder.path()));
    let run = engine.handle().start(StartRequest::new(plan())).await.unwrap().run;
    let plain = ending(&engine, run).await;
    engine.shutdown().await;
    let RunStatus::Completed { output } = &plain.0 else { panic!("{plain:?}") };
    let output: Value = serde_json::from_str(&format!("{output:?}")).expect("an output is JSON");
    assert_eq!(output, json!({"rounds": 3, "way": ["large"], "winner": "quick"}));
    let called = calls.steps();
    let rounds = ["draft", "review"].repeat(3);
    assert_eq!(others(&called), [&rounds[..], &["large", "end"]].concat());

    let left = std::mem::take(&mut *calls.0.lock().unwrap());
    for (at, (step, store)) in left.into_iter().enumerate() {
        let store = store.expect("the first engine keeps what is on the disk");
        let calls = Calls::default();
        let engine = open(store.path(), &calls, None);
        assert_eq!(ending(&engine, run).await, plain, "cut off in call {at}, {step}");
        engine.shutdown().await;
        // What came behind the race may be over or not when its other side is called.
        if step != "slow" {
            let left = others(&called[at..]);
            assert_eq!(others(&calls.steps()), left, "only what was cut off is called again");
        }
    }
}
