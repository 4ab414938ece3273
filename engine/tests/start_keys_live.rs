//! Starts that have a key in an engine on disk: concurrent ones, and one that was cut off between the key and the run.

#[path = "support/published.rs"]
mod published;
#[path = "support/until.rs"]
mod until;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::aggregate::{Command, Kind};
use nexus_engine::model::definition::Definition;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::schedule::{CatchUp, Overlap, Schedule, Timing};
use nexus_engine::model::start_key::{RunRequest, StartKeyCommand};
use nexus_engine::{
    Begun, Config, Drive, Engine, Handle, ScheduleRequest, ScheduledRun, StartError, StartRequest,
    Started, TriggerRequest, replay_aggregate,
};
use published::{by, publish};
use serde_json::{Value, json};
use until::until;

fn plan(rule: &Value) -> Arc<Plan> {
    let mut json = json!({
        "name": "index", "inputs": {"shop": {}, "page": {"default": 0}},
        "event_triggers": [{"event": "changed"}],
        "steps": [{"id": "a", "kind": {"set": {"values": {"seen": "${{ inputs.page }}"}}}}],
    });
    for (key, value) in rule.as_object().expect("a map") {
        json[key] = value.clone();
    }
    let definition = Definition::from_json(json.to_string().as_bytes()).expect("a definition");
    Arc::new(Plan::compile(definition).expect("a plan"))
}

fn deduped() -> Arc<Plan> {
    plan(&json!({"dedupe": {"key": "${{ inputs.shop }}", "within_ms": 600_000}}))
}

fn debounced(wait_ms: u64) -> Arc<Plan> {
    plan(&json!({"debounce": {"key": "${{ inputs.shop }}", "wait_ms": wait_ms}}))
}

fn open(store: &Path, drive: Drive) -> Engine {
    let config = Config { grace: Duration::from_millis(50), drive, ..Config::default() };
    Engine::builder().config(config).open(store).expect("a store")
}

fn asked(plan: &Arc<Plan>, page: u32) -> StartRequest {
    StartRequest::new(Arc::clone(plan)).input(json!({"shop": "s", "page": page}))
}

async fn started(handle: &Handle, request: StartRequest) -> Started {
    match handle.begin(request).await.expect("a run") {
        Begun::Started(started) => started,
        Begun::Kept(kept) => panic!("{kept:?}"),
    }
}

fn check_replay(engine: &Engine) {
    let loader = engine.handle().loader();
    let replay = replay_aggregate(loader, Kind::StartKey.id("index/s")).expect("a log");
    assert_eq!(replay.expect("starts").differences, []);
}

/// Waits until a run of this name is there and has ended.
async fn ended(handle: &Handle, name: &str) {
    let run = until("it is started", async || handle.find(name).await.expect("a log")).await;
    assert_eq!(handle.wait(run).await.expect("an end").word(), "completed");
}

