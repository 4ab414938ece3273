//! Several processes on one store: one holds it, the others ask it; when it ends, another takes its place.

use std::io::{BufRead, BufReader};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Desk, Running, until};

/// Serves the store of a desk; the address it listens at.
pub(crate) fn serve(desk: &Desk) -> (Running, String) {
    let mut server = desk.begin(&["serve", "--listen", "127.0.0.1:0", "-o", "json"]);
    let out = server.child().stdout.take().expect("its output is piped");
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).expect("it says where it listens");
    let hello: Value = serde_json::from_str(&line).expect("it says so in JSON");
    let address = hello["listening"].as_str().expect("an address").to_owned();
    (server, address)
}

#[test]
fn others_look_and_act_while_a_run_holds_the_store() {
    let desk = Desk::new();
    let run = desk.begin(&["run", "gate.workflow.yaml"]);
    desk.at_the_gate(1);
    let listed = desk.nexus(&["list", "-o", "json"]).code(0).json();
    assert_eq!(listed["runs"][0]["status"], "running");
    assert_eq!(listed["runs"][0]["at"][0], "gate");
    desk.nexus(&["history", "wf-001"]).code(0);
    desk.nexus(&["cancel", "wf-001"]).code(0);
    let cancelled = run.end().code(9);
    assert!(cancelled.err.contains("– cancelled"), "{}", cancelled.err);
}

#[test]
fn a_second_run_is_driven_by_the_first_ones_process() {
    let desk = Desk::new();
    let first = desk.begin(&["run", "gate.workflow.yaml"]);
    desk.at_the_gate(1);
    assert_eq!(desk.nexus(&["run", "quick.workflow.yaml"]).code(0).out, "{\"n\":1}\n");
    let started = desk.nexus(&["start", "quick.workflow.yaml"]).code(0);
    assert_eq!(started.err, "", "it is driven at once");
    desk.nexus(&["wait", "wf-003"]).code(0);
    desk.write("go", "");
    first.end().code(0);
}

#[test]
fn whoever_waits_takes_over_when_the_holder_is_gone() {
    let desk = Desk::new();
    let first = desk.begin(&["run", "gate.workflow.yaml", "--id", "first"]);
    desk.at_the_gate(1);
    let second = desk.begin(&["run", "gate.workflow.yaml", "--id", "second", "--set", "who=me"]);
    desk.at_the_gate(2);
    first.crash();
    desk.at_the_gate(3);
    desk.write("go", "");
    assert_eq!(second.end().code(0).out, "{\"count\":1,\"who\":\"me\"}\n");
    desk.nexus(&["run", "gate.workflow.yaml", "--id", "first"]).code(0);
    let gates = desk.lines("traces").into_iter().filter(|line| line == "gate").count();
    assert_eq!(gates, 2);
}

#[test]
fn a_server_drives_what_others_start_and_ends_in_order() {
    let desk = Desk::new();
    desk.nexus(&["start", "quick.workflow.yaml"]).code(0);
    let (mut server, address) = serve(&desk);
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{address}");
    desk.nexus(&["wait", "wf-001"]).code(0);
    let run = desk.begin(&["run", "gate.workflow.yaml"]);
    desk.at_the_gate(1);
    let second = desk.nexus(&["serve", "--listen", "127.0.0.1:0", "-o", "json"]).code(6);
    assert_eq!(second.problem()["code"], "NX6001");
    server.signal(Signal::TERM);
    let ended = server.end().code(143);
    assert!(ended.err.contains("draining"), "{}", ended.err);
    desk.at_the_gate(2);
    desk.write("go", "");
    run.end().code(0);
    assert_eq!(desk.lines("traces"), ["one", "first", "gate"]);
}

#[test]
fn a_server_ends_well_when_it_is_interrupted() {
    let desk = Desk::new();
    let (mut server, _) = serve(&desk);
    server.signal(Signal::INT);
    server.end().code(0);
    assert!(!desk.store().join("control.json").exists());
}

