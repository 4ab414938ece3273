//! Pausing: nothing new is started.

use super::check;

#[test]
fn a_paused_run_starts_nothing_until_it_is_resumed() {
    check(
        "
        workflow  a; b needs a; c needs a
        given     start
        when      pause; complete a; offer; resume slots=1; offer
        then      paused; a#1 completed; rejected: nothing is ready to start
                  resumed; b#1 started; slots offered; c#1 started
    ",
    );
}

#[test]
fn a_paused_run_with_nothing_at_work_is_parked() {
    check(
        "
        workflow  a; b needs a
        given     start; pause
        when      complete a
        then      a#1 completed
        after     ready b; parked true
    ",
    );
}

#[test]
fn pausing_and_resuming_twice_is_refused() {
    check(
        "
        workflow  a
        given     start
        when      resume; pause; pause; resume; resume
        then      rejected: the run is not paused; paused; rejected: the run is paused already
                  resumed; rejected: the run is not paused
    ",
    );
}

#[test]
fn pure_steps_and_timers_go_on_in_a_pause() {
    check(
        "
        workflow  a sleep 1000; b set 1 needs a; c needs b
        given     start; pause
        when      fire t1 @1s
        then      t1 fired; a#1 completed; b#1 completed 1
        after     ready c
    ",
    );
}

#[test]
fn a_retry_that_is_due_waits_for_the_end_of_the_pause() {
    check(
        "
        workflow  a retry 2
        given     start; fail a; pause; fire t1 @1s
        when      resume
        then      resumed; a#2 started
    ",
    );
}

#[test]
fn a_paused_run_can_be_cancelled() {
    check(
        "
        workflow  a; b needs a
        given     start; pause; complete a
        when      cancel
        then      cancel requested; not reached: b; run cancelled
    ",
    );
}
