//! Schedules by the command line, over kills.

use std::collections::BTreeSet;
use std::time::Duration;

use nexus_gateway::api::RunsFilter;
use nexus_tests::{Chance, Server, until};

use crate::call;

const WORKFLOW: &str = "
nexus: v1
name: tick
triggers:
  - every: 1s
    catch_up: all
    overlap: allow
steps:
  a: { uses: log, with: { message: tick } }
";

/// How often the process is killed.
const KILLS: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_fires_twice_and_none_is_missing_over_kills() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = folder.path().join("store");
    let file = folder.path().join("tick.workflow.yaml");
    std::fs::write(&file, WORKFLOW).expect("a file can be written");
    let file = file.to_str().expect("its name is text");
    let mut chance = Chance::printed();
    for _ in 0..KILLS {
        let server = Server::start(&store, &["--workflows", file]);
        let client = server.client().await;
        let before =
            until("the schedule is there", || async { client.schedule("tick").await.ok() });
        let before = before.await.started;
        until("runs are started", || async {
            let now = client.schedule("tick").await.ok()?;
            (now.started > before).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(chance.between(0, 900))).await;
        server.kill();
    }
    let server = Server::start(&store, &[]);
    let client = server.client().await;
    let (text, code) = call(&store, &["schedule", "pause", "tick"]);
    assert_eq!(code, 0, "{text}");
    until("all runs have ended", || async {
        let now = client.schedule("tick").await.ok()?;
        now.open.is_empty().then_some(())
    })
    .await;
    let schedule = client.schedule("tick").await.expect("it is there");
    let filter = RunsFilter { limit: 1_000, ..RunsFilter::default() };
    let page = client.list(filter).await.expect("runs are listed");
    let names: BTreeSet<&str> = page.runs.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(names.len(), page.runs.len());
    assert!(page.runs.iter().all(|run| run.status == "completed"));
    let seconds: Vec<u64> = names.iter().filter_map(|name| second(name)).collect();
    let (first, last) = (seconds[0], seconds[seconds.len() - 1]);
    let all: Vec<u64> = (first..=last).collect();
    assert_eq!(seconds, all, "each second from the first to the last has its run");
    assert!(schedule.started <= seconds.len() as u64, "a start may be found to have been made");
    let (text, code) = call(&store, &["verify"]);
    assert_eq!(code, 0, "{text}");
}

/// The second at which a run was due.
fn second(name: &str) -> Option<u64> {
    let time = chrono::DateTime::parse_from_rfc3339(name.strip_prefix("tick@")?).ok()?;
    u64::try_from(time.timestamp()).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_makes_up_for_what_is_missing_once() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = folder.path().join("store");
    let file = folder.path().join("tick.workflow.yaml");
    std::fs::write(&file, WORKFLOW).expect("a file can be written");
    let file = file.to_str().expect("its name is text");
    let create = ["schedule", "create", file, "--name", "daily", "--cron", "30 2 * * *"];
    let (text, code) = call(&store, &[&create[..], &["--tz", "Europe/Berlin"]].concat());
    assert_eq!(code, 0, "{text}");
    let (text, code) = call(&store, &create);
    assert_eq!(code, 5, "another zone is another schedule: {text}");
    assert!(text.contains("NX4141"), "{text}");

    let server = Server::start(&store, &[]);
    let client = server.client().await;
    // Both changes of the clock: the night of the gap, and the one that has the hour twice.
    for (from, to, expected) in [
        ("2026-03-28", "2026-03-31", ["28T01:30:00Z", "29T01:00:00Z", "30T00:30:00Z"]),
        ("2026-10-24", "2026-10-27", ["24T00:30:00Z", "25T00:30:00Z", "26T01:30:00Z"]),
    ] {
        let backfill = ["schedule", "backfill", "daily", "--from", from, "--to", to, "-o", "name"];
        let (text, code) = call(&store, &backfill);
        assert_eq!(code, 0, "{text}");
        let made: Vec<&str> = text.lines().filter_map(|line| line.rsplit('-').next()).collect();
        assert_eq!(made, expected);
        let (text, _) = call(&store, &backfill);
        assert_eq!(text, "", "none the second time");
    }
    until("all runs have ended", || async {
        let schedule = client.schedule("daily").await.ok()?;
        (schedule.started == 6 && schedule.open.is_empty()).then_some(())
    })
    .await;
    let (text, _) = call(
        &store,
        &["schedule", "backfill", "daily", "--from", "2026-10-24", "--to", "2026-10-28"],
    );
    assert!(
        text.contains("daily@2026-10-27T01:30:00Z") && text.contains("1 run missing"),
        "{text}"
    );
}
