//! The protocol of workers: what they ask and say, and what they are answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A worker asks for a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollTask {
    /// What it calls itself.
    pub worker: String,
    /// The handlers it offers: what stands behind `worker/` in `uses`.
    pub handlers: Vec<String>,
    /// How long it waits, in milliseconds.
    pub wait_ms: Option<u64>,
}

/// A task for a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskView {
    /// `task/v1`.
    pub kind: String,
    /// Its name, for its addresses.
    pub task: String,
    /// Under which it is reported about: the number of events that the run had when this attempt began or was carried on.
    pub token: u32,
    /// Which of its handlers the worker is to call.
    pub handler: String,
    /// The run's name.
    pub run: String,
    /// The workflow.
    pub workflow: String,
    /// The step.
    pub step: String,
    /// The item, from 0, if the step has `for_each`.
    pub item: Option<u32>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Whether this attempt may have been carried out before, by a worker that an earlier engine handed it to.
    pub may_repeat: bool,
    /// Whether it undoes what the step did.
    pub undo: bool,
    /// The same for every attempt: a service that knows it does the work once.
    pub key: String,
    /// What `with` comes to.
    pub input: Box<RawValue>,
    /// How far an earlier attempt said it was.
    pub progress: Value,
    /// When the attempt is out of time, if the step has a `timeout`.
    pub deadline: Option<String>,
    /// How long the worker may be silent.
    pub lease_ms: u64,
}

/// A sign of life of a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskHeartbeat {
    /// The token of the task.
    pub token: u32,
    /// How far it is; `null`: it says nothing of that.
    #[serde(default)]
    pub progress: Value,
}

/// The answer to a sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatView {
    /// `heartbeat/v1`.
    pub kind: String,
    /// Whether the work should end, because its run is being cancelled.
    pub cancelled: bool,
    /// How long the worker may be silent from now on.
    pub lease_ms: u64,
}

/// A task is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompleteTask {
    /// The token of the task.
    pub token: u32,
    /// The output of the step.
    #[serde(default)]
    pub output: Option<Box<RawValue>>,
}

/// A task has failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailTask {
    /// The token of the task.
    pub token: u32,
    /// What happened, in one line.
    pub message: String,
    /// A word for it, which `retry_on` and `give_up_on` of the step know.
    #[serde(default)]
    pub kind: Option<String>,
    /// Whether another attempt may help.
    #[serde(default = "may_help")]
    pub retryable: bool,
    /// More about it, such as the end of an error output.
    #[serde(default)]
    pub details: Option<String>,
}

fn may_help() -> bool {
    true
}

/// The answer to a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedView {
    /// `reported/v1`.
    pub kind: String,
    /// The task.
    pub task: String,
    /// Whether the same was reported before, so that nothing was recorded.
    pub existing: bool,
}

/// The handlers that workers offer to this process, and those that tasks wait for, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkersView {
    /// `workers/v1`.
    pub kind: String,
    /// The handlers.
    pub handlers: Vec<WorkerHandlerView>,
}

/// A handler that workers offer, or that tasks wait for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerHandlerView {
    /// Its name, without `worker/`.
    pub handler: String,
    /// Workers that wait for a task now.
    pub polls: u32,
    /// When one asked last, since the engine was opened.
    pub asked_at: Option<String>,
    /// Tasks that wait for a worker.
    pub waiting: u32,
    /// Tasks that workers hold.
    pub held: u32,
}
