//! The handle: the only way to ask something of a running engine. Cheap to clone.

mod admission;
mod aggregates;
mod approval;
mod breakers;
mod forget;
mod keyed_starts;
mod limits;
mod migrate;
mod missing_code;
mod pauses;
mod published_calls;
mod schedules;
mod signal;
mod start;
mod start_codes;
mod start_ids;
mod start_keys;
mod state_queries;
mod topics;
mod updates;
mod versions;

use std::sync::{Arc, RwLock};

use nexus_log::EventLog;
use nexus_model::aggregate::Calendar;
use nexus_model::command::Command;
use nexus_model::event::Actor;
use nexus_model::id::{RunId, StepIndex};
use nexus_model::pauses::Pauses;
use nexus_model::plan::Plan;
use nexus_model::run::{Run, RunStatus};
use nexus_projections::Views;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::keyed_starts::KeyedStarts;
use crate::clock::Clock;
use crate::code::{FunctionTrouble, Functions};
use crate::config::Config;
use crate::driver::Message;
use crate::handler::Registry;
use crate::loader::{LoadError, Loader, Recorded};
use crate::names::Numbers;
use crate::remote::Workers;
use crate::replay::{Replay, ReplayError, replay};
use crate::shard::{Answer, Asked, Refusal};
use crate::shard_of;
use crate::tables::{NAMES, read_name_row};
use crate::workflow::{RunHandle, Start as WorkflowStart, Workflow};

pub use admission::RUNS_LIMIT;
pub(crate) use admission::{Admission, OpenRuns};
pub use approval::ApprovalDecision;
pub use forget::ForgetError;
pub use migrate::MigrateRequest;
pub use missing_code::{MissingCode, Stalled};
pub use published_calls::Linked;
#[cfg(feature = "yaml")]
pub(crate) use published_calls::link_with;
pub use schedules::{Backfill, ScheduleRequest, ScheduledRun};
pub(crate) use start::{Prepared, prepare, rows, rule_error};
pub use start::{StartError, StartRequest, Started};
pub(crate) use start::{request_hash, wanted_slots};
pub use start_keys::{Begun, KeptStart};
pub(crate) use state_queries::answer as answer_query;
pub use state_queries::{QueryAnswer, QueryError};
pub use topics::{EmitError, TriggerRequest};
pub(crate) use updates::answered;
pub use updates::{UpdateError, UpdateReply};
pub use versions::PublishRequest;

