//! What a worker asks the engine: again and again, until there is an answer that counts.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nexus_gateway::api::{
    CompleteTask, FailTask, HeartbeatView, PollTask, Problem, ReportedView, TaskHeartbeat, TaskView,
};
use nexus_gateway::{Address, Client};
use tokio::sync::watch;

use super::Phase;
use crate::exit::Code;
use crate::output;

/// How long a poll waits for a task. It is not given up while it waits, because a task may be on its way.
const WAIT: Duration = Duration::from_secs(5);
/// How long an answer may take beyond that.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a worker that ends tries to be heard.
const LAST_WORD: Duration = Duration::from_secs(30);
/// How long to wait until the same is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// What a report came to.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// It is recorded.
    Recorded,
    /// The engine has given the task up, or to somebody else.
    Stale(String),
    /// The engine does not take it.
    Refused(Problem),
    /// It was not heard, and the worker ends.
    Unheard,
}

/// The engine of a worker, there or not.
#[derive(Clone)]
pub(super) struct Asking {
    address: Option<Address>,
    store: PathBuf,
    phases: watch::Receiver<Phase>,
    /// Whether the last answer was none; said once.
    is_absent: Arc<AtomicBool>,
}

impl Asking {
    pub(super) fn new(
        address: Option<Address>,
        store: PathBuf,
        phases: watch::Receiver<Phase>,
    ) -> Self {
        Self { address, store, phases, is_absent: Arc::default() }
    }

    /// Waits for a task; `None` if none has come.
    ///
    /// # Errors
    /// A [`Problem`] if the engine does not understand what is asked.
    pub(super) async fn poll(
        &self,
        worker: &str,
        handlers: &[String],
    ) -> Result<Option<TaskView>, Problem> {
        let request = PollTask {
            worker: worker.to_owned(),
            handlers: handlers.to_vec(),
            wait_ms: u64::try_from(WAIT.as_millis()).ok(),
        };
        match self.once(|client| async move { client.poll_task(request).await }).await {
            Err(problem) if is_passing(&problem) => {
                self.absent(&problem).await;
                Ok(None)
            }
            answer => answer,
        }
    }

    /// Says that the worker is alive; `None` if it was not heard.
    pub(super) async fn heartbeat(
        &self,
        task: &TaskView,
        request: TaskHeartbeat,
    ) -> Option<Result<HeartbeatView, Problem>> {
        let task = task.task.clone();
        let answer = self.once(|client| async move { client.task_heartbeat(&task, request).await });
        match answer.await {
            Err(problem) if is_passing(&problem) => None,
            answer => Some(answer),
        }
    }

    /// Reports the output of a task, until that is heard.
    pub(super) async fn complete(&self, task: &TaskView, request: CompleteTask) -> Said {
        self.insist(|client| {
            let (task, request) = (task.task.clone(), request.clone());
            async move { client.complete_task(&task, request).await }
        })
        .await
    }

    /// Reports the failure of a task, until that is heard.
    pub(super) async fn fail(&self, task: &TaskView, request: FailTask) -> Said {
        self.insist(|client| {
            let (task, request) = (task.task.clone(), request.clone());
            async move { client.fail_task(&task, request).await }
        })
        .await
    }

    async fn insist<F>(&self, ask: impl Fn(Client) -> F) -> Said
    where
        F: Future<Output = Result<ReportedView, Problem>>,
    {
        let mut ends_since: Option<Instant> = None;
        loop {
            match self.once(&ask).await {
                Ok(_) => return Said::Recorded,
                Err(problem) if is_passing(&problem) => {
                    let is_over = match *self.phases.borrow() {
                        Phase::Working => false,
                        Phase::Draining => {
                            ends_since.get_or_insert_with(Instant::now).elapsed() > LAST_WORD
                        }
                        Phase::Ending => true,
                    };
                    if is_over {
                        return Said::Unheard;
                    }
                    self.absent(&problem).await;
                }
                Err(problem) if is_stale(&problem) => return Said::Stale(problem.message),
                Err(problem) => return Said::Refused(problem),
            }
        }
    }

    /// Asks once.
    async fn once<T, F>(&self, ask: impl FnOnce(Client) -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, Problem>>,
    {
        let client = match &self.address {
            Some(address) => Some(Client::new(address.clone())),
            None => Client::find(&self.store).await,
        };
        let Some(client) = client else {
            let text = format!("no process holds {}", self.store.display());
            return Err(Problem::new("NX7015", Code::Unreachable as u8, text));
        };
        let answer = tokio::time::timeout(WAIT + PATIENCE, ask(client)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(Problem::new("NX7015", Code::Unreachable as u8, "the engine does not answer"))
        });
        if answer.is_ok() && self.is_absent.swap(false, Ordering::Relaxed) {
            output::note("the engine answers again");
        }
        answer
    }

    /// Waits a moment, or until the worker is told to stop.
    async fn absent(&self, problem: &Problem) {
        if !self.is_absent.swap(true, Ordering::Relaxed) {
            output::note(format!("{}; asking again until it is answered", problem.message));
        }
        let mut phases = self.phases.clone();
        phases.mark_unchanged();
        let _ = tokio::time::timeout(PAUSE, phases.changed()).await;
    }
}

/// Whether the same request may be answered in a while.
fn is_passing(problem: &Problem) -> bool {
    let lasting = [Code::Usage, Code::NotFound, Code::Conflict];
    // What is not allowed stays so too; no verb ends with it.
    problem.exit_code != 4 && lasting.iter().all(|code| problem.exit_code != *code as u8)
}

/// Whether the task is none of this worker's any more.
pub(super) fn is_stale(problem: &Problem) -> bool {
    [Code::NotFound, Code::Conflict].iter().any(|code| problem.exit_code == *code as u8)
}

/// Says on standard error what became of a task.
pub(super) fn tell(task: &TaskView, what: &str) {
    let TaskView { run, step, attempt, .. } = task;
    let item = task.item.map(|item| format!("[{item}]")).unwrap_or_default();
    output::note(format!("{run} {step}{item}, attempt {attempt}: {what}"));
}
