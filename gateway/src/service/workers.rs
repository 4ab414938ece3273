//! Workers: programs that ask for tasks over HTTP, say that they are alive, and report.

mod waits;

use std::time::Duration;

use nexus_engine::model::payload::ContentType;
use nexus_engine::model::workers::is_worker_name;
use nexus_engine::remote::{HandsOutNothing, Poll, Task, TaskId};
use nexus_engine::{Data, StepError};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Service;
use super::show::time;
use super::signal::check_text;
use crate::api::{
    CompleteTask, FailTask, HeartbeatView, PollTask, Problem, ReportedView, TaskHeartbeat,
    TaskView, WorkerHandlerView, WorkersView,
};
use crate::problems::{self, not_understood};

/// How long a poll waits if it does not say.
const WAIT_MS_DEFAULT: u64 = 30_000;
/// The longest wait of a poll.
const WAIT_MS_MAX: u64 = 60_000;
/// Most handlers of a worker.
const HANDLERS_MAX: usize = 100;
/// Most bytes of what a worker says of a failure.
const FAILURE_BYTES_MAX: usize = 64 * 1024;
/// Most characters of the kind of a failure.
const KIND_CHARS_MAX: usize = 64;

impl Service {
    /// Waits for a task for one of the worker's handlers; `None` if none has come in time.
    ///
    /// # Errors
    /// NX7019 if the request is not understood, NX7017 when the engine ends.
    pub async fn poll_task(&self, request: PollTask) -> Result<Option<TaskView>, Problem> {
        let poll = checked(request)?;
        if self.is_closing() {
            return Err(problems::shutting_down());
        }
        tokio::select! {
            task = self.handle().workers().poll(&poll) => match task {
                Ok(task) => task.as_ref().map(view).transpose(),
                Err(HandsOutNothing) => Err(problems::shutting_down()),
            },
            () = self.closed() => Err(problems::shutting_down()),
        }
    }

    /// Takes a sign of life of the worker that holds a task.
    ///
    /// # Errors
    /// NX7025 if there was never such a task, NX4189 if somebody else holds it or it is over, NX7005 if the progress is too large.
    pub async fn task_heartbeat(
        &self,
        task: &str,
        request: TaskHeartbeat,
    ) -> Result<HeartbeatView, Problem> {
        let id = task_id(task)?;
        let pulse = self.handle().task_heartbeat(id, request.token, &request.progress).await;
        let pulse = pulse.map_err(|error| problems::task(&error, task))?;
        Ok(HeartbeatView {
            kind: "heartbeat/v1".into(),
            cancelled: pulse.cancelled,
            lease_ms: ms(pulse.lease),
        })
    }

    /// Completes the step of a task. The answer comes when that is durable.
    ///
    /// # Errors
    /// As for [`task_heartbeat`](Self::task_heartbeat); NX7005 if the output is too large; nothing is recorded then.
    pub async fn complete_task(
        &self,
        task: &str,
        request: CompleteTask,
    ) -> Result<ReportedView, Problem> {
        let id = task_id(task)?;
        let output = request.output.as_deref().map_or("null", RawValue::get);
        // What nests too deeply would be read by nobody.
        serde_json::from_str::<Value>(output)
            .map_err(|error| not_understood(format!("the output is not understood: {error}")))?;
        let (len, max) = (output.len(), self.handle().config().payload_bytes_max);
        if len > max {
            let text = format!("the output has {len} bytes, more than payload_bytes_max ({max})");
            return Err(problems::too_large(text));
        }
        let output = Data { content_type: ContentType::Json, bytes: output.as_bytes().into() };
        let existing = self.handle().report_task(id, request.token, Ok(output)).await;
        reported(task, existing.map_err(|error| problems::task(&error, task))?)
    }

    /// Fails the attempt of a task; the step is tried again as its `retry` says. The answer comes when that is durable.
    ///
    /// # Errors
    /// As for [`complete_task`](Self::complete_task).
    pub async fn fail_task(&self, task: &str, request: FailTask) -> Result<ReportedView, Problem> {
        let id = task_id(task)?;
        let failure = failure(&request)?;
        let existing = self.handle().report_task(id, request.token, Err(failure)).await;
        reported(task, existing.map_err(|error| problems::task(&error, task))?)
    }

