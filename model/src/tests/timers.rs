//! Timers: sleeps, deadlines, and the timeout of the run.

use super::check;

#[test]
fn a_sleep_ends_with_its_timer() {
    check(
        "
        workflow  a sleep 60000; b needs a
        when      start @5s; fire t1 @65s
        then      run started; a sleeps t1@65s
                  t1 fired; a#1 completed; b#1 started
        after     timers none
    ",
    );
}

#[test]
fn a_sleeping_run_is_parked() {
    check(
        "
        workflow  a sleep 60000
        given     start
        when      fire t2
        then      rejected: timer 2 is not set
        after     a sleeping; timers t1@60s; parked true
    ",
    );
}

#[test]
fn a_sleep_of_no_time_is_over_at_once() {
    check(
        "
        workflow  a sleep 0; b needs a
        when      start
        then      run started; a#1 completed; b#1 started
    ",
    );
}

#[test]
fn a_sleep_of_nonsense_fails() {
    check(
        "
        workflow  a sleep ${{ 'tomorrow'|lower }}; b needs a
        when      start
        then      run started; a failed NX1201; not reached: b; run failed at a: NX1201
    ",
    );
}

/// The timer of a step that waits for a point in time has the highest bit set: it follows the wall clock.
#[test]
fn a_step_waits_until_a_point_in_time() {
    check(
        "
        workflow  a sleep_until 1970-01-01T00:01:05Z; b needs a; c sleep 60000
        when      start @5s; fire t2147483649 @65s
        then      run started; a sleeps t2147483649@65s; c sleeps t2@65s
                  t2147483649 fired; a#1 completed; b#1 started
        after     timers t2@65s
    ",
    );
}

#[test]
fn a_point_in_time_that_has_passed_is_no_wait() {
    check(
        "
        workflow  a sleep_until 1970-01-01T00:00:05Z; b needs a
        when      start @5s
        then      run started; a#1 completed; b#1 started
        after     timers none
    ",
    );
}

#[test]
fn a_point_in_time_that_is_none_fails() {
    check(
        "
        workflow  a sleep_until ${{ 'tomorrow'|lower }}; b needs a
        when      start
        then      run started; a failed NX1147; not reached: b; run failed at a: NX1147
    ",
    );
}

#[test]
fn a_wait_for_a_point_in_time_ends_with_its_run() {
    check(
        "
        workflow  a sleep_until 1970-01-01T01:00:00Z
        given     start; cancel
        when      fire t2147483649 @7200s
        then      rejected: the run has ended (cancelled)
        after     timers none
    ",
    );
}

#[test]
fn a_timer_fires_once() {
    check(
        "
        workflow  a sleep 60000; b
        given     start; fire t1 @60s
        when      fire t1
        then      rejected: timer 1 is not set
    ",
    );
}

#[test]
fn a_deadline_is_set_with_the_first_attempt_and_goes_with_the_step() {
    check(
        "
        workflow  a deadline 5s retry 2; b
        when      start; fail a; fire t2 @1s; complete a
        then      run started; a#1 started deadline t1@5s; b#1 started
                  a#1 attempt failed E; a#2 retry t2@1s
                  t2 fired; a#2 started
                  a#2 completed
        after     timers none
    ",
    );
}

#[test]
fn a_deadline_stops_a_running_attempt_and_fails_the_step() {
    check("
        workflow  a deadline 5s retry 9 continue; b needs a
        given     start
        when      fire t1 @5s; fail a STOPPED
        then      t1 fired; stop: a
                  a#1 attempt failed STOPPED
                  a failed NX3003 deadline of 5000 ms over all attempts passed, continued; b#1 started
    ");
}

#[test]
fn a_result_beats_a_deadline_that_passed_meanwhile() {
    check(
        "
        workflow  a deadline 5s
        given     start; fire t1 @5s
        when      complete a 1
        then      a#1 completed 1; run completed
    ",
    );
}

#[test]
fn a_deadline_ends_a_step_between_attempts() {
    check(
        "
        workflow  a deadline 500ms retry 9
        given     start; fail a
        when      fire t1 @500ms
        then      t1 fired; a failed NX3003 deadline of 500 ms over all attempts passed
                  run failed at a: NX3003 deadline of 500 ms over all attempts passed
        after     timers none
    ",
    );
}

#[test]
fn a_deadline_ends_a_step_that_waits_for_room() {
    check(
        "
        workflow  a deadline 5s retry 9 continue; b
        given     start; fail a; fire t2 @1s slots=0
        when      fire t1 @5s
        then      t1 fired; a failed NX3003 deadline of 5000 ms over all attempts passed, continued
        after     ready none
    ",
    );
}

#[test]
fn a_deadline_of_an_attempt_that_stops_already_changes_nothing() {
    check(
        "
        workflow  a deadline 5s; b
        given     start; fail b E
        when      fire t1 @5s; fail a STOPPED
        then      t1 fired; a#1 attempt failed STOPPED; cancelled: a; run failed at b: E
    ",
    );
}

#[test]
fn a_run_that_takes_too_long_fails() {
    check(
        "
        workflow  run timeout 10s; a; b needs a; clean needs b all_done
        when      start @1s; fire t1 @11s; fail a STOPPED; complete clean
        then      run started timeout t1@11s; a#1 started
                  t1 fired; stop: a; not reached: b; clean#1 started
                  a#1 attempt failed STOPPED; cancelled: a
                  clean#1 completed; run failed: NX3010 run timed out after 10000 ms
    ",
    );
}

#[test]
fn a_timeout_does_not_change_why_a_run_ends() {
    check(
        "
        workflow  run timeout 10s; a
        given     start; cancel
        when      fire t1 @10s; complete a
        then      t1 fired; a#1 completed; run cancelled
    ",
    );
}

#[test]
fn the_timeout_goes_when_the_run_ends() {
    check(
        "
        workflow  run timeout 10s; a
        given     start
        when      complete a
        then      a#1 completed; run completed
        after     timers none
    ",
    );
}
