//! `/workers/v1`: what programs that carry out steps ask and say.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::answer::Answer;
use super::read::{Body, Name};
use crate::Service;
use crate::api::{
    CompleteTask, FailTask, HeartbeatView, PollTask, ReportedView, TaskHeartbeat, WorkersView,
};

/// The addresses of workers.
pub(super) fn protocol() -> Router<Service> {
    Router::new()
        .route("/poll", post(poll))
        .route("/tasks/{task}/heartbeat", post(heartbeat))
        .route("/tasks/{task}/complete", post(complete))
        .route("/tasks/{task}/fail", post(fail))
}

/// The address that tells of them.
pub(super) fn control() -> Router<Service> {
    Router::new().route("/workers", get(list))
}

/// 204 if no task has come in time.
async fn poll(State(service): State<Service>, Body(request): Body<PollTask>) -> Response {
    match service.poll_task(request).await {
        Ok(Some(task)) => Json(task).into_response(),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn heartbeat(
    State(service): State<Service>,
    Name(task): Name,
    Body(request): Body<TaskHeartbeat>,
) -> Answer<HeartbeatView> {
    service.task_heartbeat(&task, request).await.map(Json)
}

async fn complete(
    State(service): State<Service>,
    Name(task): Name,
    Body(request): Body<CompleteTask>,
) -> Answer<ReportedView> {
    service.complete_task(&task, request).await.map(Json)
}

async fn fail(
    State(service): State<Service>,
    Name(task): Name,
    Body(request): Body<FailTask>,
) -> Answer<ReportedView> {
    service.fail_task(&task, request).await.map(Json)
}

async fn list(State(service): State<Service>) -> Answer<WorkersView> {
    service.workers().await.map(Json)
}
