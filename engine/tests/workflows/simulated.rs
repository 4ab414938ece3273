//! Workflows under simulated time: functions replaced by others, failures, crashes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nexus_engine::model::event::Event;
use nexus_engine::prelude::*;
use nexus_engine::testing::TestEngine;

use crate::order::{
    Hold, Order, Parcel, Payment, Shop, Valid, an_order, charge, notify, order, order_of_function,
    refund, reserve,
};

/// The order as a graph and as a function: what replaces and tests the one does so with the other.
fn both_forms() -> [Workflow<Order, Parcel>; 2] {
    [order().unwrap(), order_of_function().unwrap()]
}

#[test]
fn functions_are_replaced_wherever_they_stand() {
    for order in both_forms() {
        let refunds = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&refunds);
        let t = TestEngine::new()
            .workflow(&order)
            .state(Shop::default())
            .mock(reserve, |_: StepCx, _: Valid| async { Ok(Hold { id: "h1".into() }) })
            .mock(charge, |_: StepCx, (valid, hold): (Valid, Hold)| async move {
                assert_eq!((valid.cents, &*hold.id), (500, "h1"));
                Ok(Payment { id: "p1".into() })
            })
            .mock(refund, move |cx: StepCx, payment: Payment| {
                assert!(cx.is_undo() && payment.id == "p1");
                counted.fetch_add(1, Ordering::SeqCst);
                async { Ok(()) }
            })
            .mock(notify, Step::blocking(|_, _| Ok(())))
            .fail_first(2, charge, StepError::retry("503"));
        let run = t.start(&order, an_order("lost", 500)).unwrap();
        let error = run.result().unwrap_err();
        assert_eq!(error.to_string(), "run `wf-001` failed at `ship`: NX3001 no truck");
        assert_eq!(refunds.load(Ordering::SeqCst), 1);
        let failed = |event: &Event| matches!(event, Event::AttemptFailed { failure, .. } if failure.message == "503");
        assert_eq!(run.events().iter().filter(|recorded| failed(&recorded.event)).count(), 2);
    }
}

#[test]
fn time_jumps_and_decisions_come_when_they_come() {
    for order in both_forms() {
        let t = TestEngine::new().workflow(&order).state(Shop::default());
        let began = t.now();
        let run = t.start_as("large", &order, an_order("A-1", 200_000)).unwrap();
        t.advance(hours(23));
        t.crash_and_recover();
        assert_eq!(t.now().as_ms() - began.as_ms(), 23 * 3_600_000);
        let error = run.approve("approve", "erin").unwrap_err().to_string();
        assert_eq!(error, "NX4103: `erin` may not decide about step `approve`; it asks group:ops");
        run.approve_of("approve", "dana", &["ops"]).unwrap();
        assert_eq!(run.result().unwrap().tracking, "T-A-1");
        let late = t.start(&order, an_order("A-2", 200_000)).unwrap();
        t.down_for(days(2));
        assert_eq!(late.result().unwrap_err().code(), Some("NX4102"));
        let again = t.start_as("large", &order, an_order("A-1", 200_000)).unwrap();
        assert_eq!(again.run_id(), run.run_id());
    }
}

#[test]
fn what_waits_for_ever_says_so() {
    let signal = Signal::<u64>::new("go");
    let workflow = Workflow::dag("waits", |d, _: Node<'_, ()>| d.wait("go", &signal)).unwrap();
    let t = TestEngine::new().workflow(&workflow);
    let run = t.start(&workflow, ()).unwrap();
    assert_eq!(run.result().unwrap_err().code(), Some("NX3053"));
    run.signal(&signal, &7).unwrap();
    assert_eq!(run.result().unwrap(), 7);
}

#[test]
fn an_order_ends_the_same_wherever_it_is_cut_off() {
    let order = order().unwrap();
    let shop = Shop::default();
    let t = TestEngine::new().workflow(&order).state(shop.clone());
    let small = t.crash_everywhere(&order, an_order("A-1", 5)).unwrap();
    assert!(small.all_same() && small.played > 10, "{small}");
    let lost = t.crash_everywhere(&order, an_order("lost", 5)).unwrap();
    assert!(lost.all_same() && lost.played > small.played, "{lost}");
    let asked = t.crash_everywhere_in(|t| {
        let run = t.start(&order, an_order("A-2", 200_000)).unwrap();
        t.advance(hours(1));
        run.approve_of("approve", "dana", &["ops"]).unwrap();
    });
    assert!(asked.all_same(), "{asked}");
    assert_eq!(asked.plain.runs["wf-001"].status, "completed");
    assert!(shop.done().contains(&"ship hold-A-2".to_owned()));
}

#[test]
fn a_called_workflow_is_known_too() {
    async fn double(_: StepCx, n: u64) -> StepResult<u64> {
        Ok(n * 2)
    }
    let inner = Workflow::dag("inner", |d, n| d.step("double", double, n)).unwrap();
    let outer = Workflow::dag("outer", |d, n| d.call("call", &inner, n)).unwrap();
    let t = TestEngine::new().workflow(&outer);
    assert_eq!(t.start(&outer, 4).unwrap().result().unwrap(), 8);
    let crashes = t.crash_everywhere(&outer, 4).unwrap();
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs.len(), 2);
    let error = TestEngine::new().start(&outer, 4).unwrap_err();
    assert_eq!(error.code(), Some("NX3052"));
}

/// A runtime stops tasks that have polled a lot; the kit has nothing to do with that.
#[tokio::test]
async fn a_test_may_run_inside_a_runtime() {
    for order in both_forms() {
        let t = TestEngine::new().workflow(&order).state(Shop::default());
        for at in 0..60 {
            let run = t.start(&order, an_order(&format!("A-{at}"), 500)).unwrap();
            assert_eq!(run.result().unwrap().tracking, format!("T-A-{at}"));
        }
    }
}
