//! `runs`: starting, and asking about one.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::answer::Answer;
use super::read::{Body, Name, Params};
use crate::Service;
use crate::api::{
    ExplainView, GraphView, HistoryPage, LogPage, Problem, Raw, ReplayView, RunView, StartRun,
    StartedRun,
};

/// How long a long poll waits if nothing is said.
const WAIT_MS_DEFAULT: u64 = 30_000;
/// The longest long poll.
const WAIT_MS_MAX: u64 = 60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepParam {
    step: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryParams {
    #[serde(default)]
    from: u32,
    #[serde(default)]
    limit: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitParams {
    timeout_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayParams {
    to: Option<u32>,
    #[serde(default)]
    state: bool,
}

pub(super) async fn start(
    State(service): State<Service>,
    Body(request): Body<StartRun>,
) -> Answer<StartedRun> {
    service.start(request).await.map(Json)
}

pub(super) async fn show(State(service): State<Service>, Name(run): Name) -> Answer<RunView> {
    service.get(&run).await.map(Json)
}

pub(super) async fn output(
    State(service): State<Service>,
    Name(run): Name,
    Params(params): Params<StepParam>,
) -> Answer<Value> {
    service.output(&run, params.step.as_deref()).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParams {
    step: Option<String>,
    path: Option<String>,
}

/// Whatever the bytes are, no browser shows them as a page of this address.
pub(super) async fn raw(
    State(service): State<Service>,
    Name(run): Name,
    Params(params): Params<RawParams>,
) -> Result<Response, Problem> {
    let RawParams { step, path } = params;
    let Raw { content_type, bytes } = service.raw(&run, step.as_deref(), path.as_deref()).await?;
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_DISPOSITION, "attachment".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

pub(super) async fn history(
    State(service): State<Service>,
    Name(run): Name,
    Params(params): Params<HistoryParams>,
) -> Answer<HistoryPage> {
    service.history(&run, params.from, params.limit).await.map(Json)
}

pub(super) async fn logs(
    State(service): State<Service>,
    Name(run): Name,
    Params(params): Params<StepParam>,
) -> Answer<LogPage> {
    service.logs(&run, params.step.as_deref()).await.map(Json)
}

pub(super) async fn wait(
    State(service): State<Service>,
    Name(run): Name,
    Params(params): Params<WaitParams>,
) -> Answer<RunView> {
    let timeout_ms = params.timeout_ms.unwrap_or(WAIT_MS_DEFAULT).min(WAIT_MS_MAX);
    service.wait(&run, Some(Duration::from_millis(timeout_ms))).await.map(Json)
}

pub(super) async fn replay(
    State(service): State<Service>,
    Name(run): Name,
    Params(params): Params<ReplayParams>,
) -> Answer<ReplayView> {
    service.replay(&run, params.to, params.state).await.map(Json)
}

pub(super) async fn explain(
    State(service): State<Service>,
    Name(run): Name,
) -> Answer<ExplainView> {
    service.explain(&run).await.map(Json)
}

pub(super) async fn graph(State(service): State<Service>, Name(run): Name) -> Answer<GraphView> {
    service.graph(&run).await.map(Json)
}
