//! The order of six steps as YAML, as a graph and as a function: the same outputs, the same failures, the same work done.
#![cfg(feature = "yaml")]

use std::sync::Arc;

use nexus_engine::model::command::{ApprovalAnswer, Command};
use nexus_engine::model::event::Actor;
use nexus_engine::model::plan::Plan;
use nexus_engine::prelude::*;
use nexus_engine::testing::TestEngine;
use serde_json::{Value, json};

use crate::order::{Order, Parcel, Shop, order, order_of_function};
use crate::yaml::{YAML, read};

/// How an order ends: status, output, failure, and what was done in the shop.
type End = (&'static str, Value, Option<(String, String)>, Vec<String>);

/// Plays an order; `approved`: what somebody says who is asked.
fn play(
    workflow: &Workflow<Order, Parcel>,
    plan: &Arc<Plan>,
    (id, cents): (&str, u64),
    approved: Option<bool>,
) -> End {
    let shop = Shop::default();
    let t = TestEngine::new().workflow(workflow).state(shop.clone());
    let end = t.with_kit(|kit| {
        let run = kit.start(plan, json!({"id": id, "cents": cents})).expect("a start");
        kit.settle();
        if let Some(approved) = approved {
            let step = kit.load(run).0.find("approve").expect("a step that asks");
            let by = Actor { name: "dana".into(), via: "test".into() };
            let groups = vec!["ops".to_owned()];
            let answer = ApprovalAnswer { approved, by, groups, ..ApprovalAnswer::default() };
            let command = Command::AnswerApproval { step, answer: Box::new(answer) };
            kit.ask(run, &command).expect("a decision");
        }
        kit.finish(run);
        assert_eq!(kit.broken(), Vec::<String>::new());
        kit.ending_of(run)
    });
    let failure = end.failure.map(|failure| (failure.code, failure.message));
    (end.status, end.output, failure, shop.done())
}

#[test]
fn the_three_forms_do_and_bring_the_same() {
    let (graph, function, yaml) = (order().unwrap(), order_of_function().unwrap(), read(YAML));
    for (order, approved, status) in [
        (("A-1", 500), None, "completed"),
        (("A-2", 200_000), Some(true), "completed"),
        (("A-3", 200_000), Some(false), "failed"),
        (("A-4", 200_000), None, "failed"),
        (("lost", 500), None, "failed"),
        (("lost", 200_000), Some(true), "failed"),
        (("empty", 0), None, "failed"),
    ] {
        let of_graph = play(&graph, graph.plan(), order, approved);
        assert_eq!(of_graph.0, status, "{of_graph:?}");
        assert_eq!(play(&graph, &yaml, order, approved), of_graph, "YAML");
        assert_eq!(play(&function, function.plan(), order, approved), of_graph, "a function");
    }
}
