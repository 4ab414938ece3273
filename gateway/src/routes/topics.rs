//! `events`: what passes between workflows.

use axum::Json;
use axum::extract::{Path, State};

use super::act_bodies::ActBody;
use super::answer::Answer;
use super::read::{Body, Name};
use crate::Service;
use crate::api::{EmitEvent, EmittedView, SetTriggers, TopicPage, TriggersActed};

pub(super) async fn list(State(service): State<Service>) -> Answer<TopicPage> {
    service.topics().await.map(Json)
}

pub(super) async fn emit(
    State(service): State<Service>,
    Name(event): Name,
    Body(request): Body<EmitEvent>,
) -> Answer<EmittedView> {
    service.emit(&event, request).await.map(Json)
}

pub(super) async fn set_triggers(
    State(service): State<Service>,
    Body(request): Body<SetTriggers>,
) -> Answer<TriggersActed> {
    service.set_triggers(request).await.map(Json)
}

pub(super) async fn delete_trigger(
    State(service): State<Service>,
    Path((event, trigger)): Path<(String, String)>,
    Body(act): Body<ActBody>,
) -> Answer<TriggersActed> {
    service.delete_trigger(&event, &trigger, act.into()).await.map(Json)
}
