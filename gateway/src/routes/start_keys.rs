//! `starts`: what is kept and has not led to a run yet.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::act_bodies::ActBody;
use super::answer::Answer;
use super::read::{Body, Name, Params};
use crate::Service;
use crate::api::{StartActed, StartPage, StartView};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    #[serde(default)]
    limit: u32,
    after: Option<String>,
}

pub(super) async fn list(
    State(service): State<Service>,
    Params(params): Params<ListParams>,
) -> Answer<StartPage> {
    service.starts(params.limit, params.after).await.map(Json)
}

pub(super) async fn show(State(service): State<Service>, Name(id): Name) -> Answer<StartView> {
    service.start_of(&id).await.map(Json)
}

pub(super) async fn cancel(
    State(service): State<Service>,
    Name(id): Name,
    Body(act): Body<ActBody>,
) -> Answer<StartActed> {
    service.cancel_start(&id, act.into()).await.map(Json)
}
