//! `limits`: how many may run at one time.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use super::read::{Body, Name};
use crate::Service;
use crate::api::{LimitPage, LimitView, SetLimit};

pub(super) async fn list(State(service): State<Service>) -> Answer<LimitPage> {
    service.limits().await.map(Json)
}

pub(super) async fn show(State(service): State<Service>, Name(limit): Name) -> Answer<LimitView> {
    service.limit(&limit).await.map(Json)
}

pub(super) async fn set(
    State(service): State<Service>,
    Name(limit): Name,
    Body(request): Body<SetLimit>,
) -> Answer<LimitView> {
    service.set_limit(&limit, request).await.map(Json)
}
