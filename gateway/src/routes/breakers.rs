//! `breakers`: whether targets may be called.

use axum::Json;
use axum::extract::State;

use super::act_bodies::ActBody;
use super::answer::Answer;
use super::read::{Body, Name};
use crate::Service;
use crate::api::{BreakerPage, BreakerView};

pub(super) async fn list(State(service): State<Service>) -> Answer<BreakerPage> {
    service.breakers().await.map(Json)
}

pub(super) async fn show(
    State(service): State<Service>,
    Name(target): Name,
) -> Answer<BreakerView> {
    service.breaker(&target).await.map(Json)
}

pub(super) async fn reset(
    State(service): State<Service>,
    Name(target): Name,
    Body(act): Body<ActBody>,
) -> Answer<BreakerView> {
    service.reset_breaker(&target, act.into()).await.map(Json)
}
