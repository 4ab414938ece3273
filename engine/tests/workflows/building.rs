//! What is refused when a workflow is made: an error with a code, no panic.

use nexus_engine::prelude::*;
use nexus_engine::workflow::{EdgeKind, StepWork};

use crate::order;

async fn same(_: StepCx, n: u64) -> StepResult<u64> {
    Ok(n)
}

fn said(workflow: Result<Workflow<u64, u64>>) -> String {
    let error = workflow.expect_err("it is refused");
    assert!(error.code().is_some_and(|code| code.starts_with("NX11")), "{error}");
    error.to_string()
}

#[test]
fn what_is_wrong_is_said_when_it_is_made() {
    let twice = said(Workflow::dag("w", |d, n| {
        d.step("a", same, n);
        d.step("a", same, n)
    }));
    assert_eq!(twice, "workflow `w` cannot be used\n  NX1108: two steps have the id `a`");
    let of_itself = said(Workflow::dag("w", |d, n| {
        let first = d.step("a", same, n);
        d.step("a", same, first)
    }));
    assert_eq!(of_itself, twice, "neither of the two waits for itself");
    let in_a_circle = said(Workflow::dag("w", |d, n| {
        let first = d.step("a", same, n);
        let second = d.step("b", same, first);
        d.step("a", same, second)
    }));
    assert_eq!(in_a_circle, twice, "nor for what waits for the other");
    let empty = said(Workflow::dag("w", |_, n| n));
    assert!(empty.contains("NX1101: the workflow has no steps"), "{empty}");
    let cycle = said(Workflow::dag("w", |d, n| {
        let a = d.step("a", same, n);
        let b = d.step("b", same, a);
        a.after(b);
        b
    }));
    assert!(cycle.contains("NX1105: these steps wait for each other: a → b → a"), "{cycle}");
    let itself = said(Workflow::dag("w", |d, n| {
        let a = d.step("a", same, n);
        a.after(a)
    }));
    assert!(itself.contains("NX1105: step `a` needs itself: a → a"), "{itself}");
    let unnamed = said(Workflow::dag("w", |d, n| d.step("", same, n)));
    assert!(unnamed.contains("NX1106: `` cannot be the id of a step"), "{unnamed}");
    let expression = said(Workflow::dag("w", |d, n| {
        let a = d.step("a", same, n);
        d.step("b", same, n).when_expr("steps.c.output > 1");
        a
    }));
    assert!(expression.contains("NX1104: there is no step `c`"), "{expression}");
}

#[test]
fn a_function_is_found_under_one_name() {
    async fn nothing(_: StepCx, _: u64) -> StepResult<()> {
        Ok(())
    }
    let undo = said(Workflow::dag("w", |d, n| {
        let a = d.step("a", same.undo(nothing), n);
        d.step("a.undo", same, a)
    }));
    assert!(
        undo.contains("NX1192: step `a.undo` would be carried out as `w.a.undo`, as"),
        "{undo}"
    );
    let inner = Workflow::dag("w", |d, n| d.step("a", same, n)).unwrap();
    let outer = said(Workflow::dag("w", |d, n| {
        let n = d.call("inner", &inner, n);
        d.step("a", same, n)
    }));
    assert!(outer.contains("NX1192: step `a` would be carried out as `w.a`, as"), "{outer}");
}

#[test]
fn called_workflows_of_one_name_have_one_function_for_each_name() {
    async fn other(_: StepCx, n: u64) -> StepResult<u64> {
        Ok(n + 1)
    }
    async fn plain(_: Cx, n: u64) -> Result<u64> {
        Ok(n)
    }
    async fn more(_: Cx, n: u64) -> Result<u64> {
        Ok(n + 1)
    }
    let first = Workflow::dag("pay", |d, n| d.step("charge", same, n)).unwrap();
    let second = Workflow::dag("pay", |d, n| d.step("charge", other, n)).unwrap();
    let both = |second: &Workflow<u64, u64>| {
        Workflow::dag("w", |d, n| {
            let n = d.call("old", &first, n);
            d.call("new", second, n)
        })
    };
    let refused = said(both(&second));
    let message =
        "NX1192: step `new` calls `pay`, whose `pay.charge` is another function than that of this";
    assert!(refused.contains(message), "{refused}");
    let longer = Workflow::dag("pay", |d, n| {
        let n = d.step("charge", same.retry(3), n);
        d.step("note", other, n)
    });
    both(&longer.unwrap()).expect("the function is the same");

    let [one, again] = [(); 2].map(|()| Workflow::code("pay", plain).unwrap());
    let another = Workflow::code("pay", more).unwrap();
    let both = |second: &Workflow<u64, u64>| {
        Workflow::dag("w", |d, n| {
            let n = d.call("old", &one, n);
            d.call("new", second, n)
        })
    };
    both(&again).expect("the function is the same");
    let refused = said(both(&another));
    let message = "NX1192: step `new` calls `pay`, whose `pay` is another function than that";
    assert!(refused.contains(message), "{refused}");
}

#[test]
fn what_only_some_nodes_can_is_refused_of_others() {
    let input = said(Workflow::dag("w", |d, n| {
        let a = d.step("a", same, n);
        n.after(a);
        a
    }));
    assert!(input.contains("NX1190: the input of the workflow is no step that"), "{input}");
    let within = said(Workflow::dag("w", |d, n| {
        let a = d.step("a", same, n);
        a.within(secs(1));
        a
    }));
    assert!(within.contains("NX1190: step `a` has a time to wait, but waits for no"), "{within}");
    let limit = said(Workflow::dag("w", |d, n| {
        let list = d.map("list", n, |n: u64| vec![n]);
        list.limit(2);
        d.step("a", same, n)
    }));
    assert!(limit.contains("NX1190: step `list` has a limit of items, but is not"), "{limit}");
}

#[test]
fn the_graph_can_be_looked_at() {
    let order = order::order().unwrap();
    let graph = order.graph();
    let names: Vec<&str> = graph.node_weights().map(|step| step.name.as_str()).collect();
    let all = ["validate", "reserve", "charge", "approve", "approve.when", "ship", "notify"];
    assert_eq!(names, all);
    let edge = |from: &str, to: &str| {
        let at = |name| graph.node_indices().find(|at| graph[*at].name == name).unwrap();
        graph.find_edge(at(from), at(to)).map(|edge| graph[edge])
    };
    assert_eq!(edge("validate", "reserve"), Some(EdgeKind::Data));
    assert_eq!(edge("charge", "approve"), Some(EdgeKind::After));
    assert_eq!(edge("approve.when", "approve"), Some(EdgeKind::When));
    assert_eq!(edge("validate", "notify"), Some(EdgeKind::Data));
    assert_eq!(edge("reserve", "notify"), None);
    let when = graph.node_weights().find(|step| step.name == "approve.when").unwrap();
    assert_eq!(when.work, StepWork::Condition);
    assert!(!petgraph::algo::is_cyclic_directed(graph));
}
