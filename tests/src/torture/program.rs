//! A program that has the engine in it, with functions: it opens a store, answers as `serve` does, and ends as that does.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nexus_definitions::calendar::CronCalendar;
use nexus_engine::log::{FjallLog, Options};
use nexus_engine::tables::TABLES;
use nexus_engine::{Config, Drive, Engine, OpenError, Registry};
use nexus_gateway::api::Problem;
use nexus_gateway::{Server, Service, Setup, open_problem};
use tokio::signal::unix::{SignalKind, signal};

use super::functions::Functions;
use super::workers;

/// How `serve` ends after `SIGTERM`.
const TERMINATED: u8 = 143;
/// How long steps may go on after it.
const DRAIN: Duration = Duration::from_secs(2);
/// Threads of `serve`.
const THREADS: usize = 2;

/// Serves the store that the first argument names, until it is told to end.
///
/// # Panics
/// If there are no threads.
#[expect(clippy::print_stderr, reason = "that is where a server says why it ends")]
pub fn serve() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::new("error,nexus=warn");
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    subscriber.with_writer(std::io::stderr).init();
    let store = PathBuf::from(std::env::args_os().nth(1).unwrap_or_default());
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.worker_threads(THREADS).enable_all().build().expect("threads");
    match runtime.block_on(until_told(store)) {
        Ok(()) => ExitCode::from(TERMINATED),
        Err(problem) => {
            eprintln!("error[{}]: {}", problem.code, problem.message);
            ExitCode::from(problem.exit_code)
        }
    }
}

async fn until_told(store: PathBuf) -> Result<(), Problem> {
    let mut told = signal(SignalKind::terminate()).expect("a signal can be listened for");
    let opened = tokio::task::spawn_blocking(move || open(store)).await;
    let (engine, service) = opened.expect("opening ends").map_err(|error| open_problem(&error))?;
    let server = Server::start(service, Some("127.0.0.1:0")).await?;
    told.recv().await;
    let draining = server.drain(DRAIN).await;
    engine.shutdown().await;
    drop(draining);
    Ok(())
}

/// As `serve` opens it, and with functions.
fn open(store: PathBuf) -> Result<(Engine, Service), OpenError> {
    let log = Arc::new(FjallLog::open(&store, Options::new(TABLES))?);
    if let Err(error) = nexus_connectors::reap_orphans(&store) {
        tracing::warn!(%error, "scripts of an earlier process cannot be looked for");
    }
    let store = store.canonicalize().unwrap_or(store);
    let mut registry = Registry::new();
    nexus_connectors::register(&mut registry, &nexus_connectors::Options::default());
    let config = Config {
        drive: Drive::All,
        drain: DRAIN,
        interruptions_max: 1_000_000,
        worker_lease: workers::LEASE,
        ..Config::default()
    };
    let Functions { bill, part, consent, letters } = Functions::new().expect("good names");
    let engine = Engine::builder()
        .config(config)
        .registry(registry)
        .calendar(Arc::new(CronCalendar::default()))
        .workflow(&bill)
        .workflow(&part)
        .workflow(&consent)
        .workflow(&letters)
        .open_on(log.clone(), &store)?;
    let picked_up = u64::try_from(engine.picked_up()).unwrap_or(u64::MAX);
    let setup =
        Setup { role: "functions".into(), store, picked_up, log: Some(log), ..Setup::default() };
    let service = Service::new(engine.handle().clone(), setup);
    Ok((engine, service))
}
