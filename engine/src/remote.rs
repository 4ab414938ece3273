//! Work for programs outside: an attempt of a step with `uses: worker/NAME` is a task that waits on a board until a worker
//! takes it. How workers ask is somebody else's matter; the gateway offers it over HTTP.
//!
//! Invariants:
//! * A task is handed out only after the attempt behind it is durable, and only to one worker.
//! * The token of a task is the number of events the run had when its attempt began or was carried on: it is in the log, and
//!   it only grows. Who reports under another token changes nothing.
//! * A report is answered once it is durable. The same report again is answered from the log.
//! * A task that waits for a worker takes no room from steps of this process.

mod board;
mod task;
mod verdict;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nexus_model::time::Timestamp;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::driver::{LeasedTask, WorkerReport};
use crate::handler::{Data, StepError, StepResult};
use crate::metrics::Metrics;
use crate::shard::{Answer, Refusal};
use board::{Board, HandedOut, Phase};
pub(crate) use board::{Lease, Offer};
pub use task::{NoTaskId, OfferedHandler, Pulse, Stage, Task, TaskId, TaskStanding};
pub use verdict::{Ended, Over, TaskError};

/// How often those who wait for the tasks under way look again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The tasks of an engine, for what hands them to workers. Cheap to clone.
#[derive(Clone)]
pub struct Workers(Arc<Shared>);

struct Shared {
    board: Mutex<Board>,
    /// Told when a task comes, and when no more are handed out.
    changed: Notify,
    clock: Clock,
    metrics: Arc<Metrics>,
    /// Longest silence of a worker, unless the step says another.
    lease: Duration,
}

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct Poll {
    /// Its name for itself.
    pub worker: Arc<str>,
    /// The handlers it offers, without the prefix.
    pub handlers: Vec<String>,
    /// How long it waits.
    pub wait: Duration,
}

/// No more tasks are handed out: the engine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine is shutting down")]
pub struct HandsOutNothing;

/// What became of a report.
pub(crate) type Recorded = Result<Answer, Refusal>;

/// Where the answer to the report of a task stands.
pub(crate) enum Reporting {
    /// It is on its way to the log, or there already.
    Under(watch::Receiver<Option<Recorded>>, bool),
    /// No worker holds the task under this token.
    NotHeld,
}

