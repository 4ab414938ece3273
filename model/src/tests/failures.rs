//! Failures: tried again, given up, passed on to the run.

use super::check;

#[test]
fn a_failure_is_tried_again_after_a_delay_that_doubles() {
    check(
        "
        workflow  a retry 4
        given     start @0s
        when      fail a; fire t1 @1s; fail a; fire t2 @3s; fail a @3s
        then      a#1 attempt failed E; a#2 retry t1@1s
                  t1 fired; a#2 started
                  a#2 attempt failed E; a#3 retry t2@3s
                  t2 fired; a#3 started
                  a#3 attempt failed E; a#4 retry t3@7s
        after     a retrying; timers t3@7s; parked true
    ",
    );
}

#[test]
fn a_delay_is_spread_by_run_step_and_attempt() {
    check(
        "
        workflow  a retry 3 jitter; b retry 3 jitter
        given     start
        when      fail a; fail b; fire t1; fail a
        then      a#1 attempt failed E; a#2 retry t1@515ms
                  b#1 attempt failed E; b#2 retry t2@680ms
                  t1 fired; a#2 started
                  a#2 attempt failed E; a#3 retry t3@1231ms
    ",
    );
}

#[test]
fn a_linear_delay_grows_by_the_same_amount() {
    check(
        "
        workflow  a retry 4 linear
        given     start; fail a; fire t1 @10s; fail a; fire t2 @20s
        when      fail a
        then      a#3 attempt failed E; a#4 retry t3@23s
    ",
    );
}

#[test]
fn a_constant_delay_stays() {
    check(
        "
        workflow  a retry 4 constant
        given     start; fail a; fire t1 @10s
        when      fail a
        then      a#2 attempt failed E; a#3 retry t2@11s
    ",
    );
}

#[test]
fn a_delay_has_a_limit() {
    check(
        "
        workflow  a retry 9 max 1500ms
        given     start; fail a; fire t1 @10s
        when      fail a
        then      a#2 attempt failed E; a#3 retry t2@11500ms
    ",
    );
}

#[test]
fn after_the_last_attempt_the_step_and_the_run_fail() {
    check("
        workflow  a retry 2; b needs a
        given     start; fail a; fire t1 @1s
        when      fail a E_LAST
        then      a#2 attempt failed E_LAST; a failed E_LAST; not reached: b; run failed at a: E_LAST
        after     a failed; b not reached; run failed; timers none
    ");
}

#[test]
fn a_fatal_failure_is_not_tried_again() {
    check(
        "
        workflow  a retry 5
        given     start
        when      fail a E fatal
        then      a#1 attempt failed E; a failed E; run failed at a: E
    ",
    );
}

#[test]
fn a_code_to_give_up_on_ends_the_attempts() {
    check("
        workflow  a retry 5 give_up_on E1,E2 continue; b retry 5 give_up_on E1,E2
        given     start
        when      fail a E2; fail b E3
        then      a#1 attempt failed E2; a failed E2, continued; b#1 attempt failed E3; b#2 retry t1@1s
    ");
}

#[test]
fn codes_to_retry_on_are_the_only_ones() {
    check("
        workflow  a retry 5 retry_on E1,E2 continue; b retry 5 retry_on E1,E2
        given     start
        when      fail a E3; fail b E1
        then      a#1 attempt failed E3; a failed E3, continued; b#1 attempt failed E1; b#2 retry t1@1s
    ");
}

#[test]
fn a_retry_that_is_due_waits_for_room() {
    check(
        "
        workflow  a retry 2; b
        given     start; fail a
        when      fire t1 @1s slots=0; complete b slots=1
        then      t1 fired; b#1 completed; a#2 started
    ",
    );
}

#[test]
fn a_retry_is_not_asked_its_condition_again() {
    check(
        "
        workflow  a retry 2 if true
        given     start; fail a
        when      fire t1 @1s
        then      t1 fired; a#2 started
    ",
    );
}