    /// The handlers that workers offer, and those that tasks wait for.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "every request has the same form")]
    pub async fn workers(&self) -> Result<WorkersView, Problem> {
        let handlers = self.handle().workers().handlers().into_iter();
        let handlers = handlers.map(|(name, handler)| WorkerHandlerView {
            handler: name.to_string(),
            polls: handler.polls,
            asked_at: handler.asked_at.map(time),
            waiting: handler.waiting,
            held: handler.held,
        });
        Ok(WorkersView { kind: "workers/v1".into(), handlers: handlers.collect() })
    }

    /// Hands out no more tasks, and waits until those that workers hold are reported about, at most as long as the engine lets
    /// handlers finish when it ends. For somebody who is about to end server and engine.
    pub async fn drain_workers(&self) {
        let handle = self.handle();
        handle.workers().drain(handle.config().drain).await;
    }
}

fn checked(request: PollTask) -> Result<Poll, Problem> {
    check_text("name of a worker", &request.worker, 1).map_err(problems::of_worker)?;
    if !(1..=HANDLERS_MAX).contains(&request.handlers.len()) {
        return Err(not_understood(format!("a worker offers 1 to {HANDLERS_MAX} handlers")));
    }
    if let Some(wrong) = request.handlers.iter().find(|name| !is_worker_name(name)) {
        let text = format!("`{wrong}` is no handler that a worker can offer");
        return Err(not_understood(text)
            .hint("say what stands behind worker/ in `uses`: letters, digits, _, . and -"));
    }
    let wait_ms = request.wait_ms.unwrap_or(WAIT_MS_DEFAULT);
    if wait_ms > WAIT_MS_MAX {
        return Err(not_understood(format!("`wait_ms` is {wait_ms}, and at most {WAIT_MS_MAX}")));
    }
    Ok(Poll {
        worker: request.worker.into(),
        handlers: request.handlers,
        wait: Duration::from_millis(wait_ms),
    })
}

fn view(task: &Task) -> Result<TaskView, Problem> {
    let info = task.cx.info();
    let text = String::from_utf8_lossy(&task.input.bytes).into_owned();
    let input = RawValue::from_string(text).map_err(|_| problems::bug("an input is no JSON"))?;
    Ok(TaskView {
        kind: "task/v1".into(),
        task: task.id.to_string(),
        token: task.token,
        handler: task.handler.to_string(),
        run: info.run_name.to_string(),
        workflow: info.workflow.to_string(),
        step: info.step_id.to_string(),
        item: task.cx.item(),
        attempt: task.cx.attempt(),
        may_repeat: task.cx.may_repeat(),
        undo: task.cx.is_undo(),
        key: task.cx.idempotency_key(),
        input,
        progress: task.cx.progress().ok().flatten().unwrap_or_default(),
        deadline: task.deadline.map(time),
        lease_ms: ms(task.lease),
    })
}

fn task_id(text: &str) -> Result<TaskId, Problem> {
    text.parse().map_err(|_| problems::no_such_task(text))
}

fn failure(request: &FailTask) -> Result<StepError, Problem> {
    let bytes = request.message.len() + request.details.as_ref().map_or(0, String::len);
    if bytes > FAILURE_BYTES_MAX {
        let text = format!("message and details have {bytes} bytes, more than {FAILURE_BYTES_MAX}");
        return Err(problems::too_large(text));
    }
    if request.message.is_empty() {
        return Err(not_understood("a failure has a message"));
    }
    let message = request.message.as_str();
    let mut failure =
        if request.retryable { StepError::retry(message) } else { StepError::fatal(message) };
    if let Some(kind) = &request.kind {
        failure = failure.code(check_kind(kind)?);
    }
    Ok(match &request.details {
        Some(details) => failure.details(details),
        None => failure,
    })
}

/// Codes that begin with `NX` and a digit are the engine's own: a worker does not fail with them.
fn check_kind(kind: &str) -> Result<&str, Problem> {
    let fits = |char: char| char.is_ascii_alphanumeric() || "_.-".contains(char);
    let is_ours = kind
        .strip_prefix("NX")
        .is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()));
    if (1..=KIND_CHARS_MAX).contains(&kind.len()) && kind.chars().all(fits) && !is_ours {
        return Ok(kind);
    }
    Err(not_understood(format!("`{kind}` is no kind of a failure")).hint(
        "letters, digits, _, . and -, such as CARD_DECLINED; what begins with NX and a digit is the engine's own",
    ))
}

#[expect(clippy::unnecessary_wraps, reason = "what a request comes to")]
fn reported(task: &str, existing: bool) -> Result<ReportedView, Problem> {
    Ok(ReportedView { kind: "reported/v1".into(), task: task.to_owned(), existing })
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
