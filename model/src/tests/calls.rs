//! Calls: a run that starts another, waits for it, and shares its fate.

use super::check;

#[test]
fn a_step_calls_a_run_and_takes_its_output() {
    check(
        r#"
        workflow  a call other {"x":1}; b needs a
        given     start
        when      child a ended {"y":2}
        then      wf-001/a ended {"y":2}; a#1 completed {"y":2}; b#1 started
        after     timers none
    "#,
    );
}

#[test]
fn a_run_that_waits_for_another_is_parked_and_names_it() {
    check(
        r#"
        workflow  a call other {"x":1}
        when      start
        then      run started; a#1 calls 1
        after     a waiting; parked true; timers none; effects call wf-001/a {"x":1}
    "#,
    );
}

#[test]
fn the_input_is_rendered_and_large_outputs_are_taken_by_reference() {
    check(
        r#"
        workflow  a call other {"x":"${{ inputs }}"}
        given     start 7
        when      child a ended big
        then      wf-001/a ended <70002 bytes>; a#1 completed <70002 bytes>; run completed
    "#,
    );
}

#[test]
fn the_failure_of_a_called_run_fails_the_step() {
    check(
        "
        workflow  a call other; b needs a
        given     start
        when      child a failed
        then      wf-001/a failed E; a failed NX3040 called run `wf-001/a` failed: E it broke
                  not reached: b; run failed at a: NX3040 called run `wf-001/a` failed: E it broke
    ",
    );
}

#[test]
fn a_called_run_that_was_cancelled_by_hand_fails_the_step() {
    check(
        "
        workflow  a call other continue; b needs a
        given     start
        when      child a cancelled
        then      wf-001/a was cancelled; a failed NX3041 called run `wf-001/a` was cancelled, continued; b#1 started
    ",
    );
}

#[test]
fn a_run_that_could_not_be_started_says_why_and_is_not_tried_again() {
    check(
        "
        workflow  a call other retry 3
        given     start
        when      child a lost
        then      wf-001/a failed NX3042; a failed NX3042 it broke; run failed at a: NX3042 it broke
    ",
    );
}

#[test]
fn another_attempt_goes_on_with_the_same_run() {
    check(
        "
        workflow  a call other retry 2
        given     start; child a failed at=9 @1s
        when      fire t1 @2s
        then      t1 fired; a#2 calls 1
        after     effects call wf-001/a after 9
    ",
    );
}

#[test]
fn another_attempt_calls_a_new_run_if_the_old_one_was_undone() {
    check(
        "
        workflow  a call other retry 2
        given     start; child a failed undone @1s; fire t1 @2s
        when      child a ended; child a#2 ended
        then      rejected: nobody waits for the end of `wf-001/a`
                  wf-001/a.2 ended; a#2 completed; run completed
    ",
    );
}

#[test]
fn the_same_end_counts_once() {
    check(
        "
        workflow  a call other retry 3
        given     start; child a failed at=9 @1s; fire t1 @2s
        when      child a failed at=9; child a ended at=12; child a ended at=12
        then      rejected: nobody waits for the end of `wf-001/a`
                  wf-001/a ended; a#2 completed; run completed
                  rejected: the run has ended (completed)
    ",
    );
}

#[test]
fn the_end_of_a_run_that_nobody_called_is_refused() {
    check(
        "
        workflow  a; b call other
        given     start
        when      child a ended; child b#2 ended; child z ended
        then      rejected: nobody waits for the end of `wf-001/a`
                  rejected: nobody waits for the end of `wf-001/b.2`
                  rejected: nobody waits for the end of `wf-001/z`
    ",
    );
}

#[test]
fn a_cancelled_run_ends_when_the_run_it_called_has_ended() {
    check(
        "
        workflow  a call other; b call other
        given     start
        when      cancel; child b cancelled; child a cancelled
        then      cancel requested; stop: a b
                  wf-001/b was cancelled; cancelled: b
                  wf-001/a was cancelled; cancelled: a; run cancelled
    ",
    );
}

#[test]
fn a_run_that_ends_a_call_is_not_parked() {
    check(
        "
        workflow  a call other
        given     start
        when      cancel
        then      cancel requested; stop: a
        after     parked false; effects end wf-001/a; run cancelling
    ",
    );
}

#[test]
fn a_called_run_that_completes_although_it_was_to_end_has_completed() {
    check(
        "
        workflow  a call other
        given     start; cancel
        when      child a ended 7
        then      wf-001/a ended 7; a#1 completed 7; run cancelled
    ",
    );
}

#[test]
fn the_time_of_an_attempt_ends_the_called_run() {
    check(
        "
        workflow  a call other timeout 5s retry 2
        given     start
        when      fire t1 @5s; child a cancelled @6s
        then      t1 fired; stop: a
                  wf-001/a was cancelled; a#2 retry t2@7s
    ",
    );
}

