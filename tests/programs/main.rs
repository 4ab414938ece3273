//! The example programs: each ends the same wherever it is cut off, under simulated time before and after every transition, and
//! as a real process that is killed once each of its events is on the disk. A process with one of them is small.

mod killed;
mod light;

use nexus_engine::prelude::{Workflow, hours};
use nexus_engine::testing::TestEngine;

#[expect(dead_code, reason = "the program is played, not run")]
#[path = "../../examples/embed.rs"]
mod embed;
#[expect(dead_code, reason = "the program is played, not run")]
#[path = "../../examples/order.rs"]
mod order;

#[expect(dead_code, reason = "the program is played, not run")]
#[path = "../../examples/agent-loop.rs"]
mod agent_loop;

use agent_loop::Task;
use order::{Order, Parcel, Shop};

/// Steps of the two programs, each with a start and an end; without a crash there would be fewer transitions.
const TRANSITIONS_MIN: u32 = 6;

fn an_order(cents: u64) -> Order {
    Order { id: "A-1".to_owned(), cents }
}

#[test]
fn embed_ends_the_same_wherever_it_is_cut_off() {
    let order = embed::order().expect("a workflow");
    let t = TestEngine::new().workflow(&order);
    let crashes = t.crash_everywhere(&order, 2_500).expect("a start");
    assert!(crashes.all_same(), "{crashes}");
    assert!(crashes.transitions >= TRANSITIONS_MIN, "{}", crashes.transitions);
    let end = &crashes.plain.runs["wf-001"];
    assert_eq!((end.status, end.steps["charge"].attempts), ("completed", 3));
}

#[test]
fn an_order_ends_the_same_wherever_it_is_cut_off() {
    for order in [order::order(), order::order_as_function()] {
        ends_the_same(&order.expect("a workflow"));
    }
}

fn ends_the_same(order: &Workflow<Order, Parcel>) {
    for (has_no_trucks, status, undone) in [(false, "completed", 0), (true, "failed", 2)] {
        let t = TestEngine::new().workflow(order).state(Shop { has_no_trucks });
        let crashes = t.crash_everywhere_in(|t| {
            let run = t.start(order, an_order(250_000)).expect("a start");
            t.advance(hours(1));
            run.approve_of("approve", "dana", &["ops"]).expect("a decision");
        });
        assert!(crashes.all_same(), "{crashes}");
        assert!(crashes.transitions >= TRANSITIONS_MIN, "{}", crashes.transitions);
        assert_eq!(crashes.plain.runs["wf-001"].status, status);
        let undos = crashes.plain.calls.keys().filter(|call| call.uses.contains(".undo"));
        assert_eq!(undos.count(), undone);
    }
}

fn a_task(budget_cents: u32) -> Task {
    Task { goal: "why is the sky blue".to_owned(), budget_cents }
}

#[test]
fn an_agent_loop_ends_the_same_wherever_it_is_cut_off() {
    let agent = agent_loop::agent_loop().expect("a workflow");
    for (budget, status) in [(100, "completed"), (14, "failed")] {
        let t = TestEngine::new().workflow(&agent);
        let crashes = t.crash_everywhere(&agent, a_task(budget)).expect("a start");
        assert!(crashes.all_same(), "{crashes}");
        assert!(crashes.transitions >= TRANSITIONS_MIN, "{}", crashes.transitions);
        assert_eq!(crashes.plain.runs["wf-001"].status, status);
    }
}
