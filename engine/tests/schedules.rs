//! Schedules in an engine: runs are started once, whatever happens to the process.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "support/until.rs"]
mod until;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::aggregate::Kind;
use nexus_engine::model::definition::Definition;
use nexus_engine::model::event::Actor;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::schedule::{CatchUp, Overlap, Schedule, Timing};
use nexus_engine::projections::RunFilter;
use nexus_engine::{Config, Engine, Handle, ScheduleRequest, replay_aggregate};
use serde_json::json;
use until::until;

fn plan() -> Arc<Plan> {
    let json = json!({
        "name": "tick", "input_is_value": true,
        "steps": [{"id": "a", "kind": {"set": {"values": {"seen": true}}}}],
    });
    let definition = Definition::from_json(json.to_string().as_bytes()).unwrap();
    Arc::new(Plan::compile(definition).unwrap())
}

fn open(store: &Path) -> Engine {
    let config = Config { grace: Duration::from_millis(50), ..Config::default() };
    Engine::builder().config(config).open(store).unwrap()
}

fn by() -> Actor {
    Actor { name: "test".into(), via: "rust".into() }
}

fn every(ms: u64, name: &str) -> ScheduleRequest {
    ScheduleRequest {
        name: name.to_owned(),
        timing: Timing::Every { ms },
        plan: plan(),
        callees: Vec::new(),
        follows: false,
        input: json!({}),
        folder: None,
        catch_up: CatchUp::Latest,
        overlap: Overlap::Skip,
        replace: false,
        by: by(),
    }
}

async fn once(handle: &Handle, name: &str, is_so: impl Fn(&Schedule) -> bool) -> Schedule {
    until("the schedule is so", async || {
        Some(handle.schedule(name).await.unwrap().unwrap()).filter(&is_so)
    })
    .await
}

/// Names of the runs, as the view knows them.
fn runs(engine: &Engine) -> Vec<String> {
    let views = engine.handle().views().unwrap();
    views.catch_up(engine.handle().log().durable(nexus_engine::log::Partition(0))).unwrap();
    let page = views.runs(&RunFilter::default()).unwrap();
    page.rows.into_iter().map(|row| row.name).collect()
}

fn check_replay(engine: &Engine, name: &str) {
    let loader = engine.handle().loader();
    let replay = replay_aggregate(loader, Kind::Schedule.id(name)).unwrap().unwrap();
    assert_eq!(replay.differences, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_starts_runs_and_goes_on_in_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.handle().put_schedule(every(1_000, "tick")).await.unwrap();
    let first = once(engine.handle(), "tick", |it| it.counts.started == 2 && it.open.is_empty());
    let first = first.await;
    check_replay(&engine, "tick");
    engine.shutdown().await;

    let engine = open(folder.path());
    let second = once(engine.handle(), "tick", |it| it.counts.started >= 4);
    let second = second.await;
    assert!(second.last > first.last);
    engine.handle().pause_schedule("tick", by(), "enough".into()).await.unwrap();
    let last = once(engine.handle(), "tick", |it| it.open.is_empty()).await;
    let names = runs(&engine);
    let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(names.len() as u64, last.counts.started);
    assert_eq!(distinct.len(), names.len(), "none fires twice: {names:?}");
    assert!(names.iter().all(|name| name.starts_with("tick@")), "{names:?}");
    check_replay(&engine, "tick");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    engine.handle().put_schedule(every(86_400_000, "daily")).await.unwrap();
    engine.handle().trigger_schedule("daily", by()).await.unwrap();
    once(engine.handle(), "daily", |it| it.counts.started == 1 && it.open.is_empty()).await;
    assert_eq!(runs(&engine).len(), 1, "the triggered run alone");
    let views = engine.handle().views().unwrap();
    let rows = views.aggregates(Kind::Schedule).unwrap();
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["daily"]);
    assert!(rows[0].is_parked);
    let audit = views.audit(&nexus_engine::projections::AuditFilter::default()).unwrap();
    let managed: Vec<_> = audit.rows.iter().filter(|row| row.name == "schedule daily").collect();
    assert_eq!(managed.len(), 2, "created and triggered");
    let renewed = views.renew().unwrap();
    assert!(renewed.iter().all(nexus_engine::projections::Renewed::is_same), "{renewed:?}");
    engine.shutdown().await;
}
