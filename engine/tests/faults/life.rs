//! The life of an engine in a test: plans, handlers, opening on a log, and waiting with an end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nexus_engine::log::MemoryLog;
use nexus_engine::model::event::Actor;
use nexus_engine::model::id::RunId;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{Run, RunStatus};
use nexus_engine::{Config, Engine, Handle, Registry, StartRequest};

use crate::log::FaultyLog;

/// An engine, its log and the folder of its views.
pub(crate) struct Life {
    pub(crate) engine: Engine,
    pub(crate) log: Arc<FaultyLog>,
    _folder: tempfile::TempDir,
}

impl Life {
    /// Opens an engine on what `memory` holds.
    pub(crate) fn begin(memory: &Arc<MemoryLog>, config: Config, registry: Registry) -> Self {
        let log = FaultyLog::over(memory, 1);
        Self::on(log, config, registry)
    }

    pub(crate) fn on(log: Arc<FaultyLog>, config: Config, registry: Registry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder = Engine::builder().config(config).registry(registry);
        let engine = builder.open_on(log.clone(), folder.path()).unwrap();
        Self { engine, log, _folder: folder }
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.engine.handle()
    }

    /// Ends as a crash would: what the log has not taken is lost.
    pub(crate) fn crash(self) {
        self.log.faults.gone.store(true, Ordering::SeqCst);
    }

    pub(crate) async fn start(&self, plan: &Arc<Plan>) -> RunId {
        within(self.handle().start(StartRequest::new(Arc::clone(plan)))).await.unwrap().run
    }

    /// Waits until the state of a run is such.
    pub(crate) async fn until(&self, run: RunId, what: &str, holds: impl Fn(&Run) -> bool) {
        let state = async || self.handle().load(run).await.unwrap().expect("it is there").1;
        crate::until::until(what, async || holds(&state().await).then_some(())).await;
    }

    /// Waits for the end of a run, and has its replay agree.
    pub(crate) async fn end_of(&self, run: RunId) -> RunStatus {
        let end = within(self.handle().wait(run)).await.unwrap();
        let replay = self.handle().replay(run, None).await.unwrap();
        assert!(replay.agrees(), "{:?}", replay.differences);
        end
    }
}

/// Short times, so that tests need not wait.
pub(crate) fn config() -> Config {
    Config {
        grace: Duration::from_millis(20),
        rest: Duration::from_millis(20),
        ..Config::default()
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it ends")
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    crate::until::until(what, async || holds().then_some(())).await;
}

pub(crate) fn by() -> Actor {
    Actor { name: "test".into(), via: "rust".into() }
}

pub(crate) fn is_completed(status: &RunStatus) -> bool {
    matches!(status, RunStatus::Completed { .. })
}
