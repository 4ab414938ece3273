//! `pause`, `resume`, `cancel`, `retry`, `drive`.

use axum::Json;
use axum::extract::State;

use super::act_bodies::{ActBody, CancelBody, RetryBody};
use super::answer::Answer;
use super::read::{Body, Name, Names};
use crate::Service;
use crate::api::Acted;

pub(super) async fn pause(
    State(service): State<Service>,
    Name(run): Name,
    Body(act): Body<ActBody>,
) -> Answer<Acted> {
    service.pause(&run, act.into()).await.map(Json)
}

pub(super) async fn resume(
    State(service): State<Service>,
    Name(run): Name,
    Body(act): Body<ActBody>,
) -> Answer<Acted> {
    service.resume(&run, act.into()).await.map(Json)
}

pub(super) async fn pause_step(
    State(service): State<Service>,
    Names(run, step): Names,
    Body(act): Body<ActBody>,
) -> Answer<Acted> {
    service.pause_step(&run, &step, act.into()).await.map(Json)
}

pub(super) async fn resume_step(
    State(service): State<Service>,
    Names(run, step): Names,
    Body(act): Body<ActBody>,
) -> Answer<Acted> {
    service.resume_step(&run, &step, act.into()).await.map(Json)
}

pub(super) async fn cancel(
    State(service): State<Service>,
    Name(run): Name,
    Body(act): Body<CancelBody>,
) -> Answer<Acted> {
    service.cancel(&run, act.into()).await.map(Json)
}

pub(super) async fn forget(
    State(service): State<Service>,
    Name(run): Name,
    Body(act): Body<ActBody>,
) -> Answer<Acted> {
    service.forget(&run, act.into()).await.map(Json)
}

pub(super) async fn retry(
    State(service): State<Service>,
    Name(run): Name,
    Body(act): Body<RetryBody>,
) -> Answer<Acted> {
    service.retry(&run, act.into()).await.map(Json)
}

pub(super) async fn drive(State(service): State<Service>, Name(run): Name) -> Answer<Acted> {
    service.drive(&run).await.map(Json)
}
