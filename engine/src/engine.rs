//! The engine: opens a store, drives its runs, and ends in order.

mod open_error;

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, RwLock};
use std::thread;

use nexus_log::{EventLog, FjallLog, HeldStore, MemoryLog, Options};
use nexus_model::aggregate::{AggregateId, Calendar, Kind, State};
use nexus_model::id::RunId;
use nexus_model::pauses::STORE;
use nexus_model::plan::EMIT_HANDLER;
use nexus_projections::{ViewRows, Views, ViewsError};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::calls::parents_to_drive;
use crate::clock::Clock;
use crate::code::{Function, Functions};
use crate::config::{Config, Drive};
use crate::driver::{Driver, Environment, Message, PARTITION, Peers};
use crate::events::Emit;
use crate::handle::{Admission, Handle, OpenRuns, Shared};
use crate::handler::{IntoHandler, LogSink, NoLogs, Registry};
use crate::loader::{LoadError, Loader};
use crate::logs::FileLogs;
use crate::metrics::Metrics;
use crate::names::Numbers;
use crate::remote::Workers;
use crate::secrets::{Secrets, SystemSecrets};
use crate::tables::{META, RUN_NUMBER, TABLES};
use crate::workflow::{Need, RunHandle, Start, Workflow};

/// The folder of the views, within the store.
const VIEWS: &str = "views";
/// How many of the runs that are taken up are named.
const FIRST_PICKED_UP: usize = 1_000;

/// An open engine. Must be opened inside a tokio runtime, whose tasks it uses.
///
/// Dropping it without [`shutdown`](Self::shutdown) ends it at once, as a crash would: handlers are dropped where they are,
/// what was recorded stays, and the next engine takes it from there.
pub struct Engine {
    handle: Handle,
    drivers: Vec<JoinHandle<()>>,
    /// How many, and the first of them.
    picked_up: (usize, Vec<RunId>),
    /// Cleans the disk of keys that an earlier process deleted.
    cleaning: Option<JoinHandle<()>>,
}

/// Prepares an engine.
#[derive(Default)]
pub struct Builder {
    config: Config,
    registry: Registry,
    functions: BTreeMap<String, Arc<dyn Function>>,
    /// The states that steps say they ask for, with the names of these.
    needs: Vec<(String, Need)>,
    state: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    logs: Option<Arc<dyn LogSink>>,
    accept_data_loss: bool,
    on_failure: Option<fn()>,
    calendar: Option<Arc<dyn Calendar>>,
    secrets: Option<Arc<dyn Secrets>>,
}

/// Why an engine cannot be opened. Its text begins with the code, and `{:?}` is for people as well, as that of [`workflow::Error`](crate::workflow::Error).
pub enum OpenError {
    /// The log cannot be opened.
    Log(nexus_log::OpenError),
    /// The log cannot be read.
    Read(nexus_log::ReadError),
    /// It cannot be told which runs are paused.
    Pauses(LoadError),
    /// The views can neither be opened nor rebuilt.
    Views(ViewsError),
    /// A step says that it asks for a state that was not given. The store was not touched.
    StateMissing {
        /// The name that the code of the step is registered under.
        handler: String,
        /// The type.
        state: &'static str,
    },
}

impl Builder {
    /// Sets limits and habits.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Replaces the handlers.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Adds a handler: an `async fn(StepCx, In) -> StepResult<Out>`, or a [`Handler`](crate::Handler) in an `Arc`.
    #[must_use]
    pub fn handler<M>(mut self, name: impl Into<String>, handler: impl IntoHandler<M>) -> Self {
        self.registry.insert(name, handler.into_handler());
        self
    }

