//! Pausing runs, steps, workflows, labels and the engine, and acting on all runs that a selection means.

use crate::support::{Desk, until};

/// A run that waits for a signal, and one that sleeps.
const PAY: &str = "nexus: v1
name: pay
steps:
  paid:
    wait_for: { signal: payment }
  ship:
    needs: paid
    run: echo ship >> traces
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("pay.workflow.yaml", PAY);
    desk
}

#[test]
fn a_paused_step_holds_the_run_at_it_and_says_so() {
    let desk = desk();
    desk.nexus(&["start", "pay.workflow.yaml"]).code(0);
    let paused = desk.nexus(&["pause", "wf-001", "--step", "ship"]).code(0);
    assert_eq!(paused.out, "wf-001 pauses step ship\n");
    let twice = desk.nexus(&["pause", "wf-001", "--step", "ship", "-o", "json"]).code(5);
    assert_eq!(twice.problem()["code"], "NX4180");
    let none = desk.nexus(&["pause", "wf-001", "--step", "shop"]).code(3);
    assert!(none.err.contains("did you mean ship?"), "{}", none.err);
    desk.nexus(&["signal", "wf-001", "payment"]).code(0);
    let _server = desk.begin(&["serve", "--listen", "127.0.0.1:0"]);
    until("the step before it is done", || {
        desk.nexus(&["get", "wf-001", "-o", "json"]).out.contains("\"completed\"")
    });
    let explained = desk.nexus(&["explain", "wf-001"]).code(0);
    assert!(explained.out.contains("the step is paused"), "{}", explained.out);
    assert!(explained.out.contains("resume wf-001 --step ship"), "{}", explained.out);
    desk.nexus(&["resume", "wf-001", "--step", "ship"]).code(0);
    desk.nexus(&["wait", "wf-001"]).code(0);
    assert_eq!(desk.lines("traces"), ["ship"]);
}

#[test]
fn a_workflow_a_label_or_the_engine_is_paused_for_what_comes_later_as_well() {
    for (scope, words) in [
        (&["--workflow", "quick"][..], "workflow quick"),
        (&["--label", "team=shop"], "label team=shop"),
        (&["--engine"], "the engine"),
    ] {
        let desk = desk();
        let with = |verb: &'static str| [&[verb], scope].concat();
        desk.nexus(&["start", "quick.workflow.yaml", "--label", "team=shop"]).code(0);
        let paused = desk.nexus(&[&with("pause")[..], &["--reason", "night"]].concat()).code(0);
        assert!(paused.out.contains(&format!("‖ {words} is paused by dana")), "{}", paused.out);
        let twice = desk.nexus(&[&with("pause")[..], &["-o", "json"]].concat()).code(5);
        assert_eq!(twice.problem()["code"], "NX4182");
        desk.nexus(&["start", "quick.workflow.yaml", "--label", "team=shop"]).code(0);
        let server = desk.begin(&["serve", "--listen", "127.0.0.1:0"]);
        let listed = desk.nexus(&["list", "--status", "paused", "-o", "name"]).code(0);
        assert_eq!(listed.out, "wf-002\nwf-001\n", "{words}");
        for run in ["wf-001", "wf-002"] {
            let view = desk.nexus(&["explain", run, "-o", "json"]).code(0).json();
            assert_eq!(view["status"], "paused");
            assert_eq!(view["why"], format!("paused by the pause of {words}"));
        }
        assert!(desk.lines("traces").is_empty());
        let listed = desk.nexus(&["pause", "--list", "-o", "name"]).code(0);
        assert_eq!(listed.out, format!("{words}\n"));
        desk.nexus(&with("resume")).code(0);
        desk.nexus(&["wait", "wf-001", "wf-002"]).code(0);
        assert_eq!(desk.lines("traces"), ["one", "one"]);
        let audit = desk.nexus(&["audit"]).code(0);
        assert!(audit.out.contains(&format!("paused {words}: night")), "{}", audit.out);
        drop(server);
        desk.nexus(&with("resume")).code(5);
        desk.nexus(&["verify"]).code(0);
    }
}

#[test]
fn other_workflows_go_on() {
    let desk = desk();
    desk.nexus(&["pause", "--workflow", "pay"]).code(0);
    desk.nexus(&["run", "quick.workflow.yaml"]).code(0);
    desk.nexus(&["pause", "--label", "team=shop", "--workflow", "quick"]).code(2);
    desk.nexus(&["pause"]).code(2);
    desk.nexus(&["pause", "wf-001", "--engine"]).code(2);
}

#[test]
fn a_selection_is_shown_before_it_is_acted_on() {
    let desk = desk();
    for label in ["team=shop", "team=shop", "team=bank"] {
        desk.nexus(&["start", "pay.workflow.yaml", "--label", label]).code(0);
    }
    let shop = ["--where", "workflow = pay and label.team = shop"];
    let act = |verb: &'static [&'static str], flags: &'static [&'static str]| {
        desk.nexus(&[verb, &shop, flags].concat())
    };
    assert_eq!(act(&["pause"], &["--dry-run"]).code(0).out, "wf-002\nwf-001\n");
    let asked = act(&["pause"], &["-o", "json"]).code(2).problem();
    assert_eq!(asked["code"], "NX1408");
    assert!(asked["message"].as_str().is_some_and(|text| text.contains("2 runs: wf-002 wf-001")));
    let done = act(&["pause"], &["--yes", "-o", "json"]).code(0).json();
    assert_eq!(done["results"].as_array().map(Vec::len), Some(2));
    assert!(done["results"][0]["done"] == true, "{done}");
    assert!(act(&["pause"], &["--yes"]).code(0).err.contains("no run is meant"));
    assert_eq!(act(&["resume"], &["--yes"]).code(0).out, "wf-002 goes on\nwf-001 goes on\n");
    let sent = desk.nexus(&[&["signal"], &shop[..], &["payment", "7", "--yes"]].concat()).code(0);
    assert_eq!(sent.out, "wf-002 received payment\nwf-001 received payment\n");
    assert_eq!(act(&["cancel"], &["--yes"]).code(0).out.lines().count(), 2);
    assert_eq!(act(&["retry"], &["--dry-run"]).code(0).out, "wf-002\nwf-001\n");
    assert_eq!(act(&["retry"], &["--yes"]).code(0).out.lines().count(), 2);
    let left = desk.nexus(&["list", "--where", "label.team = bank or age > 1h", "-o", "name"]);
    assert_eq!(left.code(0).out, "wf-003\n");
    let wrong = desk.nexus(&["list", "--where", "state = failed", "-o", "json"]).code(2);
    assert_eq!(wrong.problem()["code"], "NX4181");
}

#[test]
fn a_run_whose_engine_has_gone_is_interrupted_and_its_time_does_not_grow() {
    let desk = desk();
    let run = desk.begin(&["run", "gate.workflow.yaml"]);
    desk.at_the_gate(1);
    run.crash();
    let view = desk.nexus(&["get", "wf-001", "-o", "json"]).code(0).json();
    let gate = &view["steps"][1];
    assert_eq!((&gate["status"], gate["took_ms"].is_null()), (&"interrupted".into(), true));
    let explained = desk.nexus(&["explain", "wf-001"]).code(0);
    assert!(explained.out.contains("interrupted by the end of the engine"), "{}", explained.out);
    assert!(explained.out.contains("when an engine opens the store"), "{}", explained.out);
}
