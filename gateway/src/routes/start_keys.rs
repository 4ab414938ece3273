//! `starts`: what is kept and has not led to a run yet.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use super::read::{Body, Name};
use crate::Service;
use crate::api::{Act, StartActed, StartPage, StartView};

pub(super) async fn list(State(service): State<Service>) -> Answer<StartPage> {
    service.starts().await.map(Json)
}

pub(super) async fn show(State(service): State<Service>, Name(id): Name) -> Answer<StartView> {
    service.start_of(&id).await.map(Json)
}

pub(super) async fn cancel(
    State(service): State<Service>,
    Name(id): Name,
    Body(act): Body<Act>,
) -> Answer<StartActed> {
    service.cancel_start(&id, act).await.map(Json)
}