#[test]
fn the_deadline_ends_the_called_run_and_the_step() {
    check(
        "
        workflow  a call other timeout 5s deadline 3s retry 2
        given     start
        when      fire t2 @3s; child a cancelled @4s
        then      t2 fired; stop: a
                  wf-001/a was cancelled; a failed NX3003 deadline of 3000 ms over all attempts passed
                  run failed at a: NX3003 deadline of 3000 ms over all attempts passed
        after     timers none
    ",
    );
}

#[test]
fn the_timeout_of_the_run_ends_the_called_run() {
    check(
        "
        workflow  run timeout 5s; a call other
        given     start
        when      fire t1 @5s; child a cancelled
        then      t1 fired; stop: a
                  wf-001/a was cancelled; cancelled: a; run failed: NX3010 run timed out after 5000 ms
    ",
    );
}

#[test]
fn a_call_that_was_not_made_yet_is_only_cancelled() {
    check(
        "
        workflow  a; b; c needs a call other
        given     start
        when      cancel; complete a; fail b
        then      cancel requested; stop: a b; not reached: c
                  a#1 completed
                  b#1 attempt failed E; cancelled: b; run cancelled
    ",
    );
}

#[test]
fn a_pause_is_passed_on_and_nothing_is_called_in_it() {
    check(
        "
        workflow  a call other; b; c needs b call other
        given     start; pause
        when      complete b; resume
        then      b#1 completed
                  resumed; c#1 calls 1
        after     effects call wf-001/a, call wf-001/c
    ",
    );
}

#[test]
fn the_called_run_is_to_pause_with_the_one_that_called_it() {
    check(
        "
        workflow  a call other
        given     start
        when      pause
        then      paused
        after     effects hold wf-001/a; parked true
    ",
    );
}

#[test]
fn a_called_run_pauses_and_goes_on_with_the_one_that_called_it() {
    check(
        "
        workflow  a; b needs a
        given     called
        when      follow hold; complete a; resume; follow hold; follow release; follow release
        then      parent paused
                  a#1 completed
                  rejected: the run is paused together with `wf-000`, which called it
                  rejected: the run is paused already
                  parent resumed; b#1 started
                  rejected: the run is not paused
    ",
    );
}

#[test]
fn a_pause_by_hand_stays_when_the_parent_goes_on() {
    check(
        "
        workflow  a; b needs a
        given     called; follow hold; pause; complete a
        when      follow release; resume
        then      parent resumed
                  resumed; b#1 started
    ",
    );
}

#[test]
fn a_run_that_nobody_called_follows_nobody() {
    check(
        "
        workflow  a
        given     start
        when      follow hold
        then      rejected: the run is not paused
    ",
    );
}

#[test]
fn a_retried_run_goes_on_with_the_run_it_called() {
    check(
        "
        workflow  a call other
        given     start; child a failed at=9
        when      retry
        then      run retried; a#2 calls 1
        after     effects call wf-001/a after 9
    ",
    );
}

#[test]
fn a_call_that_completed_and_has_to_be_made_again_calls_a_new_run() {
    check(
        "
        workflow  a; b needs a all_done call other
        given     start; fail a; child b ended
        when      retry; complete a#2
        then      run retried; a#2 started
                  a#2 completed; b#2 calls 2
    ",
    );
}

#[test]
fn another_input_calls_a_new_run() {
    check(
        r#"
        workflow  a set {"n":1}; b; c needs b all_done call other {"n":"${{ steps.b.output }}"}
        given     start; fail b; child c failed
        when      retry; complete b#2 5
        then      run retried; b#2 started
                  b#2 completed 5; c#2 calls 2 {"n":5}
    "#,
    );
}

#[test]
fn a_call_that_is_not_resolved_fails() {
    check(
        "
        workflow  a call nobody
        when      start
        then      run started; a failed NX3043 the called workflow is not known
                  this run was started without resolving its calls
                  run failed at a: NX3043 the called workflow is not known
                  this run was started without resolving its calls
    ",
    );
}

#[test]
fn a_call_waits_for_room_like_an_attempt() {
    check(
        "
        workflow  a call other
        given     start slots=0
        when      offer slots=1
        then      slots offered; a#1 calls 1
    ",
    );
}

#[test]
fn a_round_of_a_loop_calls_a_new_run() {
    check(
        r#"
        workflow  a call other continue; r needs a repeat a until=round.number==2
        given     start
        when      child a failed; child a#2 ended 1
        then      wf-001/a failed E
                  a failed NX3040 called run `wf-001/a` failed: E it broke, continued
                  r begins round 2: round.number==2 is false (1); a#2 calls 2
                  wf-001/a.2 ended 1; a#2 completed 1; r#1 completed {"rounds":2}; run completed
    "#,
    );
}

#[test]
fn a_called_run_that_loses_a_race_is_told_to_end() {
    check(
        r#"
        workflow  a; b call other; r race a,b
        given     start
        when      complete a; child b cancelled
        then      a#1 completed; r is won by a; stop: b; r#1 completed {"output":null,"winner":"a"}
                  wf-001/b was cancelled; cancelled: b; run completed
    "#,
    );
}