#[test]
fn who_follows_a_run_elsewhere_leaves_it_alone() {
    let desk = Desk::new();
    let (_server, _) = serve(&desk);
    let mut run = desk.begin(&["run", "gate.workflow.yaml"]);
    desk.at_the_gate(1);
    run.signal(Signal::INT);
    let left = run.end().code(130);
    assert!(
        left.err.contains("wf-001 goes on in the process that holds the store"),
        "{}",
        left.err
    );
    desk.nexus(&["wait", "wf-001", "--timeout", "100ms"]).code(8);
    for verb in ["logs", "history"] {
        let over = desk.nexus(&[verb, "wf-001", "-f", "--timeout", "100ms"]).code(8);
        assert!(over.err.contains("error[NX7013]: the time is over"), "{}", over.err);
    }
    desk.write("go", "");
    desk.nexus(&["result", "wf-001", "--wait"]).code(0);
    assert_eq!(desk.lines("arrivals").len(), 1);
}

#[test]
fn history_follows_a_run_to_its_end() {
    let desk = Desk::new();
    let (_server, _) = serve(&desk);
    desk.nexus(&["start", "gate.workflow.yaml"]).code(0);
    let history = desk.begin(&["history", "wf-001", "-f", "-o", "jsonl"]);
    let watch = desk.begin(&["watch", "wf-001"]);
    desk.at_the_gate(1);
    desk.write("go", "");
    let events = history.end().code(0).out;
    let last: Value = serde_json::from_str(events.lines().last().expect("events")).expect("JSON");
    assert_eq!(last["event"], "run.completed");
    assert!(watch.end().code(0).err.contains("✔ gate"));
    until("the run is listed as completed", || {
        desk.nexus(&["list", "--status", "completed", "-o", "name"]).out == "wf-001\n"
    });
}

#[test]
fn following_a_run_that_has_ended_ends_at_once() {
    let desk = Desk::new();
    let (_server, _) = serve(&desk);
    desk.nexus(&["start", "quick.workflow.yaml"]).code(0);
    desk.nexus(&["wait", "wf-001"]).code(0);
    let history = desk.nexus(&["history", "wf-001", "-f", "-o", "name"]).code(0);
    assert_eq!(history.out.lines().last(), Some("run.completed"));
}

#[test]
fn a_follower_is_told_everything_when_the_holder_ends() {
    let desk = Desk::new();
    let (mut server, _) = serve(&desk);
    desk.nexus(&["start", "gate.workflow.yaml"]).code(0);
    desk.at_the_gate(1);
    let mut history = desk.begin(&["history", "wf-001", "-f", "-o", "name"]);
    let mut first = [0; 12];
    std::io::Read::read_exact(history.child().stdout.as_mut().expect("it is piped"), &mut first)
        .expect("it can be read");
    assert_eq!(&first, b"run.started\n");
    server.signal(Signal::TERM);
    server.end().code(143);
    let told = history.end().code(0);
    assert_eq!(told.out.lines().last(), Some("attempts.interrupted"), "{}", told.out);
    let note = "wf-001 runs when one does: nexus-engine serve";
    assert!(told.err.contains(note), "{}", told.err);
    let logs = desk.nexus(&["logs", "wf-001", "-f"]).code(0).err;
    assert!(logs.contains(note), "{logs}");
}

/// What the templates need was read by nobody in this process before.
#[test]
fn a_run_that_was_only_started_goes_on_in_another_process_with_what_is_stored_beside_its_events() {
    let desk = Desk::new();
    desk.write(
        "list.workflow.yaml",
        "nexus: v1\nname: list\nsteps:\n  each:\n    for_each: [1, 2, 3]\n    uses: log\n    with: { message: \"${{ item }}\" }\n",
    );
    desk.write(
        "large.workflow.yaml",
        "nexus: v1\nname: large\ninputs: { text: string }\nsteps:\n  tell:\n    uses: log\n    with: { message: \"${{ inputs.text | length }}\" }\n",
    );
    desk.write("input.json", &format!("{{\"text\": \"{}\"}}", "x".repeat(100_000)));
    desk.nexus(&["start", "list.workflow.yaml", "--id", "list-1"]).code(0);
    desk.nexus(&["start", "large.workflow.yaml", "--id", "large-1", "--input", "@input.json"])
        .code(0);
    for run in ["list-1", "large-1"] {
        desk.nexus(&["wait", run]).code(0);
    }
}
