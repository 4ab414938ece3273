//! `pauses`: pauses of the store.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use super::read::Body;
use crate::Service;
use crate::api::{PauseStore, PausesView};

pub(super) async fn list(State(service): State<Service>) -> Answer<PausesView> {
    service.pauses().await.map(Json)
}

pub(super) async fn pause(
    State(service): State<Service>,
    Body(request): Body<PauseStore>,
) -> Answer<PausesView> {
    service.pause_store(request).await.map(Json)
}

pub(super) async fn resume(
    State(service): State<Service>,
    Body(request): Body<PauseStore>,
) -> Answer<PausesView> {
    service.resume_store(request).await.map(Json)
}
