//! What workers ask: the protocol of `docs/reference/workers.md`.

use hyper::Method;

use super::Client;
use super::transport::{Asking, segment};
use crate::api::{
    CompleteTask, FailTask, HeartbeatView, PollTask, Problem, ReportedView, TaskHeartbeat, TaskView,
};

#[expect(missing_docs, clippy::missing_errors_doc, reason = "as in Service, which they stand for")]
impl Client {
    pub async fn poll_task(&self, request: PollTask) -> Result<Option<TaskView>, Problem> {
        self.ask_if_any(post("poll").json(&request)?).await
    }

    pub async fn task_heartbeat(
        &self,
        task: &str,
        request: TaskHeartbeat,
    ) -> Result<HeartbeatView, Problem> {
        self.ask(post(&of(task, "heartbeat")).json(&request)?).await
    }

    pub async fn complete_task(
        &self,
        task: &str,
        request: CompleteTask,
    ) -> Result<ReportedView, Problem> {
        self.ask(post(&of(task, "complete")).json(&request)?).await
    }

    pub async fn fail_task(&self, task: &str, request: FailTask) -> Result<ReportedView, Problem> {
        self.ask(post(&of(task, "fail")).json(&request)?).await
    }
}

fn post(path: &str) -> Asking {
    Asking::new(Method::POST, format!("/workers/v1/{path}"))
}

fn of(task: &str, what: &str) -> String {
    format!("tasks/{}/{what}", segment(task))
}