impl Workers {
    pub(crate) fn new(clock: Clock, metrics: Arc<Metrics>, lease: Duration) -> Self {
        let board = Mutex::new(Board::new(clock.now()));
        Self(Arc::new(Shared { board, changed: Notify::new(), clock, metrics, lease }))
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a worker may be silent, unless the step says another time with `heartbeat`.
    pub fn lease(&self) -> Duration {
        self.0.lease
    }

    /// Waits for a task for one of the handlers; `None` if none has come in time.
    ///
    /// # Errors
    /// [`HandsOutNothing`] when the engine ends.
    pub async fn poll(&self, poll: &Poll) -> Result<Option<Task>, HandsOutNothing> {
        self.0.metrics.polled();
        let _present = Present::new(self, &poll.handlers);
        let until = Instant::now() + poll.wait;
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let claimed = self.board().claim(poll)?;
            if let Some(answer) = claimed {
                // A task that cannot be handed out, because it is stopped or its input cannot be read, is not ours.
                if let Some(task) = answer.await.ok().and_then(HandedOut::take) {
                    self.0.metrics.handed_out();
                    return Ok(Some(task));
                }
                continue;
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Takes a sign of life of the worker that holds a task, and how far it is; `null`: it says nothing of that.
    ///
    /// # Errors
    /// [`TaskError::NotHeld`] if no worker holds the task under this token, [`TaskError::Progress`] if the progress is refused.
    pub fn heartbeat(
        &self,
        id: TaskId,
        token: u32,
        progress: &serde_json::Value,
    ) -> Result<Pulse, TaskError> {
        let held = self.board().held(id, token).map(|lease| (lease.cx.clone(), lease.silence_max));
        let (cx, lease) = held.ok_or(TaskError::NotHeld)?;
        cx.heartbeat(progress).map_err(TaskError::Progress)?;
        Ok(Pulse { cancelled: cx.is_cancelled(), lease })
    }

    /// Takes the outcome of a task. The answer comes when it is recorded.
    pub(crate) fn report(&self, id: TaskId, token: u32, outcome: StepResult<Data>) -> Reporting {
        let mut board = self.board();
        let Some(phase) = board.phase_of(id, token) else { return Reporting::NotHeld };
        let lease = match std::mem::replace(phase, Phase::Claimed) {
            Phase::Leased(lease) => lease,
            Phase::Reported(recorded) => {
                *phase = Phase::Reported(recorded.clone());
                return Reporting::Under(recorded, true);
            }
            before @ (Phase::Waiting(_) | Phase::Claimed) => {
                *phase = before;
                return Reporting::NotHeld;
            }
        };
        let (reply, answer) = oneshot::channel();
        if lease.report.send(WorkerReport { outcome, reply }).is_err() {
            board.remove(id, token);
            return Reporting::NotHeld;
        }
        let (told, recorded) = watch::channel(None);
        *phase = Phase::Reported(recorded.clone());
        drop(board);
        let workers = self.clone();
        tokio::spawn(async move {
            let answer = answer.await;
            // Before anybody is told: who hears it may ask for the task at once, and the log has the answer then.
            workers.board().remove(id, token);
            if let Ok(answer) = answer {
                told.send_replace(Some(answer));
            }
        });
        Reporting::Under(recorded, false)
    }

    /// Puts a task on the board; it is there until the offer is dropped, or handed out and reported about.
    pub(crate) fn offer(&self, task: &LeasedTask) -> Offer {
        let claimed = self.board().put(task);
        self.0.metrics.offered(true);
        self.0.changed.notify_waiters();
        Offer::new(self.clone(), task.id, task.token, claimed)
    }

    /// Takes note that a worker holds the task.
    fn lease_to(&self, id: TaskId, token: u32, lease: Lease) {
        if let Some(phase) = self.board().phase_of(id, token) {
            *phase = Phase::Leased(lease);
        }
    }

    /// Takes the task off the board, unless it is reported about.
    fn withdraw(&self, id: TaskId, token: u32) {
        self.board().withdraw(id, token);
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Hands out nothing from now on: who polls is told that the engine ends.
    pub fn hand_out_nothing(&self) {
        self.board().refuses = true;
        self.0.changed.notify_waiters();
    }

    /// Whether nothing is handed out any more.
    pub fn hands_out_nothing(&self) -> bool {
        self.board().refuses
    }

    /// Hands out nothing from now on, and waits at most `max` until the tasks that workers hold are reported about. What they
    /// hold then is left to the next process when the engine ends: nobody can report to this one any more.
    pub async fn drain(&self, max: Duration) {
        self.hand_out_nothing();
        let until = Instant::now() + max;
        while self.board().held_count() > 0 && Instant::now() < until {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.board().is_unreachable = true;
    }

    /// Whether workers can no longer report.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.board().is_unreachable
    }

    /// Where a task stands; `None` if it is not on the board.
    pub fn standing(&self, id: TaskId) -> Option<TaskStanding> {
        self.board().standing(id)
    }

    /// The handlers that workers have asked for, and those that tasks wait for, by name.
    pub fn handlers(&self) -> BTreeMap<Arc<str>, OfferedHandler> {
        self.board().handlers()
    }

    /// How many workers ask for this handler now, and when one did last.
    pub fn asked(&self, handler: &str) -> (u32, Option<Timestamp>) {
        self.board().asked(handler)
    }

    /// When the engine was opened: since then there is an account of who polls.
    pub fn since(&self) -> Timestamp {
        self.board().since
    }
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers").finish_non_exhaustive()
    }
}

/// The failure of an attempt whose worker was silent for too long.
pub(crate) fn lost(worker: &str, silence: &str) -> StepError {
    StepError::retry(format!("worker `{worker}` was not heard of for {silence}")).code("NX3048")
}

/// A worker that waits for a task.
struct Present<'a> {
    workers: &'a Workers,
    handlers: &'a [String],
}

impl<'a> Present<'a> {
    fn new(workers: &'a Workers, handlers: &'a [String]) -> Self {
        let now = workers.now();
        workers.board().comes(handlers, now);
        Self { workers, handlers }
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        let now = self.workers.now();
        self.workers.board().goes(self.handlers, now);
    }
}
