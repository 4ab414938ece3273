//! `queries`: what a workflow tells of its runs.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use super::read::{Name, Names};
use crate::Service;
use crate::api::{QueriesView, QueryView};

pub(super) async fn list(State(service): State<Service>, Name(run): Name) -> Answer<QueriesView> {
    service.queries(&run).await.map(Json)
}

pub(super) async fn show(
    State(service): State<Service>,
    Names(run, query): Names,
) -> Answer<QueryView> {
    service.query(&run, &query).await.map(Json)
}
