//! An engine with a store on disk, a server, and both ways to ask it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_engine::log::{FjallLog, Options};
use nexus_engine::tables::TABLES;
use nexus_engine::{Config, Drive, Engine, StepCx, StepError, StepResult, handler_fn};
use nexus_gateway::api::{By, RunView, StartRun};
use nexus_gateway::{Client, Control, Server, Service, Setup};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

/// An engine, and what it is asked through.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) engine: Engine,
    pub(crate) service: Service,
    pub(crate) server: Server,
    pub(crate) client: Client,
    /// Lets one `gate` step pass.
    pub(crate) gate: Arc<Notify>,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(Drive::All, None).await
    }

    pub(crate) async fn open_with(drive: Drive, listen: Option<&str>) -> Self {
        Self::open_as(Config { drive, ..config() }, listen).await
    }

    pub(crate) async fn open_as(config: Config, listen: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gate = Arc::new(Notify::new());
        let (engine, service) = opened(folder.path(), config, &gate);
        let server = Server::start(service.clone(), listen).await.unwrap();
        let client = Client::find(folder.path()).await.unwrap();
        Self { folder, engine, service, server, client, gate }
    }

    /// The engine asked in this process, and from another.
    pub(crate) fn controls(&self) -> [Control; 2] {
        [Control::Here(self.service.clone()), Control::There(self.client.clone())]
    }

    pub(crate) async fn close(self) -> TempDir {
        self.server.stop().await;
        self.engine.shutdown().await;
        self.folder
    }
}

/// What is stopped has little time: `gate` does not stop by itself.
pub(crate) fn config() -> Config {
    Config { grace: Duration::from_millis(100), ..Config::default() }
}

/// Opens the store in `folder`.
pub(crate) fn open(folder: &Path, drive: Drive, gate: &Arc<Notify>) -> (Engine, Service) {
    opened(folder, Config { drive, ..config() }, gate)
}

fn opened(folder: &Path, config: Config, gate: &Arc<Notify>) -> (Engine, Service) {
    let log = Arc::new(FjallLog::open(folder, Options::new(TABLES)).unwrap());
    let pass = Arc::clone(gate);
    let gate = move |_: StepCx, input: Value| {
        let pass = Arc::clone(&pass);
        async move {
            pass.notified().await;
            Ok(input)
        }
    };
    let engine = Engine::builder()
        .config(config)
        .handler("echo", handler_fn(echo))
        .handler("fail", handler_fn(fail))
        .handler("gate", handler_fn(gate))
        .open_on(log.clone(), folder)
        .unwrap();
    let picked_up = engine.picked_up() as u64;
    let setup = Setup {
        role: "serve".into(),
        store: folder.to_owned(),
        picked_up,
        log: Some(log),
        ..Setup::default()
    };
    let service = Service::new(engine.handle().clone(), setup);
    (engine, service)
}

async fn echo(cx: StepCx, input: Value) -> StepResult<Value> {
    cx.log("said something");
    Ok(input)
}

async fn fail(_: StepCx, _: Value) -> StepResult<Value> {
    Err(StepError::retry("503 from cards.example").code("CARDS"))
}

/// `a`, then `b` with `uses` and what else is said of it.
#[expect(clippy::needless_pass_by_value, reason = "it is written in place by `json!`")]
pub(crate) fn definition(uses: &str, more: Value) -> Value {
    let mut second = json!({
        "id": "b", "kind": {"action": {"uses": uses, "with": {"text": "${{ steps.a.output.text }}"}}},
    });
    second.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    json!({
        "name": "greet", "version": 3, "input_is_value": true,
        "steps": [{"id": "a", "kind": {"action": {"uses": "echo", "with": {"text": "hello"}}}}, second],
        "outputs": "${{ steps.b.output.text }}",
    })
}

/// A request to start `definition` under `name`.
pub(crate) fn start(definition: Value, name: Option<&str>) -> StartRun {
    StartRun {
        callees: Vec::new(),
        definition,
        workflow: None,
        input: json!({"who": "dana"}),
        name: name.map(str::to_owned),
        labels: [("team".to_owned(), "a".to_owned())].into(),
        folder: None,
        by: by(),
    }
}

pub(crate) fn by() -> By {
    By { name: "dana".into(), via: "cli".into() }
}

/// Starts a run and waits for its end.
pub(crate) async fn run(control: &Control, definition: Value, name: &str) -> RunView {
    control.start(start(definition, Some(name))).await.unwrap();
    control.wait(name, Some(Duration::from_secs(20))).await.unwrap()
}

/// Waits until `holds`.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let held = tokio::time::timeout(Duration::from_mins(1), asking).await;
    held.unwrap_or_else(|_| panic!("not in time: {what}"));
}
