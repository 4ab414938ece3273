//! `verify` and `projections/rebuild`.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use crate::Service;
use crate::api::{RebuildView, VerifyView};

pub(super) async fn verify(State(service): State<Service>) -> Answer<VerifyView> {
    service.verify().await.map(Json)
}

pub(super) async fn rebuild(State(service): State<Service>) -> Answer<RebuildView> {
    service.rebuild().await.map(Json)
}
