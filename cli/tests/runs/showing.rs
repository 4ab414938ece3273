//! What the verbs that look print.

use std::io::Read;

use serde_json::Value;

use crate::support::Desk;

/// A desk with a run that completed, one that failed and one that waits for an engine.
fn busy() -> Desk {
    let desk = Desk::new();
    desk.nexus(&["run", "quick.workflow.yaml", "--label", "team=shop"]).code(0);
    desk.nexus(&["run", "mend.workflow.yaml"]).code(1);
    desk.nexus(&["start", "nap.workflow.yaml"]).code(0);
    desk
}

#[test]
fn lists_are_filtered() {
    let desk = busy();
    let names = |args: &[&str]| {
        let done = desk.nexus(&[&["list", "-o", "name"], args].concat()).code(0);
        done.out.lines().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&[]), "wf-003 wf-002 wf-001");
    assert_eq!(names(&["--status", "failed,completed"]), "wf-002 wf-001");
    assert_eq!(names(&["--workflow", "nap"]), "wf-003");
    assert_eq!(names(&["--label", "team=shop"]), "wf-001");
    assert_eq!(names(&["--since", "1d", "--limit", "1"]), "wf-003");
    assert_eq!(names(&["--since", "2999-01-01T00:00:00Z"]), "");
    let page = desk.nexus(&["ls", "--limit", "1", "-o", "json"]).code(0).json();
    assert_eq!((&page["kind"], &page["total"]), (&Value::from("runs/v1"), &Value::from(3)));
    let table = desk.nexus(&["list"]).code(0).out;
    let heads = table.lines().next().unwrap_or_default();
    assert_eq!(heads.split_whitespace().next(), Some("RUN"));
    assert!(table.contains("✘ failed"), "{table}");
    let bare = desk.nexus(&["list", "--no-header"]).code(0).out;
    assert_eq!(bare.lines().count(), 3);
    desk.nexus(&["list", "--status", "tired"]).code(2);
    assert_eq!(desk.nexus(&["list", "-o", "wide"]).code(0).out.lines().count(), 4);
}

#[test]
fn a_run_is_shown_on_a_page() {
    let desk = busy();
    let page = desk.nexus(&["get", "wf-002"]).code(0).out;
    assert!(page.starts_with("mend · wf-002 · ✘ failed\n"), "{page}");
    assert!(page.contains("by cli (dana)"), "{page}");
    assert!(page.contains("NX3007"), "{page}");
    let step = desk.nexus(&["get", "wf-001", "--step", "two", "--output"]).code(0).out;
    assert_eq!(step, "{\"n\":1}\n");
    assert_eq!(desk.nexus(&["get", "wf-001", "--input"]).code(0).out, "{\"n\":1}\n");
    assert_eq!(desk.nexus(&["get", "wf-001", "--output"]).code(0).out, "{\"n\":1}\n");
    let step = desk.nexus(&["get", "wf-001", "--step", "skip", "-o", "json"]).code(0).json();
    assert_eq!(step["status"], "skipped");
    desk.nexus(&["get", "wf-001", "--step", "three"]).code(3);
    assert_eq!(desk.nexus(&["get", "@last", "-o", "name"]).code(0).out, "wf-003\n");
    assert_eq!(desk.nexus(&["get", "@last-failed", "-o", "name"]).code(0).out, "wf-002\n");
    desk.nexus(&["get", "wf-"]).code(2);
}

