//! `bench`: every workload does its work, checks it, and says under known names what it measured. How fast it was is not tested.

use std::process::Command;

use serde_json::Value;

/// What every report of a workload on one engine has.
const NAMES: [&str; 38] = [
    "kind",
    "workload",
    "concurrency",
    "rounds",
    "unit",
    "units",
    "steps_per_second",
    "steps_per_second_min",
    "steps_per_second_max",
    "latency_of",
    "latencies",
    "p50_us",
    "p99_us",
    "p999_us",
    "cpu_us_per_step",
    "allocations_per_step",
    "rss_bytes",
    "rss_peak_bytes",
    "event_bytes_per_step",
    "written_bytes_per_step",
    "written_per_event_byte",
    "device_bytes_per_step",
    "disk_bytes",
    "disk_bytes_per_step",
    "groups",
    "group_mean",
    "group_p50",
    "group_max",
    "syncs_per_step",
    "raw_sync_us",
    "raw_per_second",
    "raw_appended_per_second",
    "bare_per_second",
    "ratio_to_raw",
    "ratio_to_raw_min",
    "ratio_to_raw_appended",
    "ratio_to_bare",
    "ratio_to_bare_min",
];

/// Measures, and reads what it prints. The folder is empty again afterwards.
fn bench(arguments: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_nexus-engine"))
        .args(["-o", "json", "bench"])
        .args(arguments.split(' '))
        .arg("--folder")
        .arg(folder.path())
        .output()
        .expect("the binary starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "bench {arguments}: {error}");
    let left = std::fs::read_dir(folder.path()).expect("the folder is there").count();
    assert_eq!(left, 0, "bench {arguments} leaves files");
    serde_json::from_slice(&output.stdout).expect("bench prints JSON")
}

fn number(report: &Value, name: &str) -> f64 {
    report[name].as_f64().unwrap_or_else(|| panic!("{name} is no number in {report}"))
}

/// Measures one engine; `units` are completed in each of two rounds.
#[track_caller]
fn check(arguments: &str, units: u64) -> Value {
    let report = bench(&format!("{arguments} --rounds 2"));
    let missing: Vec<_> = NAMES.iter().filter(|name| report.get(name).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?} are missing in {report}");
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/cli.md"))
            .expect("the page is there");
    let names = report.as_object().expect("it is an object").keys();
    let untold: Vec<_> = names.filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(untold.is_empty(), "the reference does not tell of {untold:?}");
    assert_eq!(report["units"], units, "{report}");
    assert_eq!(report["rounds"], 2);
    for name in ["steps_per_second", "cpu_us_per_step", "rss_peak_bytes", "raw_sync_us"] {
        assert!(number(&report, name) > 0.0, "{name} in {report}");
    }
    report
}

/// The log has committed groups, and the disk has done the same.
#[track_caller]
fn has_groups(report: &Value) {
    for name in ["groups", "ratio_to_raw", "ratio_to_bare", "written_per_event_byte"] {
        assert!(number(report, name) > 0.0, "{name} in {report}");
    }
    assert!(number(report, "p50_us") <= number(report, "p999_us"));
    let syncs = number(report, "syncs_per_step") * number(report, "units") * 2.0;
    assert!((syncs - number(report, "groups")).abs() < 1.0, "{report}");
}

#[test]
fn a_chain_alone_has_a_sync_for_its_start_and_for_each_step_and_pure_steps_have_none() {
    let report = check("chain --runs 6", 60);
    has_groups(&report);
    assert_eq!(report["groups"], 2 * 6 * 11);
    assert_eq!(report["group_max"], 1);
    assert_eq!(number(&report, "syncs_per_run_alone").to_string(), "11");
    assert_eq!(number(&report, "syncs_per_run_alone_with_sets").to_string(), "11");
}

#[test]
fn chains_at_once_share_syncs() {
    let report = check("chain --concurrency 16 --runs 64", 640);
    has_groups(&report);
    assert!(number(&report, "syncs_per_step") < 1.0, "{report}");
}

#[test]
fn graphs_complete() {
    has_groups(&check("fanout --steps 40 --runs 1", 40));
    has_groups(&check("dag --steps 60", 60));
    has_groups(&check("deep --steps 60", 60));
}

#[test]
fn the_log_alone_has_groups_of_the_size_that_is_asked_for() {
    let report = check("append --concurrency 8 --runs 10", 80);
    has_groups(&report);
    assert_eq!((&report["groups"], &report["group_p50"]), (&20.into(), &8.into()));
}

#[test]
fn signals_are_taken_and_runs_of_many_kinds_complete() {
    has_groups(&check("signals --concurrency 4 --runs 8 --steps 3", 24));
    let report = check("mixed --concurrency 4 --runs 40", 561);
    has_groups(&report);
}

#[test]
fn a_long_history_is_looked_at_in_both_of_its_ends() {
    let report = check("history --steps 200", 200);
    has_groups(&report);
    for name in ["first_tenth_us", "last_tenth_us", "get_ms", "get_reopened_ms"] {
        assert!(number(&report, name) > 0.0, "{name} in {report}");
    }
    assert!(number(&report, "events") > 400.0, "{report}");
}

#[test]
fn histories_are_replayed_deep_short_and_in_memory() {
    let report = bench("replay --steps 500 --runs 5 --rounds 2");
    for name in ["steps_per_second", "fold_events_per_second", "short_runs_per_second"] {
        assert!(number(&report, name) > 0.0, "{name} in {report}");
    }
    assert_eq!(report["raw_per_second"], Value::Null, "nothing is written");
    let written = number(&report, "written_bytes_per_step");
    assert!(written < 10.0, "{written} B an event: making the history is no replay");
    let more = bench("replay --steps 500 --runs 5 --rounds 8");
    let bytes = |report| number(report, "disk_bytes_per_step");
    assert!(bytes(&more) > 0.7 * bytes(&report), "{report} {more}");
}

#[test]
fn past_the_knee_runs_are_refused_and_none_is_lost() {
    let report = bench("ladder --concurrency 8 --steps 3 --seconds 1 --rounds 1");
    let rungs = report["rungs"].as_array().expect("there are rungs");
    assert_eq!(rungs.len(), 9);
    let over = &report["twice_the_knee"];
    let (offered, refused) =
        (number(over, "offered_runs_per_second"), number(over, "refused_runs_per_second"));
    let accepted = number(over, "accepted_runs_per_second");
    assert!((accepted + refused - offered).abs() < 1.0, "{over}");
    assert!(number(&report["half"], "p999_us") > 0.0);
}

#[test]
fn open_runs_are_taken_up_after_both_ends_of_a_process() {
    let report = bench("recovery --runs 300 --rounds 1");
    for ending in ["clean", "killed"] {
        let of = |name| number(&report[ending], name);
        assert!(of("open_ms") <= of("first_step_ms"), "{report}");
        assert!(of("first_step_ms") <= of("all_resumed_ms"), "{report}");
        assert!(of("all_resumed_ms") <= of("all_completed_ms"), "{report}");
    }
}

#[test]
fn sleepers_are_there_after_both_ends_of_a_process() {
    let report = bench("sleepers --runs 200 --seconds 0 --rounds 1");
    assert_eq!(report["runs"], 200);
    for part in ["started", "clean", "killed", "empty"] {
        assert!(number(&report[part], "ready_ms") > 0.0, "{report}");
        assert!(number(&report[part], "rss_bytes") > 0.0, "{report}");
    }
}
