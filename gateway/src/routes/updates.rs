//! `updates`: requests that a step of a run checks, takes and answers.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use super::read::{Body, Names};
use crate::Service;
use crate::api::{SendUpdate, UpdateView};

pub(super) async fn send(
    State(service): State<Service>,
    Names(run, update): Names,
    Body(request): Body<SendUpdate>,
) -> Answer<UpdateView> {
    service.update(&run, &update, request).await.map(Json)
}
