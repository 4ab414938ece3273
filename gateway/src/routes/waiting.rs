//! `signals`: what comes from outside to a run that waits.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use super::read::{Body, Names};
use crate::Service;
use crate::api::{SendSignal, SignalView};

pub(super) async fn signal(
    State(service): State<Service>,
    Names(run, signal): Names,
    Body(request): Body<SendSignal>,
) -> Answer<SignalView> {
    service.signal(&run, &signal, request).await.map(Json)
}
