//! Engines of these tests.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nexus_engine::code::FunctionTrouble;
use nexus_engine::log::MemoryLog;
use nexus_engine::model::event::Event;
use nexus_engine::model::id::RunId;
use nexus_engine::prelude::*;
use nexus_engine::{Config, Recorded};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::log::{FaultyLog, memory};
use crate::until::until;

/// An engine with one workflow, on a log.
pub(crate) struct Life {
    pub(crate) engine: Engine,
    pub(crate) log: Arc<FaultyLog>,
    _folder: tempfile::TempDir,
}

impl Life {
    pub(crate) fn begin<In, Out>(memory: &Arc<MemoryLog>, workflow: &Workflow<In, Out>) -> Self {
        Self::on(FaultyLog::over(memory, 1), workflow)
    }

    pub(crate) fn on<In, Out>(log: Arc<FaultyLog>, workflow: &Workflow<In, Out>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            grace: Duration::from_millis(20),
            rest: Duration::from_millis(20),
            ..Config::default()
        };
        let engine = Engine::builder().config(config).workflow(workflow);
        let engine = engine.open_on(log.clone(), folder.path()).unwrap();
        Self { engine, log, _folder: folder }
    }

    /// Ends as a crash would: what the log has not taken is lost.
    pub(crate) fn crash(self) {
        self.log.faults.gone.store(true, Ordering::SeqCst);
    }

    /// What keeps a function from going on, once something does.
    pub(crate) async fn trouble(&self, run: RunId) -> FunctionTrouble {
        until("it is in trouble", async || self.engine.handle().function_trouble(run)).await
    }

    /// The events of a run.
    pub(crate) async fn events(&self, name: &str) -> Vec<Recorded> {
        let run = self.engine.handle().find(name).await.unwrap().unwrap();
        self.engine.handle().history(run, 0, usize::MAX).await.unwrap()
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("it ends")
}

/// Carries out a workflow and says what it brings. Replay agrees with it.
pub(crate) async fn outcome<In, Out>(workflow: &Workflow<In, Out>, input: In) -> Result<Out>
where
    In: Serialize,
    Out: DeserializeOwned,
{
    let life = Life::begin(&memory(), workflow);
    let run = life.engine.start(workflow, input).id("run").await.unwrap();
    let outcome = within(run.result()).await;
    let replay = life.engine.handle().replay(run.run_id().await.unwrap(), None).await.unwrap();
    assert!(replay.agrees(), "{:?}", replay.differences);
    outcome
}

/// The names of the calls of a run, turn by turn.
pub(crate) fn calls(events: &[Recorded]) -> Vec<(u32, Vec<String>)> {
    let made = events.iter().filter_map(|recorded| {
        if let Event::CallsMade(made) = &recorded.event { Some(made) } else { None }
    });
    made.map(|made| (made.turn, made.calls.iter().map(ToString::to_string).collect())).collect()
}