    /// Adds the handlers of a workflow, and of those it calls. Of two workflows with one name, a step has the function of the
    /// last one.
    #[must_use]
    pub fn workflow<In, Out>(mut self, workflow: &Workflow<In, Out>) -> Self {
        for (name, function) in workflow.functions() {
            self.functions.insert(name.clone(), Arc::clone(function));
        }
        for (name, work) in workflow.handlers() {
            self.registry.insert(name.clone(), Arc::clone(&work.handler));
            self.needs.extend(work.needs.iter().map(|need| (name.clone(), *need)));
        }
        self
    }

    /// Adds a value that handlers find by its type.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.state.insert(TypeId::of::<T>(), Arc::new(state));
        self
    }

    /// Takes what handlers print; the default is files in the store.
    #[must_use]
    pub fn logs(mut self, logs: Arc<dyn LogSink>) -> Self {
        self.logs = Some(logs);
        self
    }

    /// Lets schedules know when their cron expressions are due. The default knows them with the feature `yaml`, and without it
    /// knows intervals only.
    #[must_use]
    pub fn calendar(mut self, calendar: Arc<dyn Calendar>) -> Self {
        self.calendar = Some(calendar);
        self
    }

    /// Takes the values of secrets from here; the default is the environment, see [`SystemSecrets`].
    #[must_use]
    pub fn secrets(mut self, secrets: impl Secrets) -> Self {
        self.secrets = Some(Arc::new(secrets));
        self
    }

    /// Opens a store that ends before what it acknowledged.
    #[must_use]
    pub fn accept_data_loss(mut self, accept: bool) -> Self {
        self.accept_data_loss = accept;
        self
    }

    /// Calls `last_words`, with at most one second, before a failed write ends the process.
    #[must_use]
    pub fn on_failure(mut self, last_words: fn()) -> Self {
        self.on_failure = Some(last_words);
        self
    }

    /// Opens the store in `folder`, or creates it, and takes up its runs. Blocks while the store is opened.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open(self, folder: impl AsRef<Path>) -> Result<Engine, OpenError> {
        self.check_needs()?;
        let folder = folder.as_ref();
        let mut options = Options::new(TABLES);
        options.accept_data_loss = self.accept_data_loss;
        options.on_failure = self.on_failure;
        let store = FjallLog::hold(folder, options)?;
        let (log, rows) = open_both(store, &folder.join(VIEWS))?;
        self.open_with(log, rows, folder)
    }

    /// Opens an engine on a log that is open already, with views and files in `folder`.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open_on(self, log: Arc<dyn EventLog>, folder: &Path) -> Result<Engine, OpenError> {
        self.check_needs()?;
        self.open_with(log, ViewRows::open(&folder.join(VIEWS)), folder)
    }

    fn open_with(
        self,
        log: Arc<dyn EventLog>,
        rows: ViewRows,
        folder: &Path,
    ) -> Result<Engine, OpenError> {
        let views = Views::go_on(rows, Arc::clone(&log))?;
        views.catch_up(log.durable(PARTITION))?;
        let (runs, open_aggregates) = views.resume_all()?;
        let mut open: Vec<RunId> = runs.into_iter().map(|stream| RunId(stream.0)).collect();
        open.extend(parents_to_drive(&*log, &views)?);
        self.assemble(log, Some(views), Some(folder.to_owned()), open, open_aggregates)
    }

    /// Opens an engine that keeps everything in memory, for tests.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn in_memory(self) -> Result<Engine, OpenError> {
        self.check_needs()?;
        self.assemble(Arc::new(MemoryLog::new(TABLES)), None, None, Vec::new(), Vec::new())
    }

    fn check_needs(&self) -> Result<(), OpenError> {
        let is_missing = |(_, need): &&(String, Need)| !self.state.contains_key(&need.of);
        match self.needs.iter().find(is_missing) {
            Some((handler, need)) => {
                Err(OpenError::StateMissing { handler: handler.clone(), state: need.name })
            }
            None => Ok(()),
        }
    }

    fn assemble(
        self,
        log: Arc<dyn EventLog>,
        views: Option<Views>,
        folder: Option<PathBuf>,
        open: Vec<RunId>,
        open_aggregates: Vec<AggregateId>,
    ) -> Result<Engine, OpenError> {
        let Self { config, mut registry, functions, state, logs, calendar, secrets, .. } = self;
        let functions = Functions::new(functions);
        let itself = Arc::new(OnceLock::new());
        registry.insert(EMIT_HANDLER, Arc::new(Emit::new(Arc::clone(&itself))));
        let last = last_number(&*log)?;
        let loader = Loader::new(log, views.clone());
        let files = folder
            .as_ref()
            .map(|folder| -> Arc<dyn LogSink> { Arc::new(FileLogs::new(folder.join("logs"))) });
        let (clock, metrics) = (Clock::start(), Arc::new(Metrics::new()));
        let workers = Workers::new(clock, Arc::clone(&metrics), config.worker_lease);
        let open_runs = views.as_ref().map(OpenRuns::seen_by).transpose()?.unwrap_or_default();
        let environment = Arc::new(Environment {
            registry: registry.clone(),
            functions: functions.clone(),
            state: Arc::new(state),
            logs: logs.or(files).unwrap_or_else(|| Arc::new(NoLogs)),
            store: folder.map(Arc::from),
            loader: loader.clone(),
            payload_bytes_max: config.payload_bytes_max,
            grace: config.grace,
            metrics,
            open_runs: open_runs.clone(),
            workers: workers.clone(),
            calendar: calendar.unwrap_or_else(usual_calendar),
            secrets: secrets.unwrap_or_else(|| Arc::new(SystemSecrets::new())),
        });
        let found = loader.aggregate(Kind::Pauses.id(STORE)).map_err(OpenError::Pauses)?;
        let (revision, paused) = found.map(|entity| (entity.revision, entity.state)).unzip();
        let revision = revision.unwrap_or(0);
        let (inboxes, drivers) =
            spawn_drivers(config, clock, &loader, views.as_ref(), &environment);
        let numbers = Numbers::after(last);
        let handle = Handle {
            shared: Arc::new(Shared {
                config,
                clock,
                loader,
                views,
                registry,
                functions,
                numbers,
                calendar: Arc::clone(&environment.calendar),
                pauses: RwLock::default(),
                admission: Admission::new(open_runs),
                workers,
                keyed_starts: Arc::default(),
                inboxes,
            }),
        };
        let _ = itself.set(Arc::downgrade(&handle.shared));
        if let Some(State::Pauses(pauses)) = paused {
            handle.keep_to(revision, &Arc::new(pauses));
        }
        for inbox in &handle.shared.inboxes {
            let _ = inbox.send(Message::Equip { handle: Box::new(handle.clone()) });
        }
        drive(&handle, config.drive, open_aggregates);
        let cleaning = match config.drive {
            Drive::All => handle.end_forgetting()?,
            Drive::Named | Drive::Nothing => None,
        };
        let open = if config.drive == Drive::All { open } else { Vec::new() };
        let picked_up = take_up(&handle, &open);
        Ok(Engine { handle, drivers, picked_up, cleaning })
    }
}