/// The schedule, once it has heard of the end of its run.
async fn over(handle: &Handle) -> Schedule {
    until("it hears of the end", async || {
        let schedule = handle.schedule("nightly").await.expect("a log").expect("one");
        schedule.open.is_empty().then_some(schedule)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_starts_of_one_key_lead_to_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), Drive::All);
    let plan = deduped();
    let starts = (0..16).map(|page| started(engine.handle(), asked(&plan, page)));
    let all = futures_util::future::join_all(starts).await;
    assert_eq!(all.iter().filter(|started| !started.duplicate).count(), 1, "{all:?}");
    assert!(all.iter().all(|it| it.run == all[0].run && it.name == "index@s+1"), "{all:?}");
    let named = started(engine.handle(), asked(&plan, 1).name("mine")).await;
    assert_eq!((named.run, named.existing, named.duplicate), (all[0].run, true, true));
    assert_eq!(engine.handle().find("mine").await.expect("a log"), None);
    check_replay(&engine);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_cut_off_before_its_run_is_carried_out_by_the_next_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = deduped();
    // An engine that carries out nothing, and records a start as one does that is killed right behind it.
    let engine = open(folder.path(), Drive::Nothing);
    let other = StartRequest::new(Arc::clone(&plan)).input(json!({"shop": "other"}));
    started(engine.handle(), other).await;
    let request = RunRequest {
        workflow: "index".into(),
        definition: plan.hash(),
        input: json!({"shop": "s", "page": 3}).to_string(),
        by: by(),
        ..RunRequest::default()
    };
    let admit = StartKeyCommand::Admit { within_ms: 600_000, name: String::new(), request };
    let admit = Command::StartKey(admit);
    engine.handle().ask_aggregate(Kind::StartKey, "index/s", admit).await.expect("it is recorded");
    assert_eq!(engine.handle().find("index@s+1").await.expect("a log"), None);
    engine.shutdown().await;

    let engine = open(folder.path(), Drive::All);
    ended(engine.handle(), "index@s+1").await;
    let again = started(engine.handle(), asked(&plan, 9)).await;
    assert_eq!((again.name.as_str(), again.duplicate), ("index@s+1", true));
    check_replay(&engine);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_again_carries_out_a_start_that_was_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = deduped();
    let engine = open(folder.path(), Drive::Nothing);
    let other = StartRequest::new(Arc::clone(&plan)).input(json!({"shop": "other"}));
    started(engine.handle(), other).await;
    let input = json!({"shop": "s", "page": 3}).to_string();
    let request = RunRequest { definition: plan.hash(), input, ..RunRequest::default() };
    let admit = StartKeyCommand::Admit { within_ms: 600_000, name: "mine".into(), request };
    let admit = Command::StartKey(admit);
    engine.handle().ask_aggregate(Kind::StartKey, "index/s", admit).await.expect("it is recorded");
    let again = started(engine.handle(), asked(&plan, 9)).await;
    assert_eq!((again.name.as_str(), again.duplicate), ("mine", true));
    let (_, run) = engine.handle().load(again.run).await.expect("a log").expect("a run");
    assert_eq!(run.started.expect("a start").name, "mine");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_start_begins_in_the_next_engine_with_the_last_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = debounced(1);
    let engine = open(folder.path(), Drive::Nothing);
    for page in 1..=3 {
        match engine.handle().begin(asked(&plan, page)).await.expect("it is kept") {
            Begun::Kept(kept) => assert_eq!(kept.name, "index@s+1"),
            Begun::Started(started) => panic!("{started:?}"),
        }
    }
    let refused = engine.handle().start(asked(&plan, 4).name("token")).await;
    assert!(matches!(refused, Err(StartError::Kept { name }) if name == "index@s+1"));
    let again = engine.handle().begin(asked(&plan, 4).name("token")).await.expect("it is kept");
    assert!(matches!(&again, Begun::Kept(kept) if kept.existing), "{again:?}");
    let other = engine.handle().begin(asked(&plan, 5).name("token")).await;
    assert!(matches!(other, Err(StartError::KeptOther { .. })), "{other:?}");
    engine.shutdown().await;

    let engine = open(folder.path(), Drive::All);
    ended(engine.handle(), "index@s+1").await;
    let run = engine.handle().find("index@s+1").await.expect("a log").expect("a run");
    let (_, run) = engine.handle().load(run).await.expect("a log").expect("a run");
    let input = format!("{:?}", run.started.expect("a start").input);
    assert_eq!(input, format!("{:?}", payload(&json!({"page": 4, "shop": "s"}))));
    let again = started(engine.handle(), asked(&plan, 4).name("token")).await;
    assert_eq!((again.name.as_str(), again.existing), ("index@s+1", true));
    let other = engine.handle().begin(asked(&plan, 6).name("token")).await;
    assert!(matches!(other, Err(StartError::KeptOther { .. })), "{other:?}");
    check_replay(&engine);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_stands_for_one_start_whatever_key_the_others_have() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = debounced(600_000);
    let engine = open(folder.path(), Drive::Nothing);
    let handle = engine.handle();
    let ask = async |at: u32| {
        let input = json!({"shop": format!("s{}", at % 4)});
        handle.begin(StartRequest::new(Arc::clone(&plan)).input(input).name("one")).await
    };
    let all = futures_util::future::join_all((0..16).map(&ask)).await;
    let kept: Vec<_> = all
        .iter()
        .filter_map(|begun| match begun {
            Ok(Begun::Kept(kept)) => Some(kept),
            Ok(Begun::Started(started)) => panic!("{started:?}"),
            Err(StartError::KeptOther { id, .. }) => {
                assert_eq!(id, "one");
                None
            }
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(kept.len(), 4, "those with the same input: {all:?}");
    assert!(kept.iter().all(|it| it.start_key == kept[0].start_key), "{kept:?}");
    assert_eq!(kept.iter().filter(|it| !it.existing).count(), 1, "{kept:?}");
    let mut starts = 0;
    for shop in 0..4 {
        let key = handle.start_key(&format!("index/s{shop}")).await.expect("a log");
        starts += key.and_then(|key| key.kept).map_or(0, |kept| kept.starts);
    }
    assert_eq!(starts, 1);
    engine.shutdown().await;

    // The next engine knows it as well, and says for which run it was.
    let engine = open(folder.path(), Drive::Nothing);
    let other = StartRequest::new(plan).input(json!({"shop": "new"})).name("one");
    let refused = engine.handle().begin(other).await;
    let wanted = Some(kept[0].name.clone());
    assert!(matches!(&refused, Err(StartError::KeptOther { name, .. }) if *name == wanted));
    engine.shutdown().await;
}

fn payload(value: &Value) -> nexus_engine::model::payload::Payload {
    use nexus_engine::model::payload::{ContentType, Payload};
    Payload::new(ContentType::Json, value.to_string().into_bytes()).0
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_have_the_same_key_lead_to_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), Drive::All);
    let (plan, handle) = (deduped(), engine.handle().clone());
    let request =
        TriggerRequest { plan, callees: Vec::new(), at: 0, follows: false, folder: None, by: by() };
    handle.set_trigger(request).await.expect("a trigger");
    for page in 1..=3 {
        let data = json!({"shop": "s", "page": page});
        handle.emit("changed", &data, &format!("e-{page}"), by()).await.expect("an event");
    }
    ended(&handle, "index@changed:1").await;
    until("all are delivered", async || {
        let topic = handle.topic("changed").await.expect("a log").expect("events");
        topic.undelivered.is_empty().then_some(())
    })
    .await;
    assert_eq!(handle.topic("changed").await.expect("a log").expect("events").started, 1);
    assert_eq!(handle.find("index@changed:2").await.expect("a log"), None);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_waits_for_the_run_of_a_start_that_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), Drive::All);
    let handle = engine.handle().clone();
    let request = ScheduleRequest {
        name: "nightly".into(),
        timing: Timing::Every { ms: 86_400_000 },
        plan: debounced(50),
        callees: Vec::new(),
        follows: false,
        input: json!({"shop": "s"}),
        folder: None,
        catch_up: CatchUp::Latest,
        overlap: Overlap::Skip,
        replace: false,
        by: by(),
    };
    handle.put_schedule(request).await.expect("a schedule");
    handle.trigger_schedule("nightly", by()).await.expect("it is due");
    ended(&handle, "index@s+1").await;
    let schedule = over(&handle).await;
    assert_eq!((schedule.counts.started, schedule.counts.failed), (1, 0));
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_time_starts_one_run_though_another_version_is_published_while_it_is_kept() {
    for crashes in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut engine = open(folder.path(), Drive::All);
        let plan_of_first = debounced(2_500);
        publish(engine.handle(), &plan_of_first).await;
        let request = ScheduleRequest {
            name: "nightly".into(),
            timing: Timing::Every { ms: 86_400_000 },
            plan: plan_of_first,
            callees: Vec::new(),
            follows: true,
            input: json!({"shop": "s"}),
            folder: None,
            catch_up: CatchUp::Latest,
            overlap: Overlap::Skip,
            replace: false,
            by: by(),
        };
        engine.handle().put_schedule(request).await.expect("a schedule");
        let due = engine.handle().trigger_schedule("nightly", by()).await.expect("it is due");
        let ScheduledRun::Requested(due) = due else { panic!("{due:?}") };
        let kept = async || engine.handle().start_key("index/s").await.expect("a log");
        until("it is kept", kept).await;
        publish(engine.handle(), &plan(&json!({}))).await;
        if crashes {
            engine.shutdown().await;
            engine = open(folder.path(), Drive::All);
        }
        let handle = engine.handle();
        ended(handle, "index@s+1").await;
        over(handle).await;
        assert_eq!(handle.find(&due).await.expect("a log"), None, "a second run of one due time");
        assert_eq!(
            handle.schedule("nightly").await.expect("a log").expect("one").counts.started,
            1
        );
        engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_start_is_not_an_existing_run_whoever_starts_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), Drive::All);
    let plan = deduped();
    for shop in 0..100 {
        let request = StartRequest::new(Arc::clone(&plan)).input(json!({"shop": shop}));
        let fresh = started(engine.handle(), request).await;
        assert_eq!((fresh.existing, fresh.duplicate), (false, false), "{fresh:?}");
    }
    engine.shutdown().await;
}
