//! The service: every request, carried out on an engine in this process. Cheap to clone.
//!
//! Invariants:
//! * It decides nothing: what happens is the engine's business, what is shown follows from the log.
//! * It does not panic; whatever goes wrong is a [`Problem`] with a code, a message and what to do.

mod acts;
mod approve;
mod audit;
mod breakers;
mod calls;
mod code_elsewhere;
mod events;
mod explain;
mod forget;
mod get;
mod graph;
mod history;
mod inbox;
mod limits;
mod list;
mod logs;
mod metrics;
mod migrate;
mod near;
mod pauses;
mod raw;
mod rebuild;
mod references;
mod replay;
mod schedules;
mod show;
mod signal;
mod silent;
mod start;
mod start_ids;
mod start_keys;
mod state_queries;
mod status;
mod updates;
mod verify;
mod versions;
mod wait;
mod workers;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nexus_engine::log::{FjallLog, Partition};
use nexus_engine::model::id::RunId;
use nexus_engine::model::run::Run;
use nexus_engine::projections::Views;
use nexus_engine::{Drive, Handle, LoadError, Loader};
use tokio::sync::watch;

use crate::api::Problem;
use crate::problems;

pub use graph::graph;
pub use versions::diff;

/// The only partition of an embedded log.
pub(crate) const PARTITION: Partition = Partition(0);

/// Carries out requests.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

/// What a service should know beside the engine.
#[derive(Clone, Default)]
pub struct Setup {
    /// Why the process holds the store: `serve`, `run`, `wait`, `resume`.
    pub role: String,
    /// Folder of the store; empty for an engine in memory.
    pub store: PathBuf,
    /// Runs that were taken up when the engine was opened.
    pub picked_up: u64,
    /// The first of them, which are looked at for those that other programs carry on.
    pub first_picked_up: Vec<RunId>,
    /// The log on disk, for `verify`; without it, `verify` says that there is none.
    pub log: Option<Arc<FjallLog>>,
}

struct Inner {
    handle: Handle,
    setup: Setup,
    /// Addresses, beside the socket.
    listening: Mutex<Vec<String>>,
    /// Runs that this engine was given to drive, if it does not drive all.
    driven: Mutex<HashSet<RunId>>,
    /// The engine's views, or some of our own for an engine in memory.
    views: Option<Views>,
    /// How many of the runs that were taken up other programs carry on, once that was asked.
    of_programs: OnceLock<usize>,
    /// Turns true when waiting requests have to end.
    closing: watch::Sender<bool>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("store", &self.store()).finish_non_exhaustive()
    }
}

impl Service {
    /// Makes a service of an engine.
    pub fn new(handle: Handle, mut setup: Setup) -> Self {
        // Others, who may be in another folder, are told where the store is.
        if let Ok(store) = setup.store.canonicalize() {
            setup.store = store;
        }
        let (closing, _) = watch::channel(false);
        let (listening, driven) = (Mutex::default(), Mutex::default());
        let views = handle.views().cloned();
        let views = views.or_else(|| Views::in_memory(Arc::clone(handle.log())).ok());
        let of_programs = OnceLock::new();
        Self(Arc::new(Inner { handle, setup, listening, driven, views, of_programs, closing }))
    }

    /// The engine.
    pub fn handle(&self) -> &Handle {
        &self.0.handle
    }

    /// The views.
    pub(crate) fn views(&self) -> Option<&Views> {
        self.0.views.as_ref()
    }

    /// The store's folder; empty for an engine in memory.
    pub fn store(&self) -> &Path {
        &self.0.setup.store
    }

    /// Why the process holds the store.
    pub(crate) fn role(&self) -> &str {
        &self.0.setup.role
    }

    /// Ends requests that wait, such as [`wait`](Self::wait) and [`follow`](Self::follow); later ones do not wait.
    pub fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// Whether [`close`](Self::close) has been called.
    pub(crate) fn is_closing(&self) -> bool {
        *self.0.closing.borrow()
    }

    /// Completes when [`close`](Self::close) has been called.
    pub(crate) async fn closed(&self) {
        let mut closing = self.0.closing.subscribe();
        // The sender lives as long as `self`, so there is no error to meet.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    /// How many of the runs that were taken up when the engine was opened nothing of this process can carry on. Blocks, once.
    fn of_programs(&self) -> usize {
        let count = || self.count_elsewhere(&self.0.setup.first_picked_up);
        *self.0.of_programs.get_or_init(count)
    }

    pub(crate) fn set_listening(&self, addresses: Vec<String>) {
        *self.0.listening.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    fn listening(&self) -> Vec<String> {
        self.0.listening.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that the engine works on this run.
    fn note_driven(&self, run: RunId) {
        if self.handle().config().drive == Drive::Named {
            self.0.driven.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
        }
    }

    /// Whether the engine works on this run.
    fn drives(&self, run: RunId) -> bool {
        match self.handle().config().drive {
            Drive::All => true,
            Drive::Nothing => false,
            Drive::Named => {
                self.0.driven.lock().unwrap_or_else(PoisonError::into_inner).contains(&run)
            }
        }
    }

    /// Whether the engine works on this run, or on the one that called it.
    fn drives_it(&self, run: &Run) -> bool {
        run.started.as_deref().is_some_and(|started| {
            let parent = started.parent.as_ref();
            self.drives(started.run) || parent.is_some_and(|parent| self.drives(parent.run))
        })
    }

    /// Reads where it may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Loader) -> Result<T, LoadError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.blocking(move |service| {
            read(service.handle().loader()).map_err(|error| problems::load(&error))
        })
        .await
    }

    /// Does something that may block. A panic becomes a problem.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let service = self.clone();
        match tokio::task::spawn_blocking(move || work(&service)).await {
            Ok(result) => result,
            Err(error) => Err(problems::bug(&error.to_string())),
        }
    }
}
