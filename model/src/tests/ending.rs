//! Ending: a run that fails or is cancelled stops what runs, and some steps run last.

use super::check;

#[test]
fn a_failure_stops_what_runs_and_cancels_what_waits_for_time() {
    check(
        "
        workflow  a; b; c sleep 60000; d retry 2; e needs b
        given     start; fail d
        when      fail a E
        then      a#1 attempt failed E; a failed E; stop: b; cancelled: c d; not reached: e
        after     run failing; effects stop b#1; timers none; b running
    ",
    );
}

#[test]
fn the_run_fails_when_what_ran_has_stopped() {
    check(
        "
        workflow  a; b; c
        given     start; fail a E
        when      fail b STOPPED; fail c STOPPED
        then      b#1 attempt failed STOPPED; cancelled: b
                  c#1 attempt failed STOPPED; cancelled: c; run failed at a: E
        after     a failed; b cancelled; c cancelled; run failed
    ",
    );
}

#[test]
fn a_step_that_completes_although_it_should_stop_has_completed() {
    check(
        "
        workflow  a; b; c needs b
        given     start; fail a E
        when      complete b 1
        then      b#1 completed 1; run failed at a: E
        after     b completed; c not reached
    ",
    );
}

#[test]
fn a_stopping_attempt_is_not_tried_again() {
    check(
        "
        workflow  a; b retry 3
        given     start; fail a
        when      fail b
        then      b#1 attempt failed E; cancelled: b; run failed at a: E
    ",
    );
}

#[test]
fn the_first_failure_is_the_reason() {
    check(
        "
        workflow  a; b; clean needs a all_done
        given     start; fail a FIRST
        when      fail clean SECOND; fail b STOPPED
        then      clean#1 attempt failed SECOND; clean failed SECOND
                  b#1 attempt failed STOPPED; cancelled: b; run failed at a: FIRST
    ",
    );
}

#[test]
fn all_done_and_any_failed_run_last_when_the_run_fails() {
    check(
        "
        workflow  a; b; clean needs a,b all_done; alarm needs a any_failed; then needs alarm
        given     start
        when      fail a E; fail b STOPPED; complete alarm; complete clean
        then      a#1 attempt failed E; a failed E; stop: b; not reached: then; alarm#1 started
                  b#1 attempt failed STOPPED; cancelled: b; clean#1 started
                  alarm#1 completed; clean#1 completed; run failed at a: E
    ",
    );
}

#[test]
fn any_failed_is_not_reached_if_none_of_its_needs_failed() {
    check(
        "
        workflow  a; b; alarm needs b any_failed
        given     start; fail a E
        when      fail b STOPPED
        then      b#1 attempt failed STOPPED; cancelled: b; not reached: alarm; run failed at a: E
    ",
    );
}

#[test]
fn any_ok_is_not_reached_if_none_of_its_needs_was() {
    check(
        "
        workflow  x; b needs x any_failed; c needs x any_failed; d needs b,c any_ok; e
        given     start
        when      complete x
        then      x#1 completed; not reached: b c; not reached: d
    ",
    );
}

#[test]
fn steps_that_run_last_are_not_stopped_and_keep_their_retries() {
    check(
        "
        workflow  a; b; clean needs b all_done retry 2
        given     start; complete b
        when      fail a E; fail clean; fire t1 @1s; complete clean
        then      a#1 attempt failed E; a failed E
                  clean#1 attempt failed E; clean#2 retry t1@1s
                  t1 fired; clean#2 started
                  clean#2 completed; run failed at a: E
    ",
    );
}

#[test]
fn cancelling_stops_what_runs() {
    check(
        "
        workflow  a; b needs a; c sleep 60000
        given     start
        when      cancel; cancel; fail a STOPPED
        then      cancel requested; stop: a; cancelled: c; not reached: b
                  rejected: the run is being cancelled already
                  a#1 attempt failed STOPPED; cancelled: a; run cancelled
        after     run cancelled; timers none
    ",
    );
}

#[test]
fn cancelling_a_run_in_which_nothing_runs_ends_it_at_once() {
    check(
        "
        workflow  a sleep 60000; b
        given     start slots=0
        when      cancel
        then      cancel requested; cancelled: a; not reached: b; run cancelled
    ",
    );
}

#[test]
fn all_done_runs_last_when_the_run_is_cancelled_and_any_failed_does_not() {
    check(
        "
        workflow  a continue; b; clean needs a,b all_done; alarm needs a,b any_failed
        given     start; fail a
        when      cancel; complete b; complete clean
        then      cancel requested; stop: b; not reached: alarm
                  b#1 completed; clean#1 started
                  clean#1 completed; run cancelled
    ",
    );
}

#[test]
fn a_failing_run_can_be_cancelled() {
    check(
        "
        workflow  a; b; alarm needs a any_failed; clean needs a all_done
        given     start; fail a E
        when      cancel; fail b S; fail alarm S; complete clean
        then      cancel requested; stop: alarm
                  b#1 attempt failed S; cancelled: b
                  alarm#1 attempt failed S; cancelled: alarm
                  clean#1 completed; run cancelled
    ",
    );
}

#[test]
fn a_failure_while_cancelling_leaves_the_run_cancelled() {
    check(
        "
        workflow  a; clean needs a all_done
        given     start; cancel; complete a
        when      fail clean
        then      clean#1 attempt failed E; clean failed E; run cancelled
    ",
    );
}

#[test]
fn pure_steps_that_run_last_do_so_in_the_same_transition() {
    check(
        "
        workflow  a; note set 1 needs a all_done
        given     start
        when      fail a E
        then      a#1 attempt failed E; a failed E; note#1 completed 1; run failed at a: E
    ",
    );
}

#[test]
fn a_step_that_runs_last_waits_for_room_as_any_other() {
    check(
        "
        workflow  a; clean needs a all_done
        given     start
        when      fail a slots=0; offer slots=1
        then      a#1 attempt failed E; a failed E; slots offered; clean#1 started
        after     run failing
    ",
    );
}