#[test]
fn a_history_is_filtered() {
    let desk = busy();
    let kinds = |args: &[&str]| {
        let done = desk.nexus(&[&["history", "wf-001", "-o", "jsonl"], args].concat()).code(0);
        let event = |line: &str| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            event["event"].as_str().expect("a name").to_owned()
        };
        done.out.lines().map(event).collect::<Vec<_>>().join(" ")
    };
    assert!(kinds(&[]).starts_with("run.started step.started step.completed"));
    assert!(kinds(&["--reverse"]).starts_with("run.completed"));
    assert_eq!(kinds(&["--kind", "run.*"]), "run.started run.completed");
    assert_eq!(kinds(&["--step", "skip"]), "step.skipped");
    assert_eq!(kinds(&["--to", "1"]), "run.started");
    assert_eq!(kinds(&["--from", "2", "--to", "2"]), "step.started");
    assert!(!kinds(&["--not-kind", "step.started,run.*"]).contains("started"));
    assert_eq!(kinds(&["--failed"]), "");
    for flag in ["--kind", "--not-kind"] {
        let unknown = desk.nexus(&["history", "wf-001", flag, "step.complete"]).code(2).err;
        assert!(unknown.contains("did you mean step.completed?"), "{unknown}");
    }
    let page = desk.nexus(&["history", "wf-001", "-o", "json"]).code(0).json();
    assert_eq!(page["kind"], "history/v1");
    assert_eq!(page["events"][0]["n"], 1);
    let full = desk.nexus(&["history", "wf-002", "--failed", "--full"]).code(0).out;
    assert!(full.contains("attempt.failed") && full.contains("\"failure\""), "{full}");
}

#[test]
fn colours_are_sent_only_if_they_are_asked_for() {
    let desk = busy();
    let output = desk.command(&["list", "--color", "always"]).output().expect("the binary runs");
    assert!(output.stdout.contains(&0x1b));
    let output = desk.command(&["list"]).env("NO_COLOR", "1").output().expect("the binary runs");
    assert!(!output.stdout.contains(&0x1b));
    // Whatever stands in a run does not move a cursor.
    let args = ["start", "quick.workflow.yaml", "--label", "a=\u{1b}[31m"];
    desk.nexus(&args).code(0);
    let output =
        desk.command(&["list", "-o", "wide", "--color", "always"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("a=\u{1b}"), "{text:?}");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let desk = busy();
    let mut child = desk.command(&["history", "wf-001"]).spawn().expect("the binary runs");
    drop(child.stdout.take());
    let status = child.wait().expect("it ends");
    let mut err = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut err).expect("UTF-8");
    assert_eq!((status.code(), err.as_str()), (Some(0), ""));
}

#[test]
fn every_help_has_an_example_and_fits_a_terminal() {
    let desk = Desk::new();
    let help = desk.nexus(&["--help"]).code(0).out;
    let verbs = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let verbs: Vec<&str> = verbs
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(verbs.len() > 20, "{verbs:?}");
    for verb in verbs {
        let help = desk.nexus(&[verb, "--help"]).code(0).out;
        assert!(help.contains("Example"), "{verb}: {help}");
        let long = help.lines().find(|line| line.chars().count() > 100);
        assert_eq!(long, None, "{verb}");
    }
    assert!(desk.nexus(&["help", "exit-codes"]).code(0).out.contains("130"));
}

#[test]
fn doctor_and_list_agree_on_runs_that_wait_for_an_engine() {
    let desk = Desk::new();
    for _ in 0..2 {
        desk.nexus(&["start", "nap.workflow.yaml"]).code(0);
    }
    desk.nexus(&["start", "quick.workflow.yaml"]).code(0);
    desk.nexus(&["pause", "wf-002"]).code(0);
    let count = || {
        let listed = desk.nexus(&["list", "-o", "json"]).code(0).json();
        let runs = listed["runs"].as_array().expect("a list").clone();
        runs.iter().filter(|run| run["waiting_on"] == "an engine").count()
    };
    let doctor = || {
        let report = desk.nexus(&["doctor", "-o", "json"]).json();
        let findings = report["findings"].as_array().expect("a list").clone();
        let pending = findings.iter().find(|finding| finding["name"] == "pending");
        pending.expect("it looks for them")["data"]["waiting_for_an_engine"].clone()
    };
    assert_eq!(count(), 2);
    assert_eq!(doctor(), 2);
    desk.nexus(&["run", "quick.workflow.yaml", "--id", "other"]).code(0);
    assert_eq!(doctor(), count());
}
