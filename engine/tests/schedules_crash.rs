//! Schedules that are crashed at every event: each due time leads to one run.

use std::sync::Arc;
use std::time::Duration;

use nexus_engine::model::definition::StepKind;
use nexus_engine::model::event::{Actor, LABELS_MAX};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::schedule::{CatchUp, Overlap, ScheduleCommand, Timing};
use nexus_engine::model::time::Timestamp;
use nexus_engine::testkit::{Mock, TestEngine, action, plan, sleep, step};
use serde_json::json;

const HOUR: Duration = Duration::from_hours(1);

fn hourly() -> Timing {
    Timing::Every { ms: 3_600_000 }
}

fn by() -> Actor {
    Actor { name: "eva".into(), via: "test".into() }
}

/// A run that calls a handler and lasts `rest`.
fn report(rest: &str) -> Arc<Plan> {
    plan(vec![action("write", "write", &[]), sleep("rest", rest, &["write"])])
}

fn engine() -> TestEngine {
    TestEngine::new().mock("write", Mock::from(json!({"page": 1})))
}

fn names(engine: &TestEngine) -> Vec<String> {
    let names = engine.runs().into_iter().map(|(name, _)| name);
    names.map(|name| name.replace("report@2026-01-0", "")).collect()
}

#[test]
fn each_hour_starts_one_run_wherever_the_engine_crashes() {
    let crashes = engine().crash_everywhere_in(|engine| {
        let rules = (CatchUp::Latest, Overlap::Skip);
        engine.put_schedule("report", hourly(), &report("10m"), &json!({}), rules).unwrap();
        engine.advance(3 * HOUR + HOUR / 2);
        assert!(engine.schedule_replays("report"));
        assert_eq!(names(engine), ["1T01:00:00Z", "1T02:00:00Z", "1T03:00:00Z"]);
    });
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs.len(), 3);
}

#[test]
fn a_queue_is_worked_off_in_order_wherever_the_engine_crashes() {
    let crashes = engine().crash_everywhere_in(|engine| {
        let rules = (CatchUp::All, Overlap::Queue);
        engine.put_schedule("report", hourly(), &report("90m"), &json!({}), rules).unwrap();
        engine.advance(4 * HOUR + HOUR / 2);
        let pause = ScheduleCommand::Pause { by: by(), reason: String::new() };
        engine.schedule_command("report", &pause).unwrap();
        engine.advance(4 * HOUR);
        assert_eq!(
            engine.schedule("report").waiting.len(),
            1,
            "it is paused before 4:00 is its turn"
        );
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn the_old_run_is_cancelled_once_wherever_the_engine_crashes() {
    let crashes = engine().crash_everywhere_in(|engine| {
        let rules = (CatchUp::Latest, Overlap::CancelOld);
        engine.put_schedule("report", hourly(), &report("90m"), &json!({}), rules).unwrap();
        engine.advance(2 * HOUR + HOUR / 2);
        let ends: Vec<&str> =
            engine.runs().iter().map(|(_, run)| engine.load(*run).1.status.word()).collect();
        assert_eq!(ends, ["cancelled", "running"]);
    });
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn a_backfill_starts_what_is_missing_once_wherever_the_engine_crashes() {
    let crashes = engine().crash_everywhere_in(|engine| {
        let rules = (CatchUp::Latest, Overlap::Allow);
        engine.put_schedule("report", hourly(), &report("1m"), &json!({}), rules).unwrap();
        engine.advance(HOUR + HOUR / 2);
        let day = Timestamp(1_767_225_600_000_000);
        let dues = vec![day, day.plus_ms(3_600_000)];
        let (from, to) = (day, day.plus_ms(7_200_000));
        let backfill = ScheduleCommand::Backfill { from, to, dues, by: by() };
        engine.schedule_command("report", &backfill).unwrap();
        engine.advance(HOUR / 4);
        assert_eq!(names(engine), ["1T00:00:00Z", "1T01:00:00Z"]);
    });
    assert!(crashes.all_same(), "{crashes}");
}

/// The engine is away from Friday evening to Monday morning.
#[test]
fn a_missed_weekend() {
    // 2026-01-01 is a Thursday; the schedule is due every day at midnight.
    let weekend = |catch_up| {
        let mut engine = engine();
        let rules = (catch_up, Overlap::Queue);
        let daily = Timing::Every { ms: 86_400_000 };
        engine.put_schedule("report", daily, &report("1m"), &json!({}), rules).unwrap();
        engine.advance(42 * HOUR);
        assert_eq!(names(&engine), ["2T00:00:00Z"]);
        engine.down_for(62 * HOUR);
        engine.advance(HOUR);
        let found = names(&engine);
        let skipped = engine.schedule("report").counts.skipped;
        engine.crash_and_recover();
        engine.advance(HOUR);
        assert_eq!(names(&engine), found, "none fires twice");
        (found, skipped)
    };
    let friday = "2T00:00:00Z".to_owned();
    let monday = "5T00:00:00Z".to_owned();
    assert_eq!(weekend(CatchUp::None), (vec![friday.clone()], 3));
    assert_eq!(weekend(CatchUp::Latest), (vec![friday, monday], 2));
    let all = ["2T00:00:00Z", "3T00:00:00Z", "4T00:00:00Z", "5T00:00:00Z"];
    assert_eq!(weekend(CatchUp::All), (all.map(str::to_owned).to_vec(), 0));
}

#[test]
fn a_wait_for_a_point_in_time_outlives_every_crash() {
    let until = StepKind::SleepUntil { time: json!("2026-01-03T06:00:00+01:00") };
    let plan = plan(vec![step("wait", until, &[]), action("write", "write", &["wait"])]);
    let mut plain = engine();
    let run = plain.start(&plan, json!({})).unwrap();
    plain.advance(52 * HOUR);
    assert_eq!(plain.calls().len(), 0);
    plain.advance(HOUR);
    assert_eq!(plain.load(run).1.status.word(), "completed");
    let crashes = engine().crash_everywhere(&plan, &json!({}));
    assert!(crashes.all_same(), "{crashes}");
}

#[test]
fn a_start_that_is_refused_for_ever_is_given_up_as_the_driver_does() {
    let mut definition = report("1m").definition().clone();
    definition.labels = (0..=LABELS_MAX).map(|at| (format!("label-{at}"), String::new())).collect();
    let plan = Arc::new(Plan::compile(definition).expect("a plan"));
    let mut engine = engine();
    let rules = (CatchUp::Latest, Overlap::Skip);
    engine.put_schedule("report", hourly(), &plan, &json!({}), rules).expect("it is made");
    engine.advance(HOUR + HOUR / 2);
    let schedule = engine.schedule("report");
    assert_eq!((schedule.open.len(), names(&engine).len()), (0, 0));
    assert_eq!(schedule.failure.expect("it was not started").code, "NX7005");
    assert!(engine.schedule_replays("report"));
}
