//! `approve`, `reject`, `inbox`: what people decide.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use super::read::{Body, Name, Params};
use crate::Service;
use crate::api::{ApprovalAnswer, ApprovalsPage, DecidedView, InboxFilter, Pairs};
use crate::problems::bad_request;

pub(super) async fn approve(
    State(service): State<Service>,
    Name(run): Name,
    Body(answer): Body<ApprovalAnswer>,
) -> Answer<DecidedView> {
    service.approve(&run, answer).await.map(Json)
}

pub(super) async fn reject(
    State(service): State<Service>,
    Name(run): Name,
    Body(answer): Body<ApprovalAnswer>,
) -> Answer<DecidedView> {
    service.reject(&run, answer).await.map(Json)
}

pub(super) async fn inbox(
    State(service): State<Service>,
    Params(pairs): Params<Pairs>,
) -> Answer<ApprovalsPage> {
    let filter = InboxFilter::from_pairs(pairs).map_err(bad_request)?;
    service.inbox(filter).await.map(Json)
}
