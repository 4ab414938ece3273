//! `workflows` and `definitions`: published versions.

use axum::Json;
use axum::extract::State;

use super::answer::Answer;
use super::read::{Body, Name};
use crate::Service;
use crate::api::{
    CompareDefinitions, DefinitionView, DiffView, PublishVersion, RollBack, VersionActed,
    WorkflowPage, WorkflowView,
};

pub(super) async fn publish(
    State(service): State<Service>,
    Body(request): Body<PublishVersion>,
) -> Answer<VersionActed> {
    service.publish(request).await.map(Json)
}

pub(super) async fn list(State(service): State<Service>) -> Answer<WorkflowPage> {
    service.workflows().await.map(Json)
}

pub(super) async fn show(State(service): State<Service>, Name(name): Name) -> Answer<WorkflowView> {
    service.workflow(&name).await.map(Json)
}

pub(super) async fn roll_back(
    State(service): State<Service>,
    Name(name): Name,
    Body(request): Body<RollBack>,
) -> Answer<VersionActed> {
    service.roll_back(&name, request).await.map(Json)
}

pub(super) async fn definition(
    State(service): State<Service>,
    Name(reference): Name,
) -> Answer<DefinitionView> {
    service.definition(&reference).await.map(Json)
}

pub(super) async fn compare(
    State(service): State<Service>,
    Body(request): Body<CompareDefinitions>,
) -> Answer<DiffView> {
    service.compare(request).await.map(Json)
}
