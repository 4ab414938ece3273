//! Steps that have to start within a time.

use super::check;

#[test]
fn a_step_that_starts_at_once_needs_no_timer() {
    check(
        "
        workflow  a start_within 5s
        given
        when      start
        then      run started; a#1 started
        after     timers none
    ",
    );
}

#[test]
fn a_step_that_is_not_started_in_time_fails() {
    check(
        "
        workflow  a; b start_within 5s; c needs b
        given     start slots=1
        when      fire t1 @5s slots=1
        then      t1 fired; b failed NX3026 not started within 5000 ms; stop: a; not reached: c
        after     effects stop a#1; timers none
    ",
    );
}

#[test]
fn the_timer_goes_when_there_is_room() {
    check(
        "
        workflow  a; b start_within 5s needs a; c
        given     start slots=1
        when      complete a slots=0 @1s; offer slots=2; complete b; complete c
        then      a#1 completed; b queued t1@6s
                  slots offered; b#1 started; c#1 started
                  b#1 completed; c#1 completed; run completed
        after     timers none
    ",
    );
}

#[test]
fn its_time_begins_when_the_pause_ends() {
    check(
        "
        workflow  a; b start_within 5s needs a continue
        given     start; pause
        when      complete a; resume slots=0 @9s; fire t1 @14s
        then      a#1 completed; resumed; b queued t1@14s
                  t1 fired; b failed NX3026 not started within 5000 ms, continued; run completed
    ",
    );
}

#[test]
fn only_the_first_attempt_has_to_start_in_time() {
    check(
        "
        workflow  a start_within 5s retry 2
        given     start; fail a
        when      fire t1 @1s slots=0
        then      t1 fired
        after     timers none; ready a
    ",
    );
}

#[test]
fn a_run_that_is_cancelled_meanwhile_has_no_timer_left() {
    check(
        "
        workflow  a; b start_within 5s
        given     start slots=1; cancel
        when      shutdown a
        then      shut down: a#1; cancelled: a; run cancelled
        after     timers none
    ",
    );
}

#[test]
fn a_retry_of_the_run_gives_it_time_again() {
    check(
        "
        workflow  a start_within 5s
        given     start slots=0; fire t1 @5s slots=0
        when      retry slots=0 @9s; offer slots=1
        then      run retried; a queued t2@14s; slots offered; a#1 started
        after     timers none
    ",
    );
}

#[test]
fn a_step_whose_condition_is_false_is_not_queued() {
    check(
        "
        workflow  a start_within 5s if false
        given
        when      start slots=0
        then      run started; a skipped: false is false; run completed
    ",
    );
}
