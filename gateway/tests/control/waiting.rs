//! Waiting for ends, and following events as they come.

use std::time::{Duration, Instant};

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
        let waiting = {
            let control = control.clone();
            tokio::spawn(async move { control.wait("held", None).await })
        };
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        waiting.abort();
    }
    let waiting: Vec<_> = house
        .controls()
        .into_iter()
        .map(|control| tokio::spawn(async move { control.wait("held", None).await }))
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    house.gate.notify_one();
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap().status, "completed");
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
        let first = follow.next().await.unwrap().unwrap();
        assert_eq!((first.n, &*first.event), (1, "run.started"));
        follows.push(tokio::spawn(collect(follow)));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(follows.iter().all(|follow| !follow.is_finished()));
    house.gate.notify_one();
    for follow in follows {
        let events = follow.await.unwrap();
        assert_eq!(events.last().map(String::as_str), Some("run.completed"));
        assert_eq!(events.len(), 5);
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
    let [_, there] = house.controls();
    there.start(start(definition("gate", json!({})), Some("held"))).await.unwrap();
    let waits = {
        let there = there.clone();
        tokio::spawn(async move { there.wait("held", None).await })
    };
    let follow = tokio::spawn(collect(there.follow("held", 0).await.unwrap()));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    house.close().await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(waits.await.unwrap().unwrap_err().exit_code, 6);
    assert!(!follow.await.unwrap().is_empty());
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
