//! What is said beside results: output that is not taken, hints that can be copied, words about what was not done.

use std::fs::File;
use std::process::Stdio;

use crate::support::Desk;

/// Verbs that print a result on standard output, with a store that holds the run `order`.
const PRINTING: [&[&str]; 18] = [
    &["list"],
    &["list", "-o", "json"],
    &["get", "order"],
    &["history", "order"],
    &["result", "order"],
    &["logs", "order"],
    &["wait", "order"],
    &["explain", "order"],
    &["explain", "NX1410"],
    &["replay", "order"],
    &["audit"],
    &["verify"],
    &["graph", "order"],
    &["projection", "list"],
    &["validate", "quick.workflow.yaml"],
    &["schema"],
    &["version"],
    &["--help"],
];

#[test]
fn a_result_that_standard_output_does_not_take_is_an_error_of_every_verb() {
    let desk = Desk::new();
    desk.nexus(&["run", "quick.workflow.yaml", "--id", "order"]).code(0);
    for args in PRINTING {
        let full = File::create("/dev/full").expect("the device is there");
        let mut command = desk.command(args);
        command.args(["-o", "json"].iter().filter(|_| args.len() == 1 && args != ["--help"]));
        command.stdout(Stdio::from(full)).stderr(Stdio::piped());
        let done = command.output().expect("the binary runs");
        let err = String::from_utf8_lossy(&done.stderr);
        if args == ["logs", "order"] && done.status.code() == Some(0) {
            continue; // Nothing was printed, so nothing was lost.
        }
        assert_eq!(done.status.code(), Some(6), "{args:?}: {err}");
        assert!(err.contains("NX1410"), "{args:?}: {err}");
    }
}

#[test]
fn nobody_reading_any_more_is_no_error() {
    let desk = Desk::new();
    desk.nexus(&["run", "quick.workflow.yaml"]).code(0);
    let mut list = desk.begin(&["list", "-o", "json"]);
    drop(list.child().stdout.take());
    let status = list.child().wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn hints_name_the_store_and_the_run_that_were_meant() {
    let desk = Desk::new();
    let failed = desk.nexus(&["run", "mend.workflow.yaml", "--store", "my store"]).code(1);
    for hint in ["logs wf-001 broken --store 'my store'", "retry wf-001 --watch --store 'my store'"]
    {
        assert!(failed.err.contains(hint), "{hint}: {}", failed.err);
    }
    let again = desk.nexus(&["retry", "@last-failed", "--store", "my store"]).code(0);
    assert!(again.err.contains("nexus-engine resume wf-001 --store 'my store'"), "{}", again.err);
    assert!(!again.err.contains("@last-failed"), "{}", again.err);
    let refused = desk.nexus(&["retry", "wf-001", "--store", "my store"]).code(5);
    assert!(refused.err.contains("nexus-engine get --store 'my store' wf-001"), "{}", refused.err);
}

#[test]
fn wrong_usage_is_json_where_json_is_wanted() {
    let desk = Desk::new();
    for args in [
        &["list", "--statsu", "failed", "-o", "json"][..],
        &["jog", "--output=json"],
        &["wait", "wf-001", "--timeout", "soon", "-ojsonl"],
        &["run", "-o", "json"],
    ] {
        let done = desk.nexus(args).code(2);
        assert_eq!(done.out, "", "{args:?}");
        let problem = done.problem();
        assert_eq!(problem["code"], "NX1411", "{args:?}");
        assert!(problem["hint"].is_string(), "{args:?}");
    }
    let done = desk.nexus(&["list", "--statsu", "failed", "-o", "json"]).code(2);
    assert_eq!(done.problem()["hint"], "did you mean --status?");
}

#[test]
fn standard_input_is_not_read_for_two_things() {
    let desk = Desk::new();
    for verb in ["run", "start"] {
        let done = desk.nexus(&[verb, "-", "--input", "-", "-o", "json"]).code(2);
        assert_eq!(done.problem()["code"], "NX1407", "{verb}");
    }
    assert!(!desk.store().exists());
}

#[test]
fn of_several_runs_none_is_changed_if_one_is_not_there() {
    let desk = Desk::new();
    desk.nexus(&["start", "nap.workflow.yaml", "--id", "one"]).code(0);
    for verb in ["cancel", "pause", "retry"] {
        let done = desk.nexus(&[verb, "one", "none", "--yes", "-o", "json"]).code(3);
        assert_eq!(done.problem()["run"], "none", "{verb}");
        assert_eq!(done.out, "", "{verb}");
    }
    let listed = desk.nexus(&["history", "one", "-o", "jsonl"]).code(0);
    assert!(!listed.out.contains("paused") && !listed.out.contains("cancel"), "{}", listed.out);
    let once = desk.nexus(&["pause", "one", "@last", "--yes"]).code(0);
    assert_eq!(once.out, "one is paused\n", "one run under two names is asked once");
}

#[test]
fn a_run_that_has_ended_is_not_run_again_and_that_is_said() {
    let desk = Desk::new();
    let args = ["run", "quick.workflow.yaml", "--id", "order"];
    let first = desk.nexus(&args).code(0);
    assert!(!first.err.contains("nothing was done"), "{}", first.err);
    let second = desk.nexus(&args).code(0);
    assert!(second.err.contains("order completed"), "{}", second.err);
    assert!(second.err.contains("nothing was done"), "{}", second.err);
    assert_eq!(second.out, first.out);
    assert_eq!(desk.lines("traces"), ["one"]);
}

#[test]
fn only_our_own_parts_talk_until_everything_is_wanted() {
    let desk = Desk::new();
    desk.nexus(&["run", "quick.workflow.yaml"]).code(0);
    let foreign = [" fjall::", " lsm_tree::"];
    for flags in ["-v", "-vv"] {
        let said = desk.nexus(&["list", flags]).code(0).err;
        assert!(said.contains("the store is open here"), "{said}");
        assert!(!foreign.iter().any(|name| said.contains(name)), "{said}");
    }
    let all = desk.nexus(&["list", "-vvv"]).code(0).err;
    assert!(foreign.iter().any(|name| all.contains(name)), "{all}");
}