/// Drives what is no run.
fn drive(handle: &Handle, what: Drive, aggregates: Vec<AggregateId>) {
    // Events that were emitted are what named runs may wait for.
    let is_driven = |id: &AggregateId| match what {
        Drive::All => true,
        Drive::Named => id.kind() == Kind::Topic,
        Drive::Nothing => false,
    };
    for id in aggregates.into_iter().filter(is_driven) {
        handle.drive_aggregate(id);
    }
}

/// Opens the log, and beside it the rows of the views in a folder.
fn open_both(
    store: HeldStore,
    views: &Path,
) -> Result<(Arc<dyn EventLog>, ViewRows), nexus_log::OpenError> {
    thread::scope(|scope| {
        let open_rows = || ViewRows::open(views);
        // A system that has no thread to give opens one after the other.
        let rows = thread::Builder::new().spawn_scoped(scope, open_rows).ok();
        let log = store.open()?;
        let rows = rows.and_then(|rows| rows.join().ok()).unwrap_or_else(open_rows);
        Ok((Arc::new(log) as Arc<dyn EventLog>, rows))
    })
}

/// Has the engine work on these runs. How many they are, and the first of them.
fn take_up(handle: &Handle, open: &[RunId]) -> (usize, Vec<RunId>) {
    handle.take_up(open);
    (open.len(), open.iter().take(FIRST_PICKED_UP).copied().collect())
}

