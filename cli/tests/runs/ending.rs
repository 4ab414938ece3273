//! How runs end, and what the verbs say about it.

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Desk, until};

#[test]
fn a_run_prints_its_output_and_nothing_else() {
    let desk = Desk::new();
    let done = desk.nexus(&["run", "quick.workflow.yaml"]).code(0);
    assert_eq!(done.out, "{\"n\":1}\n");
    assert!(done.err.contains("▸ quick · wf-001"), "{}", done.err);
    assert!(done.err.contains("✔ one"), "{}", done.err);
    assert!(done.err.contains("– skip"), "{}", done.err);
    assert!(done.err.contains("✔ completed in"), "{}", done.err);
    assert!(done.err.contains("3 steps, 1 skipped"), "{}", done.err);
    let quiet = desk.nexus(&["run", "quick.workflow.yaml", "-q", "--set", "n=3"]).code(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("{\"n\":3}\n", ""));
    let none = desk.nexus(&["run", "quick.workflow.yaml", "-q", "-o", "none"]).code(0);
    assert_eq!(none.out, "");
    let named = desk.nexus(&["run", "quick.workflow.yaml", "-o", "name"]).code(0);
    assert_eq!(named.out, "wf-004\n");
}

#[test]
fn a_run_in_json_is_one_document() {
    let desk = Desk::new();
    let args = [
        "run",
        "quick.workflow.yaml",
        "--label",
        "team=shop",
        "--input",
        "{\"n\": 2}",
        "-o",
        "json",
    ];
    let view = desk.nexus(&args).code(0).json();
    assert_eq!(view["kind"], "run/v1");
    assert_eq!(view["status"], "completed");
    assert_eq!(view["outputs"], json!({"n": 2}));
    assert_eq!(view["labels"], json!({"team": "shop"}));
    assert_eq!(view["by"], json!({"name": "dana", "via": "cli"}));
    assert_eq!(view["steps"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_failed_run_says_what_to_do_and_can_be_continued() {
    let desk = Desk::new();
    let failed = desk.nexus(&["run", "mend.workflow.yaml"]).code(1);
    assert!(failed.err.contains("✘ failed in"), "{}", failed.err);
    assert!(failed.err.contains("at broken: NX3007"), "{}", failed.err);
    assert!(failed.err.contains("nexus-engine logs wf-001 broken"), "{}", failed.err);
    assert_eq!(failed.out, "");
    desk.nexus(&["result", "@last-failed"]).code(1);
    desk.nexus(&["wait", "wf-001"]).code(1);
    desk.write("mended", "");
    desk.nexus(&["retry", "wf-001", "--watch"]).code(0);
    assert_eq!(desk.lines("traces"), ["before"], "a completed step does not run again");
    desk.nexus(&["retry", "wf-001"]).code(5);
}

#[test]
fn a_run_of_the_same_name_and_input_is_the_same_run() {
    let desk = Desk::new();
    let args = ["run", "quick.workflow.yaml", "--id", "order-1"];
    assert_eq!(desk.nexus(&args).code(0).out, "{\"n\":1}\n");
    assert_eq!(desk.nexus(&args).code(0).out, "{\"n\":1}\n");
    assert_eq!(desk.lines("traces"), ["one"]);
    let other = desk.nexus(&[&args[..], &["--set", "n=2", "-o", "json"]].concat()).code(5);
    assert_eq!(other.problem()["code"], "NX7003");
    assert_eq!(other.out, "");
}

#[test]
fn a_run_that_is_interrupted_is_parked_and_goes_on() {
    let desk = Desk::new();
    let mut run = desk.begin(&["run", "gate.workflow.yaml"]);
    desk.at_the_gate(1);
    run.signal(Signal::INT);
    let parked = run.end().code(130);
    assert!(parked.err.contains("gate is told to stop"), "{}", parked.err);
    assert!(
        parked.err.contains("‖ wf-001 is parked after first. Nothing is lost."),
        "{}",
        parked.err
    );
    assert!(parked.err.contains("nexus-engine resume wf-001"), "{}", parked.err);
    assert_eq!(desk.nexus(&["get", "wf-001", "-o", "json"]).code(0).json()["status"], "running");
    desk.write("go", "");
    assert_eq!(desk.nexus(&["resume", "wf-001"]).code(0).out, "{\"count\":1,\"who\":\"you\"}\n");
    assert_eq!(desk.lines("traces"), ["first", "gate"]);
}

#[test]
fn a_run_that_is_terminated_is_parked() {
    let desk = Desk::new();
    let mut run = desk.begin(&["run", "gate.workflow.yaml", "--id", "a"]);
    desk.at_the_gate(1);
    run.signal(Signal::TERM);
    run.end().code(143);
    desk.write("go", "");
    desk.nexus(&["run", "gate.workflow.yaml", "--id", "a"]).code(0);
    assert_eq!(desk.lines("traces"), ["first", "gate"]);
}

#[test]
fn others_wait_for_a_server_that_lets_a_step_finish() {
    let desk = Desk::new();
    let mut serve = desk.begin(&["serve", "--listen", "127.0.0.1:0", "--drain", "50s"]);
    desk.nexus(&["start", "gate.workflow.yaml", "--id", "a"]).code(0);
    desk.at_the_gate(1);
    serve.signal(Signal::TERM);
    let place = desk.store().join("control.json");
    let ends = || std::fs::read_to_string(&place).is_ok_and(|text| text.contains("ends_by_ms"));
    until("the server says that it ends", ends);
    let (mut list, mut said) = (desk.begin(&["list", "-o", "name"]), String::new());
    list.read_err_until("(serve) is ending, and lets go of the store in at most ", &mut said);
    desk.write("go", "");
    assert_eq!(list.end().code(0).out, "a\n");
    serve.end().code(143);
}

#[test]
fn a_run_whose_process_is_killed_goes_on() {
    let desk = Desk::new();
    let run = desk.begin(&["run", "gate.workflow.yaml"]);
    desk.at_the_gate(1);
    run.crash();
    let wait = desk.begin(&["wait", "@last"]);
    desk.at_the_gate(2);
    desk.write("go", "");
    wait.end().code(0);
    assert_eq!(desk.lines("traces"), ["first", "gate"]);
    let replay = desk.nexus(&["replay", "wf-001", "-o", "json"]).code(0).json();
    assert_eq!(replay["agrees"], true);
}

#[test]
fn waiting_ends_when_the_time_is_over() {
    let desk = Desk::new();
    let run = desk.nexus(&["run", "nap.workflow.yaml", "--timeout", "200ms"]).code(8);
    assert!(run.err.contains("nexus-engine resume wf-001"), "{}", run.err);
    desk.nexus(&["wait", "wf-001", "--timeout", "100ms"]).code(8);
    let result = desk.nexus(&["result", "wf-001", "-o", "json"]).code(8);
    assert_eq!(result.problem()["code"], "NX7013");
    desk.nexus(&["cancel", "wf-001", "--reason", "enough"]).code(0);
    desk.nexus(&["wait", "wf-001"]).code(9);
    let cancelled = desk.nexus(&["result", "wf-001", "--wait"]).code(9).err;
    assert!(cancelled.contains("wf-001 is cancelled, so it has no output"), "{cancelled}");
}

#[test]
fn a_started_run_waits_for_an_engine() {
    let desk = Desk::new();
    let started = desk.nexus(&["start", "quick.workflow.yaml", "-o", "name"]).code(0);
    assert_eq!(started.out, "wf-001\n");
    assert!(started.err.contains("nexus-engine resume wf-001"), "{}", started.err);
    let detached = desk.nexus(&["run", "quick.workflow.yaml", "--detach"]).code(0);
    assert_eq!(detached.out, "wf-002 started · quick\n");
    assert_eq!(desk.lines("traces").len(), 0, "nobody drives them");
    desk.nexus(&["resume", "wf-001"]).code(0);
    let both = desk.nexus(&["wait", "wf-001", "wf-002", "-o", "json"]).code(0).json();
    assert_eq!(both["runs"].as_array().map(Vec::len), Some(2));
    assert_eq!(desk.nexus(&["result", "wf-002", "--path", "n"]).code(0).out, "1\n");
    assert_eq!(desk.lines("traces"), ["one", "one"]);
}

#[test]
fn a_paused_run_goes_on_when_it_is_resumed() {
    let desk = Desk::new();
    desk.nexus(&["start", "quick.workflow.yaml"]).code(0);
    assert_eq!(desk.nexus(&["pause", "wf-001"]).code(0).out, "wf-001 is paused\n");
    desk.nexus(&["pause", "wf-001"]).code(5);
    assert_eq!(desk.nexus(&["get", "wf-001", "-o", "json"]).code(0).json()["status"], "paused");
    desk.nexus(&["wait", "wf-001", "--timeout", "100ms"]).code(8);
    assert_eq!(desk.nexus(&["resume", "wf-001"]).code(0).out, "{\"n\":1}\n");
}

#[test]
fn a_run_that_was_paused_while_it_was_undone_goes_on_when_it_is_resumed() {
    let desk = Desk::new();
    desk.write(
        "undone.workflow.yaml",
        "nexus: v1
name: undone
on_failure: compensate
steps:
  a:
    run: echo done
    compensate:
      run: test -e go
      retry: { max_attempts: 100000, initial: 20ms, max: 20ms }
  b:
    needs: a
    run: exit 1
",
    );
    desk.nexus(&["start", "undone.workflow.yaml"]).code(0);
    let status = || desk.nexus(&["get", "wf-001", "-o", "json"]).code(0).json()["status"].clone();
    while status() != "compensating" {
        desk.nexus(&["resume", "wf-001", "--timeout", "300ms"]).code(8);
    }
    desk.nexus(&["pause", "wf-001"]).code(0);
    desk.write("go", "");
    desk.nexus(&["resume", "wf-001", "--timeout", "30s"]).code(1);
    assert_eq!(status(), "failed");
}

#[test]
fn the_demo_leaves_a_folder_of_somebody_else_alone() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path().join("demo")).expect("a folder");
    std::fs::write(desk.path().join("demo/payments.txt"), "mine").expect("a file");
    let refused = desk.nexus(&["demo", "-o", "json"]).code(2);
    assert_eq!(refused.problem()["code"], "NX1409");
    let kept = std::fs::read_to_string(desk.path().join("demo/payments.txt")).expect("it is there");
    assert_eq!(kept, "mine");
}

#[test]
fn the_demo_recovers_and_can_be_played_again() {
    let desk = Desk::new();
    for _ in 0..2 {
        let done = desk.nexus(&["demo"]).code(0);
        assert!(done.err.contains("killed on purpose"), "{}", done.err);
        assert!(
            done.err.contains("no finished step ran again: reserve 1×, validate 1×"),
            "{}",
            done.err
        );
        assert!(done.err.contains("✔ payments: 1, parcels: 1"), "{}", done.err);
        assert_eq!(done.out, "{\"tracking\":\"ZX-77\"}\n");
        assert!(!desk.path().join("demo").exists());
    }
    let story = desk.nexus(&["demo", "--keep", "-o", "json"]).code(0).json();
    assert_eq!(story["replay"]["agrees"], true);
    let listed = desk.nexus(&["list", "--store", "demo/.nexus", "-o", "name"]).code(0);
    assert_eq!(listed.out, "wf-001\n");
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let desk = Desk::new();
    desk.write(
        "stubborn.workflow.yaml",
        "nexus: v1
name: stubborn
steps:
  stay:
    run: |
      trap '' TERM
      echo here >> arrivals
      while [ ! -e go ]; do sleep 0.02; done
",
    );
    let mut run = desk.begin(&["run", "stubborn.workflow.yaml"]);
    desk.at_the_gate(1);
    run.signal(Signal::INT);
    let mut said = String::new();
    run.read_err_until("parking", &mut said);
    run.signal(Signal::INT);
    let ended = run.end().code(130);
    assert!(ended.err.contains("stopped at once"), "{said}{}", ended.err);
    let resume = desk.begin(&["resume", "wf-001"]);
    desk.at_the_gate(2);
    desk.write("go", "");
    resume.end().code(0);
}
