//! What is refused, with which code, and that nothing is left behind.

use crate::support::Desk;

#[test]
fn a_broken_workflow_starts_nothing() {
    let desk = Desk::new();
    desk.write(
        "broken.workflow.yaml",
        "nexus: v1\nname: broken\nsteps:\n  a:\n    needs: b\n    run: exit 0\n",
    );
    let broken = desk.nexus(&["run", "broken.workflow.yaml"]).code(2);
    assert!(broken.err.contains("broken.workflow.yaml:5:12"), "{}", broken.err);
    let json = desk.nexus(&["start", "broken.workflow.yaml", "-o", "json"]).code(2);
    assert_eq!(json.problem()["where"]["line"], 5);
    assert!(!desk.store().exists());
}

#[test]
fn unknown_handlers_are_found_before_anything_runs() {
    let desk = Desk::new();
    desk.write(
        "strange.workflow.yaml",
        "nexus: v1\nname: strange\nsteps:\n  a:\n    uses: http.requets\n",
    );
    let strange = desk.nexus(&["run", "strange.workflow.yaml"]).code(2);
    assert!(strange.err.contains("NX1202"), "{}", strange.err);
    assert!(!desk.store().exists());
}

#[test]
fn wrong_inputs_are_refused() {
    let desk = Desk::new();
    desk.nexus(&["run", "quick.workflow.yaml", "--set", "n=many"]).code(2);
    desk.nexus(&["run", "quick.workflow.yaml", "--set", "m=1"]).code(2);
    desk.nexus(&["run", "quick.workflow.yaml", "--input", "{"]).code(2);
    desk.nexus(&["run", "quick.workflow.yaml", "--input", "@missing.json"]).code(2);
    desk.nexus(&["run", "quick.workflow.yaml", "--id", "a/b"]).code(2);
}

#[test]
fn a_refusal_speaks_of_the_argument_that_is_wrong() {
    let desk = Desk::new();
    let emitted = desk.nexus(&["emit", "paid", "--data", "{bad"]).code(2);
    assert!(emitted.err.contains("--data is no JSON"), "{}", emitted.err);
    let sent = desk.nexus(&["signal", "wf-001", "paid", "@missing.json"]).code(2);
    assert!(sent.err.contains("the file missing.json"), "{}", sent.err);
}

#[test]
fn an_address_that_is_refused_leaves_no_store() {
    let desk = Desk::new();
    for (listen, code) in [("0.0.0.0:0", "NX7004"), ("nowhere", "NX7019")] {
        let refused = desk.nexus(&["serve", "--listen", listen]).code(2);
        assert!(refused.err.contains(code), "{}", refused.err);
        assert!(!desk.store().exists(), "{listen}");
    }
}

#[test]
fn who_has_no_name_is_told_by_number() {
    let desk = Desk::new();
    let mut start = desk.command(&["start", "quick.workflow.yaml", "--id", "mine"]);
    start.env_remove("LOGNAME").env("USER", "");
    assert!(start.status().expect("the binary runs").success());
    let audit = desk.nexus(&["audit", "-o", "json"]).code(0).json();
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(audit["entries"][0]["by"]["name"], format!("uid {uid}"));
}

#[test]
fn wrong_usage_is_refused() {
    let desk = Desk::new();
    desk.nexus(&["run"]).code(2);
    desk.nexus(&["run", "quick.workflow.yaml", "--lable", "a=b"]).code(2);
    desk.nexus(&["wait", "wf-001", "--timeout", "soon"]).code(2);
    desk.nexus(&["jog"]).code(2);
}

#[test]
fn what_is_not_there_is_not_found_and_not_made() {
    let desk = Desk::new();
    desk.nexus(&["run", "missing.workflow.yaml"]).code(3);
    for verb in ["get", "history", "result", "wait", "resume", "cancel", "pause", "retry", "watch"]
    {
        let done = desk.nexus(&[verb, "wf-001", "-o", "json"]).code(3);
        assert_eq!(done.problem()["code"], "NX6013", "{verb}");
    }
    desk.nexus(&["list"]).code(3);
    assert!(!desk.store().exists());
    desk.nexus(&["start", "quick.workflow.yaml"]).code(0);
    for verb in ["get", "history", "result", "wait", "resume", "cancel", "pause", "retry", "watch"]
    {
        let done = desk.nexus(&[verb, "other", "-o", "json"]).code(3);
        assert_eq!(done.problem()["code"], "NX7011", "{verb}");
        assert_eq!(done.out, "", "{verb}");
    }
    let near = desk.nexus(&["get", "wf-01"]).code(3);
    assert!(near.err.contains("did you mean wf-001?"), "{}", near.err);
}

#[test]
fn several_runs_are_changed_only_if_the_user_agrees() {
    let desk = Desk::new();
    for _ in 0..2 {
        desk.nexus(&["start", "quick.workflow.yaml"]).code(0);
    }
    let refused = desk.nexus(&["cancel", "wf-001", "wf-002", "-o", "json"]).code(2);
    assert_eq!(refused.problem()["code"], "NX1408");
    desk.nexus(&["cancel", "wf-001", "wf-002", "--yes"]).code(0);
    let cancelled = desk.nexus(&["list", "--status", "cancelled", "-o", "name"]).code(0);
    assert_eq!(cancelled.out, "wf-002\nwf-001\n");
    desk.nexus(&["cancel", "wf-001", "--reason", "again"]).code(5);
}

#[test]
fn a_folder_that_is_no_store_is_left_alone() {
    let desk = Desk::new();
    let done = desk.nexus(&["list", "--store", ".", "-o", "json"]).code(2);
    assert_eq!(done.problem()["code"], "NX6008");
    desk.nexus(&["run", "quick.workflow.yaml", "--store", "quick.workflow.yaml"]).code(6);
}