/// The number in the name of the last run that got one.
fn last_number(log: &dyn EventLog) -> Result<u64, OpenError> {
    let bytes = log.row(META, RUN_NUMBER)?.and_then(|bytes| bytes.try_into().ok());
    Ok(bytes.map_or(0, u64::from_be_bytes))
}

/// The calendar of an engine that was given none.
#[cfg(feature = "yaml")]
pub(crate) fn usual_calendar() -> Arc<dyn Calendar> {
    Arc::new(nexus_definitions::calendar::CronCalendar::default())
}

/// The calendar of an engine that was given none: it knows intervals only.
#[cfg(not(feature = "yaml"))]
pub(crate) fn usual_calendar() -> Arc<dyn Calendar> {
    Arc::new(nexus_model::aggregate::NoCalendar)
}

fn spawn_drivers(
    config: Config,
    clock: Clock,
    loader: &Loader,
    views: Option<&Views>,
    environment: &Arc<Environment>,
) -> (Vec<mpsc::UnboundedSender<Message>>, Vec<JoinHandle<()>>) {
    let count = config.drivers.max(1);
    let (inboxes, messages): (Vec<_>, Vec<_>) =
        (0..count).map(|_| mpsc::unbounded_channel()).unzip();
    let peers = Peers(inboxes.clone().into());
    let driver = |(at, messages)| {
        let (loader, views, environment) =
            (loader.clone(), views.cloned(), Arc::clone(environment));
        let share = (at, count);
        let driver = Driver::new(config, clock, loader, views, environment, peers.clone(), share);
        tokio::spawn(driver.run(messages))
    };
    (inboxes, messages.into_iter().enumerate().map(driver).collect())
}

impl Engine {
    /// Prepares an engine.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Asks things of the engine.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Starts a run of a workflow that was given to [`Builder::workflow`]; awaiting it starts it.
    pub fn start<In: Serialize, Out>(&self, workflow: &Workflow<In, Out>, input: In) -> Start<Out> {
        self.handle.start_workflow(workflow, input)
    }

    /// The run of this name, whose output is `Out`. Whether there is one is seen when it is asked something.
    pub fn run<Out>(&self, name: &str) -> RunHandle<Out> {
        self.handle.run(name)
    }

    /// How many runs of an earlier process were taken up when it was opened.
    pub fn picked_up(&self) -> usize {
        self.picked_up.0
    }

    /// The first thousand of them.
    pub fn first_picked_up(&self) -> &[RunId] {
        &self.picked_up.1
    }

    /// Ends in order: handlers are told to stop and have the configured grace, runs are parked, the log is closed.
    pub async fn shutdown(mut self) {
        let mut ends = Vec::new();
        for inbox in &self.handle.shared.inboxes {
            let (done, end) = oneshot::channel();
            if inbox.send(Message::Shutdown { done }).is_ok() {
                ends.push(end);
            }
        }
        for end in ends {
            let _ = end.await;
        }
        for driver in std::mem::take(&mut self.drivers) {
            let _ = driver.await;
        }
        let (views, log) = (self.handle.shared.views.clone(), Arc::clone(self.handle.log()));
        let close = tokio::task::spawn_blocking(move || {
            log.close();
            if let Some(views) = views {
                views.close();
            }
        });
        let _ = close.await;
        if let Some(cleaning) = self.cleaning.take() {
            let _ = cleaning.await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for driver in &self.drivers {
            driver.abort();
        }
    }
}
