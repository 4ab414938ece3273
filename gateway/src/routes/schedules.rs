//! `schedules`: runs that are started by the clock.

use axum::Json;
use axum::extract::State;

use super::act_bodies::ActBody;
use super::answer::Answer;
use super::read::{Body, Name};
use crate::Service;
use crate::api::{
    BackfillSchedule, BackfillView, PutSchedule, ScheduleActed, SchedulePage, ScheduleView,
};

pub(super) async fn list(State(service): State<Service>) -> Answer<SchedulePage> {
    service.schedules().await.map(Json)
}

pub(super) async fn show(State(service): State<Service>, Name(id): Name) -> Answer<ScheduleView> {
    service.schedule(&id).await.map(Json)
}

pub(super) async fn put(
    State(service): State<Service>,
    Body(request): Body<PutSchedule>,
) -> Answer<ScheduleActed> {
    service.put_schedule(request).await.map(Json)
}

pub(super) async fn pause(
    State(service): State<Service>,
    Name(id): Name,
    Body(act): Body<ActBody>,
) -> Answer<ScheduleActed> {
    service.pause_schedule(&id, act.into()).await.map(Json)
}

pub(super) async fn resume(
    State(service): State<Service>,
    Name(id): Name,
    Body(act): Body<ActBody>,
) -> Answer<ScheduleActed> {
    service.resume_schedule(&id, act.into()).await.map(Json)
}

pub(super) async fn delete(
    State(service): State<Service>,
    Name(id): Name,
    Body(act): Body<ActBody>,
) -> Answer<ScheduleActed> {
    service.delete_schedule(&id, act.into()).await.map(Json)
}

pub(super) async fn trigger(
    State(service): State<Service>,
    Name(id): Name,
    Body(act): Body<ActBody>,
) -> Answer<ScheduleActed> {
    service.trigger_schedule(&id, act.into()).await.map(Json)
}

pub(super) async fn backfill(
    State(service): State<Service>,
    Name(id): Name,
    Body(request): Body<BackfillSchedule>,
) -> Answer<BackfillView> {
    service.backfill_schedule(&id, request).await.map(Json)
}
