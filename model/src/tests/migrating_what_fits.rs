//! Migrations: what is against one, what is kept, and what moves with its step.

use super::bench::Bench;
use super::{check, notation};
use crate::migration::{Target, examine};
use crate::plan::Plan;

fn plan(workflow: &str) -> Plan {
    let steps: Vec<&str> = workflow.split(';').map(str::trim).collect();
    Plan::compile(notation::definition(&steps)).expect("a valid definition")
}

/// Checks what is said about a run of `workflow` that goes on with `other`, though nothing is against it.
#[track_caller]
fn check_kept(workflow: &str, given: &str, other: &str, expected: &[&str]) {
    let mut bench = Bench::of(workflow);
    for line in given.split(';').map(str::trim) {
        bench.play(line).unwrap_or_else(|rejection| panic!("{line}: {rejection}"));
    }
    let input = serde_json::Value::Null;
    let fit = examine(&bench.plan, &plan(other), &bench.run, &input, false);
    assert_eq!(fit.expect("nothing is against it").kept, expected);
}

#[test]
fn what_was_done_otherwise_is_said_and_kept() {
    check_kept("a; b", "start; complete a", "a; b; c needs b", &[]);
    check_kept(
        "a; b",
        "start; complete a",
        "a with 2 timeout 5s; b",
        &["step `a` is completed, and changes timeout_ms, with: what it did is kept"],
    );
    check_kept(
        "a retry 2; b",
        "start; fail a",
        "a retry 3; b",
        &["step `a` is retrying, and changes retry.max_attempts: what it did is kept"],
    );
    check_kept(
        "a for_each [1]; b",
        "start; complete a[0]",
        "a for_each [1,2]; b",
        &["step `a` is completed, and changes for_each.items: what it did is kept"],
    );
    let (was, is) = (r#"a script; b; run env {"K":"1"}"#, r#"a script; b; run env {"K":"2"}"#);
    check_kept(was, "start; complete a", is, &[]);
    check_kept("a title One; b title Two", "start; complete a", "a title A; b title B", &[]);
}

#[test]
fn a_script_that_runs_keeps_the_environment_of_its_workflow() {
    check(
        r#"
        workflow  a script; b; run env {"K":"1"}
        other     a script; b; run env {"K":"2"}
        given     start
        when      migrate; complete a; migrate
        then      rejected: it cannot go on with the new definition: step `a` is running, and changes its input
                  a#1 completed; migrated 0 1
    "#,
    );
}

#[test]
fn items_that_have_begun_are_those_of_the_new_definition_too() {
    check(
        "
        workflow  a for_each [1,2]; b needs a
        other     a for_each [1,2]; c needs a
        given     start; complete a[0]
        when      migrate; complete a[1]; complete c
        then      migrated 0 –
                  a[1]#1 completed; a#1 completed [null,null]; c#1 started
                  c#1 completed; run completed
    ",
    );
    check(
        "
        workflow  a for_each [1,2]
        other     a for_each [1,3]
        given     start; complete a[0]
        when      migrate; fail a[1] E fatal; migrate retry
        then      rejected: it cannot go on with the new definition: step `a` has begun its items, and changes `for_each`
                  step `a` is running, and changes for_each.items
                  a[1]#1 attempt failed E; a[1]#1 failed E; a failed E; run failed at a: E
                  rejected: it cannot go on with the new definition: step `a` has begun its items, and changes `for_each`
    ",
    );
}

#[test]
fn what_comes_before_a_step_that_has_begun_has_happened() {
    check(
        "
        workflow  a; b; c needs a
        other     a; b; c needs a,b
        given     start; complete a
        when      migrate; complete b; migrate; complete c
        then      rejected: it cannot go on with the new definition: step `c` is running, and would come after `b`, which has not happened
                  b#1 completed; migrated 0 1 2; c#1 completed; run completed
    ",
    );
    check(
        "
        workflow  a; b; c needs a,b any_ok
        other     a; b; c needs a,b any_ok; d needs c
        given     start; complete a
        when      migrate
        then      migrated 0 1 2
        after     b running; c running
    ",
    );
}

#[test]
fn a_step_that_waits_for_a_slot_waits_with_what_it_is() {
    check(
        "
        workflow  a limit 1
        other     a limit 1 with 2
        given     start
        when      migrate
        then      rejected: it cannot go on with the new definition: step `a` is pending, and changes with
    ",
    );
}

#[test]
fn a_step_that_will_not_run_is_there_while_the_run_goes_on() {
    check(
        "
        workflow  a; c; b needs a any_failed
        other     a; c
        given     start; complete a
        when      migrate; fail c E; migrate retry
        then      rejected: it cannot go on with the new definition: step `b` is not reached, and is not in the new definition
                  c#1 attempt failed E; c failed E; run failed at c: E
                  migrated 0 1 –; run retried; c#2 started
    ",
    );
}

#[test]
fn a_step_for_which_events_are_read_keeps_its_place() {
    check(
        "
        workflow  a wait_for event:paid
        other     z; a wait_for event:paid
        given     start
        when      migrate; event paid#1/a 1
        then      rejected: it cannot go on with the new definition: step `a` is waiting, and stands at another place in the new definition (1 → 2)
                  it can be moved when it has settled
                  signal event:paid 1; a takes signal 1; a#1 completed 1; run completed
    ",
    );
}

#[test]
fn a_step_that_may_go_on_with_the_run_it_has_called_keeps_its_place() {
    check(
        "
        workflow  a call other; b
        other     z; a call other; b
        given     start; complete b
        when      migrate; child a failed; migrate retry; retry; child a ended 7 at=9
        then      rejected: it cannot go on with the new definition: step `a` is waiting, and stands at another place in the new definition (1 → 2)
                  it can be moved when it has settled
                  wf-001/a failed E; a failed NX3040 called run `wf-001/a` failed: E it broke; run failed at a: NX3040 called run `wf-001/a` failed: E it broke
                  rejected: it cannot go on with the new definition: step `a` is failed, and stands at another place in the new definition (1 → 2)
                  it can be moved when it has settled
                  run retried; a#2 calls 1
                  wf-001/a ended 7; a#2 completed 7; run completed
    ",
    );
    check(
        "
        workflow  a call other; b wait_for s
        other     z; a call other; b wait_for s
        given     start; child a ended 7
        when      migrate
        then      migrated 1 2; z#2 started
        after     a completed
    ",
    );
}

#[test]
fn the_input_of_a_run_fits_the_new_definition() {
    let story = |was: &str, is: &str, then: &str| {
        check(&format!(
            "
            workflow  a; run input {was}
            other     a; b; run input {is}
            given     start {{\"n\":1}}
            when      migrate
            then      {then}
        "
        ));
    };
    let integer = r#"{"n":{"type":"integer"}}"#;
    story(integer, integer, "migrated 0; b#1 started");
    story(integer, r#"{"n":{"type":"number"}}"#, "migrated 0; b#1 started");
    story(
        integer,
        r#"{"n":{"type":"string"}}"#,
        "rejected: it cannot go on with the new definition: inputs: input `n` is 1, not a text",
    );
    story(
        integer,
        r#"{"n":{"type":"integer"},"m":{"default":3}}"#,
        "rejected: it cannot go on with the new definition: inputs: the new definition fills in defaults that its input does not have",
    );
}

#[test]
fn a_target_is_as_good_as_its_definition() {
    let target = |workflow: &str| Target(std::sync::Arc::new(plan(workflow)));
    assert_eq!(target("a; b"), target("a; b"));
    assert_ne!(target("a; b"), target("b; a"));
    assert_eq!(format!("{:?}", target("a")), plan("a").hash().to_string());
}

#[test]
fn an_event_that_a_step_has_taken_is_known_at_its_new_place() {
    check(
        "
        workflow  a wait_for event:paid; b needs a; r needs b repeat a until=false
        other     z set 1; b needs a; a wait_for event:paid; r needs b repeat a until=false
        given     start; event paid#1/a 1
        when      migrate; complete b; event paid#1/a 1; event paid#2/a 2
        then      migrated 2 1 3; z#1 completed 1
                  b#1 completed; r begins round 2: false is false; a waits for event:paid
                  rejected: signal `event:paid#1/2` was received already
                  signal event:paid 2; a takes signal 2; a#2 completed 2; b#2 started
    ",
    );
}

#[test]
fn what_is_known_of_steps_moves_with_them() {
    check(
        "
        workflow  a retry 2; r needs a repeat a until=false; s wait_for s; b retry 2
        other     s wait_for s; r needs a repeat a until=false; a retry 2; z; b retry 2
        given     start; beat a 4; beat b 5; complete a 1; fail a E; fail b E
        when      migrate; fire t1 @9s; fire t2 @9s
        then      migrated 2 1 0 4; z#2 started
                  t1 fired; a#3 started
                  t2 fired; b#2 started
        after     effects run a#3, run z#2, run b#2 from 5
    ",
    );
}

#[test]
fn items_that_wait_for_slots_still_do() {
    check(
        "
        workflow  a for_each [1,2] limit 1; b
        other     a for_each [1,2] limit 1; b; c
        given     start; complete b; grant a[0]#1; complete a[0]
        when      migrate; complete c; offer; grant a[1]#2; complete a[1]
        then      migrated 0 1; c#1 started
                  c#1 completed
                  rejected: nothing is ready to start
                  a[1] granted #2; a[1]#1 started
                  a[1]#1 completed; a#1 completed [null,null]; run completed
    ",
    );
}
