//! Rows that do not follow from the log are found.

use nexus_engine::log::{
    Change, Partition, Records, Revision, Row, StreamId, Submission, Transition,
};
use nexus_engine::model::id::{DefinitionHash, RunId, TimerId};
use nexus_engine::model::time::Timestamp;
use nexus_engine::tables::{TIMERS, definition_row, name_row, timer_key};
use serde_json::json;

use super::support::{House, definition, run, start, until};

/// Appends `rows`, with a record that is no event in a stream of its own.
async fn append(house: &House, rows: Vec<Row>) {
    let log = house.engine.handle().log();
    let mut records = Records::new();
    records.push_with(999, 1, 0, |_| {});
    let stream = StreamId([9; 16]);
    let payloads = Vec::new();
    let transition =
        Transition { stream, expected: Revision(0), time_us: 1, records, rows, payloads };
    let permit = log.permits().acquire(transition.bytes()).await;
    let submission = Submission { partition: Partition(0), transitions: vec![transition], permit };
    log.append(submission).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_follow_from_the_log_are_found() {
    let house = House::open().await;
    let [here, _] = house.controls();
    run(&here, definition("echo", json!({})), "good").await;
    let retry = json!({"retry": {
        "max_attempts": 5, "backoff": "constant", "initial_ms": 60_000, "factor": 1.0,
        "max_ms": 60_000, "jitter": false,
    }});
    here.start(start(definition("fail", retry), Some("later"))).await.unwrap();
    until("retrying", async || here.get("later").await.unwrap().status == "retrying").await;
    let good = house.engine.handle().find("good").await.unwrap().unwrap();
    let later = house.engine.handle().find("later").await.unwrap().unwrap();
    let set = house.engine.handle().load(later).await.unwrap().unwrap().1.timers;
    let (id, timer) = set.first_key_value().unwrap();
    let timer_row = |key: Vec<u8>, change| Row { table: TIMERS, key, change };
    let rows = vec![
        name_row("nobody", RunId([7; 16]), &[0; 32]),
        name_row("alias", good, &[0; 32]),
        definition_row(DefinitionHash([5; 32]), b"{}".to_vec()),
        timer_row(timer_key(Timestamp(1), good, TimerId(3)), Change::Put(Vec::new())),
        timer_row(timer_key(timer.due, later, *id), Change::Delete),
    ];
    append(&house, rows).await;
    for control in house.controls() {
        let problems = control.verify().await.unwrap().problems;
        let said = |part: &str| problems.iter().any(|problem| problem.contains(part));
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(said("the name nobody stands for no run"), "{problems:?}");
        assert!(said("the name alias stands for a run that is called good"), "{problems:?}");
        assert!(said("definition 05050505"), "{problems:?}");
        assert!(said("timer 3 of good has a row, but is not set"), "{problems:?}");
        assert!(said("of later is set, but has no row"), "{problems:?}");
    }
    let problem = here.list(nexus_gateway::api::RunsFilter::default()).await.unwrap_err();
    assert_eq!((&*problem.code, problem.exit_code), ("NX6011", 10));
    house.close().await;
}
