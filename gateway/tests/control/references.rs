//! Which run is meant.

use nexus_gateway::api::{Act, ApprovalAnswer, By, SendSignal, SendUpdate};
use serde_json::json;

use super::support::{House, definition, run};

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_meant_by_name_by_beginning_and_as_the_last() {
    let house = House::open().await;
    let [here, _] = house.controls();
    for control in house.controls() {
        let none = control.get("@last").await.unwrap_err();
        assert_eq!((&*none.code, none.exit_code), ("NX7011", 3));
    }
    run(&here, definition("echo", json!({})), "order-1").await;
    run(&here, definition("fail", json!({})), "order-11").await;
    run(&here, definition("echo", json!({})), "invoice:2+x").await;
    for control in house.controls() {
        let meant = async |reference: &str| match control.get(reference).await {
            Ok(view) => view.id,
            Err(problem) => format!("{} exit {}", problem.code, problem.exit_code),
        };
        assert_eq!(meant("order-1").await, "order-1");
        assert_eq!(meant("order-11").await, "order-11");
        assert_eq!(meant("inv").await, "invoice:2+x");
        assert_eq!(meant("invoice:2+x").await, "invoice:2+x");
        assert_eq!(meant("@last").await, "invoice:2+x");
        assert_eq!(meant("@last-failed").await, "order-11");
        assert_eq!(meant("order").await, "NX7012 exit 2");
        assert_eq!(meant("größe/1 %").await, "NX7011 exit 3");
        let several = control.get("order").await.unwrap_err();
        assert!(several.message.contains("order-1, order-11"), "{}", several.message);
        let near = control.get("odrer-1").await.unwrap_err();
        assert_eq!(near.hint.as_deref(), Some("did you mean order-1?"));
        let step = control.logs("order-1", Some("c")).await.unwrap_err();
        assert_eq!((&*step.code, step.exit_code), ("NX7014", 3));
        assert_eq!(step.step.as_deref(), Some("c"));
    }
    house.close().await;
}

/// A request for a run that is not there is not one for another whose name begins so.
#[tokio::test(flavor = "multi_thread")]
async fn what_changes_a_run_takes_its_whole_name() {
    let house = House::open().await;
    let [here, _] = house.controls();
    run(&here, definition("fail", json!({})), "refund-14").await;
    for control in house.controls() {
        let events = control.get("refund-1").await.expect("who looks may say less").events;
        let act = Act::default;
        let answer = || ApprovalAnswer {
            by: By { name: "dana".into(), ..By::default() },
            ..ApprovalAnswer::default()
        };
        let (signal, update) = (SendSignal::default(), SendUpdate::default());
        let refused = [
            control.pause("refund-1", act()).await.map(|_| ()),
            control.pause_step("refund-1", "a", act()).await.map(|_| ()),
            control.resume("refund-1", act()).await.map(|_| ()),
            control.resume_step("refund-1", "a", act()).await.map(|_| ()),
            control.cancel("refund-1", act()).await.map(|_| ()),
            control.retry("refund-1", act()).await.map(|_| ()),
            control.approve("refund-1", answer()).await.map(|_| ()),
            control.reject("refund-1", answer()).await.map(|_| ()),
            control.signal("refund-1", "go", signal).await.map(|_| ()),
            control.update("refund-1", "go", update).await.map(|_| ()),
        ];
        for (at, refused) in refused.into_iter().enumerate() {
            let problem = refused.expect_err("it is not there");
            assert_eq!((&*problem.code, problem.exit_code), ("NX7011", 3), "{at}: {problem:?}");
            let hint = "did you mean refund-14? what changes a run takes its whole name";
            assert_eq!(problem.hint.as_deref(), Some(hint), "{at}");
        }
        assert_eq!(control.get("refund-14").await.expect("it is there").events, events);
        let none = control.cancel("order", act()).await.expect_err("nothing begins so");
        assert_eq!(&*none.code, "NX7011");
    }
    house.close().await;
}
