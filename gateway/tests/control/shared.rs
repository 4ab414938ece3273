//! What runs share: limits and circuit breakers, looked at and changed from both sides.

use nexus_gateway::Control;
use nexus_gateway::api::{Act, LimitSize, SetLimit};
use serde_json::json;

use super::support::{House, by, definition, run, start, until};

async fn set(control: &Control, name: &str, slots: Option<u32>) -> Result<bool, String> {
    let size = slots.map(|slots| LimitSize { slots: Some(slots), rate: None, rate_per_ms: None });
    let set = control.set_limit(name, SetLimit { size, by: by() }).await;
    set.map(|limit| limit.is_set).map_err(|problem| problem.code)
}

async fn has(control: &Control, line: &str) -> bool {
    control.metrics().await.unwrap().lines().any(|found| found == line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_listed_looked_at_set_and_unset() {
    let house = House::open().await;
    let limited = json!({"concurrency": {"limit": 1, "key": "k", "scope": "global"}});
    let [here, there] = house.controls();
    here.start(start(definition("gate", limited.clone()), Some("first"))).await.unwrap();
    until("one has it", async || here.limit("k").await.is_ok_and(|limit| limit.held == 1)).await;
    here.start(start(definition("gate", limited.clone()), Some("second"))).await.unwrap();
    until("one waits", async || here.limit("k").await.is_ok_and(|limit| limit.waiting == 1)).await;
    for control in house.controls() {
        let page = control.limits().await.unwrap();
        assert_eq!(page.limits.len(), 1);
        let limit = control.limit("k").await.unwrap();
        assert_eq!(limit, page.limits[0]);
        assert_eq!((limit.held, limit.waiting, limit.granted, limit.is_set), (1, 1, 1, false));
        assert_eq!(
            (&*limit.holders[0].run, limit.holders[0].step.as_deref()),
            ("first", Some("b"))
        );
        assert_eq!((&*limit.queue[0].run, limit.queue[0].ahead), ("second", Some(0)));
        let unknown = control.limit("none").await.unwrap_err();
        assert_eq!((&*unknown.code, unknown.exit_code), ("NX4163", 3));
        let explained = control.explain("second").await.unwrap();
        assert!(explained.why.contains("limited by k (1 at one time), next"), "{}", explained.why);
    }
    for line in [
        "nexus_limit_slots{limit=\"k\"} 1",
        "nexus_limit_held{limit=\"k\"} 1",
        "nexus_limit_waiting{limit=\"k\"} 1",
    ] {
        assert!(has(&here, line).await, "{line}");
    }
    assert_eq!(set(&there, "k", Some(2)).await, Ok(true));
    assert_eq!(set(&here, "k", Some(2)).await, Err("NX4162".to_owned()));
    until("both hold a slot", async || here.limit("k").await.unwrap().held == 2).await;
    assert!(has(&here, "nexus_limit_granted_total{limit=\"k\"} 2").await);
    assert_eq!(set(&here, "k", None).await, Ok(false));
    let no_time = LimitSize { slots: None, rate: Some(3), rate_per_ms: None };
    let refused = there.set_limit("k", SetLimit { size: Some(no_time), by: by() }).await;
    assert_eq!(refused.unwrap_err().exit_code, 2);
    assert_eq!(set(&there, "@rums", Some(2)).await, Err("NX7019".to_owned()));
    let runs = "@runs/gate";
    assert_eq!(set(&there, runs, Some(9)).await, Ok(true));
    assert_eq!(here.limit(runs).await.unwrap().size.slots, Some(9));
    assert_eq!(set(&there, runs, None).await, Ok(false));
    assert_eq!(here.limit(runs).await.unwrap().size.slots, None, "nothing limits them");
    house.gate.notify_one();
    house.gate.notify_one();
    for name in ["first", "second"] {
        assert_eq!(here.wait(name, None).await.unwrap().status, "completed");
    }
    until("all is given back", async || here.limit("k").await.unwrap().held == 0).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_is_listed_looked_at_and_reset() {
    let house = House::open().await;
    let [here, there] = house.controls();
    let guarded = json!({"breaker": {"target": "cards", "failures": 2}});
    for name in ["one", "two"] {
        let view = run(&here, definition("fail", guarded.clone()), name).await;
        assert_eq!(view.status, "failed");
    }
    let stands = async |state: &str| here.breaker("cards").await.is_ok_and(|it| it.state == state);
    until("it is open", async || stands("open").await).await;
    here.start(start(definition("echo", guarded), Some("three"))).await.unwrap();
    let waits = async || here.breaker("cards").await.is_ok_and(|breaker| breaker.waiting == 1);
    until("one waits", waits).await;
    for control in house.controls() {
        let page = control.breakers().await.unwrap();
        assert_eq!(page.breakers.len(), 1);
        let breaker = control.breaker("cards").await.unwrap();
        assert_eq!(breaker, page.breakers[0]);
        assert_eq!((breaker.opened, breaker.calling, breaker.failures_max), (1, 0, 2));
        assert!(breaker.until.is_some());
        assert_eq!(
            (&*breaker.queue[0].run, breaker.queue[0].step.as_deref()),
            ("three", Some("b"))
        );
        let unknown = control.breaker("none").await.unwrap_err();
        assert_eq!((&*unknown.code, unknown.exit_code), ("NX4166", 3));
        let explained = control.explain("three").await.unwrap();
        let why = "b: kept back by the circuit breaker of cards (open), one may try at ";
        assert!(explained.why.starts_with(why), "{}", explained.why);
        assert_eq!(explained.causes[0].cause, "broken");
        assert_eq!(explained.waiting.unwrap().on, "breaker");
    }
    for line in [
        "nexus_breaker_state{target=\"cards\"} 2",
        "nexus_breaker_waiting{target=\"cards\"} 1",
        "nexus_breaker_opened_total{target=\"cards\"} 1",
    ] {
        assert!(has(&here, line).await, "{line}");
    }
    let act = || Act { by: by(), ..Act::default() };
    assert_eq!(there.reset_breaker("cards", act()).await.unwrap().state, "closed");
    assert_eq!(here.wait("three", None).await.unwrap().status, "completed");
    until("its call is over", async || here.breaker("cards").await.unwrap().calling == 0).await;
    let again = there.reset_breaker("cards", act()).await.unwrap_err();
    assert_eq!((&*again.code, again.exit_code), ("NX4167", 5));
    let unknown = here.reset_breaker("none", act()).await.unwrap_err();
    assert_eq!(unknown.code, "NX4166");
    house.close().await;
}
