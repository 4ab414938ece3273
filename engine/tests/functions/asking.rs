//! Approvals of functions: an answer meets the one that it is for.

use nexus_engine::model::event::Actor;
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::rejection::Rejection;
use nexus_engine::model::run::StepState;
use nexus_engine::prelude::*;
use nexus_engine::shard::Refusal;
use nexus_engine::{ApprovalDecision, RequestError};

use crate::life::{Life, within};
use crate::log::memory;
use crate::until::until;

/// Asks twice under one name.
async fn asks(cx: Cx, (): ()) -> Result<(bool, bool)> {
    let first = cx.approve("ok", Approval::by("dana")).await?;
    let second = cx.approve("ok", Approval::by("dana")).await?;
    Ok((first.approved, second.approved))
}

/// Waits until the step of this id asks. Returns its number.
async fn until_it_asks(life: &Life, run: RunId, id: &str) -> StepIndex {
    until(&format!("{id} asks"), async || {
        let (plan, state) = life.engine.handle().load(run).await.unwrap().unwrap();
        plan.find(id).filter(|step| matches!(state.step(*step), StepState::Awaiting { .. }))
    })
    .await
}

fn is_decided(error: &Error) -> bool {
    matches!(
        error,
        Error::Request(RequestError::Refused(Refusal::Rejected(Rejection::AlreadyDecided { step })))
            if step == "ok"
    )
}

#[tokio::test]
async fn the_second_answer_does_not_meet_the_next_approval() {
    let workflow = Workflow::code("asks", asks).unwrap();
    let life = Life::begin(&memory(), &workflow);
    let run = life.engine.start(&workflow, ()).id("run").await.unwrap();
    let id = run.run_id().await.unwrap();
    let number = until_it_asks(&life, id, "ok").await;
    let past = async |id: RunId| life.engine.handle().past_approval(id, "ok").await.unwrap();
    assert_eq!(past(id).await, None, "what is open is not over");
    run.approve("ok", "dana").await.unwrap();
    let next = until_it_asks(&life, id, "ok#2").await;
    assert_eq!(next, number, "its number is used again");

    assert!(past(id).await.is_some_and(|past| past.decided.is_some_and(|(yes, _, _)| yes)));

    // Who saw the first one, and answers only now.
    let late = ApprovalDecision {
        of: "ok".into(),
        by: Actor { name: "dana".into(), via: "rust".into() },
        ..ApprovalDecision::default()
    };
    let refused = life.engine.handle().decide_approval(id, number, late).await.unwrap_err();
    assert!(is_decided(&Error::from(refused)));
    assert!(is_decided(&run.reject("ok", "dana").await.unwrap_err()));
    let unknown = run.reject("ok#3", "dana").await.unwrap_err();
    assert!(matches!(unknown, Error::NoSuchStep { .. }), "{unknown}");

    run.approve("ok#2", "dana").await.unwrap();
    assert_eq!(within(run.result()).await.unwrap(), (true, true));
    assert!(is_decided(&run.reject("ok", "dana").await.unwrap_err()), "also when it has ended");
}

#[tokio::test]
async fn an_approval_that_nobody_decided_is_over_when_its_run_is() {
    let workflow = Workflow::code("asks", asks).unwrap();
    let life = Life::begin(&memory(), &workflow);
    let run = life.engine.start(&workflow, ()).id("run").await.unwrap();
    let id = run.run_id().await.unwrap();
    until_it_asks(&life, id, "ok").await;
    run.cancel("enough").await.unwrap();
    within(run.result()).await.unwrap_err();
    let past = life.engine.handle().past_approval(id, "ok").await.unwrap();
    assert_eq!(past.map(|past| past.decided), Some(None));
}
