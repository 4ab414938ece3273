//! Real workflow graphs, when they are there, and generated ones of the same families: they run to completion, also when
//! the engine is killed on the way, and complete in an order that the graph allows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nexus_connectors::register;
use nexus_definitions::import::{Options, import};
use nexus_definitions::shapes::{Shape, shape};
use nexus_engine::model::definition::Definition;
use nexus_engine::model::event::Event;
use nexus_engine::model::id::StepIndex;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::{Engine, Registry, StartRequest};

fn engine(folder: &Path) -> Engine {
    let mut registry = Registry::new();
    register(&mut registry, &nexus_connectors::Options::default());
    Engine::builder().registry(registry).open(folder).expect("the store opens")
}

/// Runs a graph to its end and checks the order of completions against the edges.
async fn run_through(engine: &Engine, name: &str, definition: Definition) {
    let plan =
        Arc::new(Plan::compile(definition).unwrap_or_else(|errors| panic!("{name}: {errors:?}")));
    let handle = engine.handle();
    let run = handle.start(StartRequest::new(Arc::clone(&plan))).await.expect("it starts").run;
    let end = handle.wait(run).await.expect("it ends");
    assert!(matches!(end, RunStatus::Completed { .. }), "{name}: {end:?}");
    let history = handle.history(run, 0, usize::MAX).await.expect("it is recorded");
    let mut done: BTreeMap<StepIndex, u32> = BTreeMap::new();
    for recorded in history {
        if let Event::StepCompleted { step, .. } = recorded.event {
            assert!(
                done.insert(step, recorded.revision).is_none(),
                "{name}: {} completed twice",
                plan.id(step)
            );
        }
    }
    assert_eq!(done.len(), plan.step_count() as usize, "{name}: every step completed");
    for step in plan.steps() {
        for need in plan.needs(step) {
            assert!(
                done[need] < done[&step],
                "{name}: {} before {}",
                plan.id(*need),
                plan.id(step)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_graphs_of_every_family_complete_in_an_order_the_graph_allows() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    for family in [
        Shape::Chain,
        Shape::ForkJoin,
        Shape::MontageLike,
        Shape::WideFanIn,
        Shape::Deep,
        Shape::RandomDag,
    ] {
        for size in [1, 2, 30, 700] {
            run_through(&engine, &format!("{family:?} of {size}"), shape(family, size, 7)).await;
        }
    }
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_graphs_complete_in_an_order_the_graph_allows() {
    let Some(data) =
        std::env::var_os("NEXUS_DAG_DATA").map(PathBuf::from).filter(|data| data.is_dir())
    else {
        println!("SKIPPED: NEXUS_DAG_DATA names no folder with workflow graphs");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let expected = std::fs::read(data.join("EXPECTED.json")).expect("the data has its list");
    let expected: serde_json::Value = serde_json::from_slice(&expected).expect("the list is JSON");
    let mut ran = 0;
    for file in files(&expected) {
        let bytes =
            std::fs::read(data.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        match import(&file, &bytes, None, &Options { time_scale: 0.0 }) {
            Ok(imported) => {
                run_through(&engine, &file, imported.definition).await;
                ran += 1;
            }
            Err(error) => assert_eq!(
                error.code(),
                "NX1105",
                "{file}: only cyclic graphs are refused: {error}"
            ),
        }
    }
    println!("{ran} real graphs ran to completion");
    assert!(ran >= 40, "{ran}");
    engine.shutdown().await;
}

/// Names of the files in the list, whatever its shape: keys or values that look like a path.
fn files(expected: &serde_json::Value) -> Vec<String> {
    let Some(map) = expected.as_object() else { return Vec::new() };
    let inner = map.get("files").and_then(|files| files.as_object()).unwrap_or(map);
    inner.keys().filter(|key| key.contains('/')).cloned().collect()
}
