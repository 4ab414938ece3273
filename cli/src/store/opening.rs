//! Opening a store in this process.

use std::path::Path;
use std::sync::Arc;

use nexus_definitions::calendar::CronCalendar;
use nexus_engine::log::{FjallLog, OpenError as LogOpenError, Options};
use nexus_engine::tables::TABLES;
use nexus_engine::{Config, Drive, Engine, OpenError, Registry, SystemSecrets};
use nexus_gateway::{Service, Setup};

use super::Purpose;
use crate::context::Context;

/// The variable that names the folder with one file for each secret.
const SECRETS_FOLDER: &str = "NEXUS_SECRETS_DIR";

/// The handlers of the command line: the built-in actions.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    nexus_connectors::register(&mut registry, &nexus_connectors::Options::default());
    registry
}

/// Opens the store, or makes it. Blocks; must be called inside a runtime.
pub(super) fn open(
    context: &Context,
    store: &Path,
    purpose: &Purpose,
) -> Result<(Engine, Service), OpenError> {
    let mut options = Options::new(TABLES);
    options.accept_data_loss = context.accepts_data_loss();
    let log = Arc::new(FjallLog::open(store, options)?);
    let config = config(context, purpose);
    if config.drive != Drive::Nothing
        && let Err(error) = nexus_connectors::reap_orphans(store)
    {
        tracing::warn!(%error, "scripts of an earlier process cannot be looked for");
    }
    let store = store.canonicalize().unwrap_or_else(|_| store.to_owned());
    let engine = Engine::builder()
        .config(config)
        .registry(registry())
        .calendar(Arc::new(CronCalendar::default()))
        .secrets(secrets())
        .open_on(log.clone(), &store)?;
    let setup = Setup {
        role: role(purpose).into(),
        store,
        picked_up: u64::try_from(engine.picked_up()).unwrap_or(u64::MAX),
        first_picked_up: engine.first_picked_up().to_vec(),
        log: Some(log),
    };
    let service = Service::new(engine.handle().clone(), setup);
    Ok((engine, service))
}

/// Secrets of the environment, and of the folder that it names.
fn secrets() -> SystemSecrets {
    match std::env::var_os(SECRETS_FOLDER) {
        Some(folder) => SystemSecrets::new().folder(folder),
        None => SystemSecrets::new(),
    }
}

fn config(context: &Context, purpose: &Purpose) -> Config {
    let defaults = Config::default();
    let interruptions_max = context.interruptions_max().unwrap_or(defaults.interruptions_max);
    let defaults = Config { interruptions_max, open_runs_max: context.open_runs_max(), ..defaults };
    match purpose {
        Purpose::Look | Purpose::Record | Purpose::Begin => {
            Config { drive: Drive::Nothing, ..defaults }
        }
        Purpose::Drive(driving) => Config {
            drive: if driving.all { Drive::All } else { Drive::Named },
            concurrency: driving.concurrency.unwrap_or(defaults.concurrency),
            drain: driving.drain.unwrap_or(defaults.drain),
            worker_lease: driving.worker_lease.unwrap_or(defaults.worker_lease),
            ..defaults
        },
    }
}

fn role(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Look => "look",
        Purpose::Record | Purpose::Begin => "record",
        Purpose::Drive(driving) => driving.role,
    }
}

/// Whether another process holds the store.
pub(super) fn is_locked(error: &OpenError) -> bool {
    matches!(error, OpenError::Log(LogOpenError::Locked { .. }))
}