/// Asks things of an engine.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) loader: Loader,
    pub(crate) views: Option<Views>,
    pub(crate) registry: Registry,
    pub(crate) functions: Functions,
    pub(crate) numbers: Numbers,
    /// Knows when rules of the calendar are due.
    pub(crate) calendar: Arc<dyn Calendar>,
    /// The pauses of the store, and their revision.
    pub(crate) pauses: RwLock<(u32, Arc<Pauses>)>,
    pub(crate) admission: Admission,
    /// The tasks for workers.
    pub(crate) workers: Workers,
    pub(crate) keyed_starts: Arc<KeyedStarts>,
    pub(crate) inboxes: Vec<mpsc::UnboundedSender<Message>>,
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine ended before it answered: whether the request was recorded is not known.
    #[error("the engine ended before it answered; whether the request was recorded is not known")]
    Unknown,
    /// The log cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    /// The engine's limits.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The tasks for workers.
    pub fn workers(&self) -> &Workers {
        &self.shared.workers
    }

    /// The engine's clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        self.shared.loader.log()
    }

    /// The views, if the engine has a store on disk.
    pub fn views(&self) -> Option<&Views> {
        self.shared.views.as_ref()
    }

    /// The handlers.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// Whether the engine has the function of a workflow that is one.
    pub fn offers_function(&self, workflow: &str) -> bool {
        self.shared.functions.offers(workflow)
    }

    /// Reads runs and plans; blocks.
    pub fn loader(&self) -> &Loader {
        &self.shared.loader
    }

    fn inbox(&self, run: RunId) -> &mpsc::UnboundedSender<Message> {
        let at = shard_of(run) % self.shared.inboxes.len();
        self.shared.inboxes.get(at).expect("an engine has at least one driver")
    }

    /// Waits until the engine has ended.
    pub(crate) async fn ended(&self, run: RunId) {
        self.inbox(run).closed().await;
    }

    /// Starts nothing new in a run until it is resumed.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn pause(
        &self,
        run: RunId,
        by: Actor,
        reason: String,
    ) -> Result<Answer, RequestError> {
        self.ask(run, Command::PauseRun { by, reason }).await
    }

    /// Starts nothing new of a step until it is resumed.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn pause_step(
        &self,
        run: RunId,
        step: StepIndex,
        by: Actor,
        reason: String,
    ) -> Result<Answer, RequestError> {
        self.ask(run, Command::PauseStep { step, by, reason }).await
    }

    /// Ends the pause of a step.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn resume_step(
        &self,
        run: RunId,
        step: StepIndex,
        by: Actor,
    ) -> Result<Answer, RequestError> {
        self.ask(run, Command::ResumeStep { step, by }).await
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn resume(&self, run: RunId, by: Actor) -> Result<Answer, RequestError> {
        self.ask(run, Command::ResumeRun { by }).await
    }

    /// Ends a run: what runs is stopped, nothing new is started, and what it did is undone if its definition says so.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn cancel(
        &self,
        run: RunId,
        by: Actor,
        reason: String,
    ) -> Result<Answer, RequestError> {
        self.ask(run, Command::CancelRun { by, reason, undo: true }).await
    }

    /// Ends a run without undoing what it did, or gives up undoing it.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn cancel_without_undo(
        &self,
        run: RunId,
        by: Actor,
        reason: String,
    ) -> Result<Answer, RequestError> {
        self.ask(run, Command::CancelRun { by, reason, undo: false }).await
    }

    /// Continues a failed or cancelled run with the steps that did not complete, or tries failed undos again.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn retry(&self, run: RunId, by: Actor) -> Result<Answer, RequestError> {
        self.ask(run, Command::RetryRun { by }).await
    }

    pub(crate) async fn ask(&self, run: RunId, command: Command) -> Result<Answer, RequestError> {
        self.ask_with(run, Asked::silent(command)).await
    }

    /// Has this engine work on a run that was started before it was opened (needed with [`Drive::Named`](crate::Drive)).
    pub fn drive(&self, run: RunId) {
        let _ = self.inbox(run).send(Message::Drive { run });
    }

    /// Has the engine work on all of these, one after the other.
    pub(crate) fn take_up(&self, runs: &[RunId]) {
        let inboxes = &self.shared.inboxes;
        for (at, inbox) in inboxes.iter().enumerate() {
            let is_its = |run: &RunId| shard_of(*run) % inboxes.len() == at;
            let runs = runs.iter().copied().filter(is_its).collect();
            let _ = inbox.send(Message::TakeUp { runs });
        }
    }

    /// Waits until a run has ended.
    ///
    /// # Errors
    /// [`RequestError`] if there is no such run or the engine ends first.
    pub async fn wait(&self, run: RunId) -> Result<RunStatus, RequestError> {
        let (end, ended) = oneshot::channel();
        self.inbox(run).send(Message::Wait { run, end }).map_err(|_| Refusal::ShuttingDown)?;
        Ok(ended.await.map_err(|_| RequestError::Unknown)??)
    }

    /// Starts a run of a workflow, whose handlers the engine must have; awaiting it starts it.
    pub fn start_workflow<In: Serialize, Out>(
        &self,
        workflow: &Workflow<In, Out>,
        input: In,
    ) -> WorkflowStart<Out> {
        WorkflowStart::new(self, workflow, &input)
    }

    /// Why the function of a run gets no further here, if it does not. Nothing of that is recorded: it goes on when a program with
    /// fitting code opens the store.
    pub fn function_trouble(&self, run: RunId) -> Option<FunctionTrouble> {
        self.shared.functions.trouble(run).map(|trouble| trouble.told())
    }

    /// Waits until the function of a run gets no further here, and says why.
    pub(crate) async fn until_stuck(&self, run: RunId) -> FunctionTrouble {
        self.shared.functions.until_trouble(run).await.told()
    }

    /// The run of this name, whose output is `Out`. Whether there is one is seen when it is asked something.
    pub fn run<Out>(&self, name: &str) -> RunHandle<Out> {
        RunHandle::named(self.clone(), name)
    }

    /// The run of this name.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn find(&self, name: &str) -> Result<Option<RunId>, LoadError> {
        let name = name.as_bytes().to_vec();
        self.blocking(move |loader| {
            let row = loader.log().row(NAMES, &name)?;
            Ok(row.and_then(|value| read_name_row(&value)).map(|(run, _)| run))
        })
        .await
    }

    /// The state of a run as it is recorded.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn load(&self, run: RunId) -> Result<Option<(Arc<Plan>, Run)>, LoadError> {
        self.blocking(move |loader| loader.shown(run)).await
    }

    /// The events of a run from `from` on, at most `events_max`.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn history(
        &self,
        run: RunId,
        from: u32,
        events_max: usize,
    ) -> Result<Vec<Recorded>, LoadError> {
        self.blocking(move |loader| loader.history(run, from, events_max)).await
    }

    /// Replays a run, see [`replay`].
    ///
    /// # Errors
    /// [`ReplayError`]
    pub async fn replay(&self, run: RunId, to: Option<u32>) -> Result<Replay, ReplayError> {
        self.blocking(move |loader| replay(loader, run, to)).await
    }

    /// Runs `read` where it may block.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Loader) -> T + Send + 'static,
    ) -> T {
        let loader = self.shared.loader.clone();
        match tokio::task::spawn_blocking(move || read(&loader)).await {
            Ok(value) => value,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is ending, and with it whoever waits here.
            Err(_) => std::future::pending().await,
        }
    }
}
