//! Waiting for ends, and following events as they come.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nexus_gateway::api::Act;
use nexus_gateway::{Control, Follow};
use serde_json::json;

use super::support::{House, by, definition, run, start};

async fn collect(mut follow: Follow) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = follow.next().await {
        events.push(event.unwrap().event);
    }
    events
}

/// Has a run come and go: what is awaited is asked for, and has no answer by then.
async fn nothing_comes_of<T: Debug>(
    awaited: &mut (impl Future<Output = T> + Unpin),
    here: &Control,
) {
    tokio::select! {
        biased;
        answer = awaited => panic!("{answer:?}"),
        another = run(here, definition("echo", json!({})), "another") => {
            assert_eq!(another.status, "completed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_takes_too_long_says_that_the_run_goes_on() {
    let house = House::open().await;
    let [here, _] = house.controls();
    here.start(start(definition("gate", json!({})), Some("held"))).await.unwrap();
    for control in house.controls() {
        let began = Instant::now();
        let late = control.wait("held", Some(Duration::from_millis(200))).await.unwrap_err();
        assert_eq!((&*late.code, late.exit_code), ("NX7013", 8));
        assert!(late.message.contains("held is still going"), "{}", late.message);
        assert!(began.elapsed() >= Duration::from_millis(200));
    }
    let controls = house.controls();
    let mut waiting = Box::pin(join_all(controls.iter().map(|control| control.wait("held", None))));
    nothing_comes_of(&mut waiting, &here).await;
    house.gate.notify_one();
    for ended in waiting.await {
        assert_eq!(ended.unwrap().status, "completed");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_followed_as_they_happen_until_the_run_ends() {
    let house = House::open().await;
    let [here, _] = house.controls();
    here.start(start(definition("gate", json!({})), Some("held"))).await.unwrap();
    let mut follows = Vec::new();
    for control in house.controls() {
        let mut follow = control.follow("held", 0).await.unwrap();
        let so_far = ["run.started", "step.started", "step.completed", "step.started"];
        for (n, kind) in (1..).zip(so_far) {
            let event = follow.next().await.unwrap().unwrap();
            assert_eq!((event.n, &*event.event), (n, kind));
        }
        follows.push(collect(follow));
    }
    let mut rest = Box::pin(join_all(follows));
    nothing_comes_of(&mut rest, &here).await;
    house.gate.notify_one();
    for events in rest.await {
        assert_eq!(events, ["step.completed", "run.completed"]);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_retried_is_no_end() {
    let house = House::open().await;
    let [here, _] = house.controls();
    run(&here, definition("fail", json!({})), "bad").await;
    here.retry("bad", Act { by: by(), ..Act::default() }).await.unwrap();
    here.wait("bad", None).await.unwrap();
    for control in house.controls() {
        let events = collect(control.follow("bad", 4).await.unwrap()).await;
        let ends = events.iter().filter(|event| *event == "run.failed").count();
        assert_eq!(ends, 2, "{events:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_server_does_not_wait_for_those_who_wait() {
    let house = House::open().await;
    let [here, there] = house.controls();
    there.start(start(definition("gate", json!({})), Some("held"))).await.unwrap();
    let asks = there.clone();
    let mut waits = Box::pin(async move { asks.wait("held", None).await });
    let mut follow = there.follow("held", 0).await.unwrap();
    assert_eq!(follow.next().await.unwrap().unwrap().event, "run.started");
    nothing_comes_of(&mut waits, &here).await;
    let (waits, follow) = (tokio::spawn(waits), tokio::spawn(collect(follow)));
    let began = Instant::now();
    house.close().await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(waits.await.unwrap().unwrap_err().exit_code, 6);
    follow.await.unwrap();
    let gone = there.status().await.unwrap_err();
    assert_eq!((&*gone.code, gone.exit_code), ("NX7015", 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_ask_at_the_same_time() {
    let house = House::open().await;
    let controls = [house.client.clone(), house.client.clone()].map(Control::There);
    let runs = controls.into_iter().enumerate().map(|(client, control)| {
        tokio::spawn(async move {
            for number in 0..20 {
                let name = format!("client-{client}-{number}");
                run(&control, definition("echo", json!({})), &name).await;
            }
        })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
    let [here, _] = house.controls();
    let filter = nexus_gateway::api::RunsFilter { limit: 100, ..Default::default() };
    assert_eq!(here.list(filter).await.unwrap().runs.len(), 40);
    house.close().await;
}
