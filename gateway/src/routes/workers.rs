//! `/workers/v1`: what programs that carry out steps ask and say.

use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;

use super::answer::Answer;
use super::read::{Body, Name};
use crate::Service;
use crate::api::{
    CompleteTask, FailTask, HeartbeatView, PollTask, Problem, ReportedView, TaskHeartbeat,
    WorkersView,
};
use crate::problems::{PROTOCOL, of_worker};

/// The task in the address.
struct Task(String);

/// What a worker says.
struct Said<T>(T);

impl<S: Send + Sync> FromRequestParts<S> for Task {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = Name::from_request_parts(parts, state).await;
        name.map(|Name(name)| Self(name)).map_err(of_worker)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Body::from_request(request, state).await;
        body.map(|Body(body)| Self(body)).map_err(of_worker)
    }
}

/// The addresses of workers.
pub(super) fn protocol() -> Router<Service> {
    Router::new()
        .route("/poll", post(poll))
        .route("/tasks/{task}/heartbeat", post(heartbeat))
        .route("/tasks/{task}/complete", post(complete))
        .route("/tasks/{task}/fail", post(fail))
        .fallback(async || super::unknown_of(PROTOCOL))
        .method_not_allowed_fallback(async || super::wrong_method_of(PROTOCOL))
}

/// The address that tells of them.
pub(super) fn control() -> Router<Service> {
    Router::new().route("/workers", get(list))
}

/// 204 if no task has come in time.
async fn poll(State(service): State<Service>, Said(request): Said<PollTask>) -> Response {
    match service.poll_task(request).await {
        Ok(Some(task)) => Json(task).into_response(),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn heartbeat(
    State(service): State<Service>,
    Task(task): Task,
    Said(request): Said<TaskHeartbeat>,
) -> Answer<HeartbeatView> {
    service.task_heartbeat(&task, request).await.map(Json)
}

async fn complete(
    State(service): State<Service>,
    Task(task): Task,
    Said(request): Said<CompleteTask>,
) -> Answer<ReportedView> {
    service.complete_task(&task, request).await.map(Json)
}

async fn fail(
    State(service): State<Service>,
    Task(task): Task,
    Said(request): Said<FailTask>,
) -> Answer<ReportedView> {
    service.fail_task(&task, request).await.map(Json)
}

async fn list(State(service): State<Service>) -> Answer<WorkersView> {
    service.workers().await.map(Json)
}
