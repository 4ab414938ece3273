//! Workflows as YAML: the same events, but for the hash of the definition.
#![cfg(feature = "yaml")]

use std::sync::Arc;

use nexus_engine::handler_fn;
use nexus_engine::model::command::{ApprovalAnswer, Command};
use nexus_engine::model::event::{Actor, Event};
use nexus_engine::model::id::{DefinitionHash, RunId, StateHash};
use nexus_engine::model::plan::Plan;
use nexus_engine::prelude::*;
use nexus_engine::testkit::TestEngine;
use serde_json::json;

use crate::order::{Order, Parcel, Shop, order};
use crate::order::{charge, notify, refund, release, reserve, ship, validate};

#[test]
fn a_closure_cannot_be_written_and_is_named() {
    let error = order().unwrap().to_yaml().unwrap_err();
    assert_eq!(error.code(), Some("NX1191"));
    let expected = "workflow `order` cannot be used\n  NX1191: step `approve` holds a closure, which cannot be written as YAML; write its condition with `when_expr`, and its work as a function";
    assert_eq!(error.to_string(), expected);
    let _: Error = error;
}

/// The order of six steps, with a condition that YAML can hold.
fn order_with_expression() -> Workflow<Order, Parcel> {
    let workflow = Workflow::dag("order", |d, order| {
        let valid = d.step("validate", validate, order);
        let hold = d.step("reserve", reserve.undo(release), valid);
        let charge = charge.retry(Retry::exponential(5)).timeout(secs(30)).undo(refund);
        let paid = d.step("charge", charge, (valid, hold));
        let ok = d
            .approve("approve", Approval::by("group:ops").within(hours(24)))
            .after(paid)
            .when_expr("steps.validate.output.cents > 100000");
        let sent = d.step("ship", ship, (valid, hold)).after(ok);
        d.step("notify", notify.best_effort(), (valid, sent));
        sent
    });
    workflow.unwrap().version(3).on_failure(OnFailure::Compensate)
}

pub(crate) const YAML: &str = r#"
nexus: v1
name: order
on_failure: compensate
on_cancel: compensate
inputs:
  id: string
  cents: integer
steps:
  validate:
    uses: order.validate
    with: ${{ inputs }}
  reserve:
    uses: order.reserve
    with: ${{ steps.validate.output }}
    compensate: { uses: order.reserve.undo, with: "${{ this.output }}" }
  charge:
    uses: order.charge
    with: ["${{ steps.validate.output }}", "${{ steps.reserve.output }}"]
    retry: 5
    timeout: 30s
    compensate: { uses: order.charge.undo, with: "${{ this.output }}" }
  approve:
    needs: charge
    if: ${{ steps.validate.output.cents > 100000 }}
    approve: { by: ["group:ops"], timeout: 24h }
  ship:
    needs: approve
    uses: order.ship
    with: ["${{ steps.validate.output }}", "${{ steps.reserve.output }}"]
  notify:
    uses: order.notify
    with: ["${{ steps.validate.output }}", "${{ steps.ship.output }}"]
    on_error: continue
outputs: ${{ steps.ship.output }}
"#;

pub(crate) fn read(text: &str) -> Arc<Plan> {
    let read = nexus_engine::definitions::read("order.workflow.yaml", text);
    Arc::new(read.expect("a good file").plan)
}

#[test]
fn what_it_writes_is_read_as_the_same_definition() {
    let workflow = order_with_expression();
    let text = workflow.to_yaml().unwrap();
    assert_eq!(read(&text).definition(), workflow.plan().definition(), "{text}");
}

/// The engine on a simulated world: the same ids and times in each play.
fn engine(shop: &Shop) -> TestEngine {
    TestEngine::new()
        .state(shop.clone())
        .handler("order.validate", handler_fn(validate))
        .handler("order.reserve", handler_fn(reserve))
        .handler("order.reserve.undo", handler_fn(release))
        .handler("order.charge", handler_fn(charge))
        .handler("order.charge.undo", handler_fn(refund))
        .handler("order.ship", handler_fn(ship))
        .handler("order.notify", handler_fn(notify))
}

/// The events of a run, without the hash of its definition, and without that of its state, in which it is.
fn told(engine: &TestEngine, run: RunId) -> Vec<String> {
    let mut events = engine.events(run);
    for event in &mut events {
        if let Event::RunStarted(started) = event {
            started.definition = DefinitionHash::default();
        } else if let Event::RunCompleted { state, .. } | Event::RunFailed { state, .. } = event {
            *state = StateHash::default();
        }
    }
    events.iter().map(|event| format!("{event:?}")).collect()
}

#[test]
fn the_three_spellings_have_the_same_events() {
    let workflow = order_with_expression();
    let (by_hand, written) = (read(YAML), read(&workflow.to_yaml().unwrap()));
    assert_ne!(by_hand.hash(), written.hash(), "one declares its inputs, the other takes any");
    for (id, cents, events) in
        [("A-1", 500, 14), ("A-2", 200_000, 16), ("lost", 500, 18), ("empty", 0, 7)]
    {
        let play = |plan: &Arc<Plan>| {
            let shop = Shop::default();
            let mut engine = engine(&shop);
            let run = engine.start(plan, json!({"id": id, "cents": cents})).unwrap();
            engine.settle();
            if cents > 100_000 {
                let step = plan.find("approve").unwrap();
                let by = Actor { name: "dana".into(), via: "test".into() };
                let answer = ApprovalAnswer {
                    approved: true,
                    by,
                    groups: vec!["ops".into()],
                    ..ApprovalAnswer::default()
                };
                engine
                    .ask(run, &Command::AnswerApproval { step, answer: Box::new(answer) })
                    .unwrap();
            }
            engine.finish(run);
            (told(&engine, run), shop.done())
        };
        let typed = play(workflow.plan());
        assert_eq!(typed.0.len(), events, "{typed:#?}");
        assert_eq!(typed, play(&written), "as it is written");
        assert_eq!(typed, play(&by_hand), "as it is written by hand");
    }
}
