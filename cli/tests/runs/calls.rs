//! Workflows that call others: one run under another, by every verb, and over `kill -9`.

use crate::support::{Desk, until};

const TOP: &str = "nexus: v1
name: top
steps:
  before:
    run: echo top >> traces
  called:
    needs: before
    call: ./gate.workflow.yaml
    with: { who: me }
outputs: ${{ steps.called.output.who }}
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("top.workflow.yaml", TOP);
    desk
}

#[test]
fn a_called_run_stands_under_the_one_that_called_it() {
    let desk = desk();
    desk.write("go", "");
    let done = desk.nexus(&["run", "top.workflow.yaml", "--id", "top-1"]).code(0);
    assert_eq!(done.out, "\"me\"\n");
    assert_eq!(desk.nexus(&["list", "-o", "name"]).code(0).out, "top-1/called\ntop-1\n");
    let child = desk.nexus(&["get", "top-1/called", "-o", "json"]).code(0).json();
    assert_eq!((&child["parent"], &child["by"]["via"]), (&"top-1".into(), &"call".into()));
    let parent = desk.nexus(&["get", "top-1", "-o", "json"]).code(0).json();
    assert_eq!(parent["steps"][1]["child"], "top-1/called");
    let graph = desk.nexus(&["graph", "top-1", "-o", "json"]).code(0).json();
    assert_eq!(graph["nodes"][1]["child"], "top-1/called");
    let history = desk.nexus(&["history", "top-1"]).code(0).out;
    assert!(history.contains("child.ended"), "{history}");
    desk.nexus(&["replay", "top-1"]).code(0);
    desk.nexus(&["replay", "top-1/called"]).code(0);
}

#[test]
fn after_kill_9_both_go_on_and_nothing_runs_twice() {
    let desk = desk();
    let run = desk.begin(&["run", "top.workflow.yaml", "--id", "top-1"]);
    desk.at_the_gate(1);
    run.crash();
    let explained = desk.nexus(&["explain", "top-1"]).code(0).out;
    assert!(explained.contains("top-1/called"), "{explained}");
    let resumed = desk.begin(&["resume", "top-1"]);
    desk.at_the_gate(2);
    desk.write("go", "");
    resumed.end().code(0);
    assert_eq!(desk.nexus(&["result", "top-1"]).code(0).out, "\"me\"\n");
    let traces = desk.lines("traces");
    assert_eq!(traces, ["top", "first", "gate"], "what was done is not done again");
}

#[test]
fn a_cancel_reaches_the_called_run() {
    let desk = desk();
    let run = desk.begin(&["run", "top.workflow.yaml", "--id", "top-1"]);
    desk.at_the_gate(1);
    desk.nexus(&["cancel", "top-1"]).code(0);
    run.end().code(9);
    let child = desk.nexus(&["get", "top-1/called", "-o", "json"]).code(0).json();
    assert_eq!(child["status"], "cancelled");
}

#[test]
fn a_cancel_while_no_engine_is_there_reaches_the_called_run_too() {
    let desk = desk();
    let run = desk.begin(&["run", "top.workflow.yaml", "--id", "top-1"]);
    desk.at_the_gate(1);
    run.crash();
    desk.nexus(&["cancel", "top-1"]).code(0);
    desk.nexus(&["resume", "top-1"]);
    until("both are cancelled", || {
        ["top-1", "top-1/called"].iter().all(|name| {
            let view = desk.nexus(&["get", name, "-o", "json"]).code(0).json();
            view["status"] == "cancelled"
        })
    });
}

#[test]
fn a_called_file_that_is_missing_is_found_before_anything_starts() {
    let desk = Desk::new();
    desk.write("lost.workflow.yaml", &TOP.replace("./gate", "./gone"));
    let lost = desk.nexus(&["run", "lost.workflow.yaml"]).code(2);
    assert!(lost.err.contains("NX1181") && lost.err.contains(":8:11"), "{}", lost.err);
    desk.nexus(&["validate", "lost.workflow.yaml"]).code(2);
    assert!(!desk.store().exists());
}
