//! `status`, `runs`, `audit`.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use super::read::Params;
use crate::Service;
use crate::api::{AuditFilter, AuditPage, Pairs, RunPage, RunsFilter, Status};
use crate::problems::bad_request;

pub(super) async fn status(State(service): State<Service>) -> Answer<Status> {
    service.status().await.map(Json)
}

pub(super) async fn runs(
    State(service): State<Service>,
    Params(pairs): Params<Pairs>,
) -> Answer<RunPage> {
    let filter = RunsFilter::from_pairs(pairs).map_err(bad_request)?;
    service.list(filter).await.map(Json)
}

pub(super) async fn audit(
    State(service): State<Service>,
    Params(pairs): Params<Pairs>,
) -> Answer<AuditPage> {
    let filter = AuditFilter::from_pairs(pairs).map_err(bad_request)?;
    service.audit(filter).await.map(Json)
}
