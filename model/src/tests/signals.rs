//! Signals: early, late, twice, for somebody else, and not at all.

use super::check;

#[test]
fn a_step_waits_until_its_signal_comes() {
    check(
        r#"
        workflow  a wait_for paid; b needs a
        given     start
        when      signal paid {"amount":12}
        then      signal paid {"amount":12}; a takes signal 1; a#1 completed {"amount":12}; b#1 started
        after     a completed; timers none
    "#,
    );
}

#[test]
fn a_waiting_run_is_parked_and_holds_nothing_but_its_timer() {
    check(
        "
        workflow  a wait_for paid within=60s
        when      start @5s
        then      run started; a waits for paid t1@65s
        after     a waiting; parked true; timers t1@65s
    ",
    );
}

#[test]
fn an_early_signal_is_kept() {
    check(
        "
        workflow  a; b needs a wait_for paid; c needs b
        given     start
        when      signal paid 7; complete a
        then      signal paid 7
                  a#1 completed; b takes signal 1; b#1 completed 7; c#1 started
    ",
    );
}

#[test]
fn each_signal_is_taken_once_in_the_order_of_arrival() {
    check(
        "
        workflow  a; b needs a wait_for paid; c needs b wait_for paid; d needs c wait_for paid
        given     start; signal paid 1; signal paid 2
        when      complete a; signal paid 3
        then      a#1 completed; b takes signal 1; b#1 completed 1; c takes signal 2; c#1 completed 2
                  d waits for paid
                  signal paid 3; d takes signal 3; d#1 completed 3; run completed
    ",
    );
}

#[test]
fn of_two_steps_that_wait_the_first_takes_the_signal() {
    check(
        "
        workflow  a wait_for paid; b wait_for paid
        given     start
        when      signal paid 1
        then      signal paid 1; a takes signal 1; a#1 completed 1
        after     b waiting
    ",
    );
}

#[test]
fn a_signal_of_another_name_is_kept_for_others() {
    check(
        "
        workflow  a wait_for paid; b needs a wait_for sent
        given     start
        when      signal sent 1; signal paid 2
        then      signal sent 1
                  signal paid 2; a takes signal 2; a#1 completed 2; b takes signal 1; b#1 completed 1; run completed
    ",
    );
}

#[test]
fn a_signal_that_does_not_match_is_left_for_others() {
    check(
        r#"
        workflow  a wait_for paid match=signal.id==inputs.id
        given     start {"id":7}
        when      signal paid {"id":8}; signal paid {"id":7}
        then      signal paid {"id":8}
                  signal paid {"id":7}; a takes signal 2; a#1 completed {"id":7}; run completed
    "#,
    );
}

#[test]
fn a_signal_that_the_expression_cannot_read_does_not_match() {
    check(
        r#"
        workflow  a wait_for paid match=signal.id==inputs.id
        given     start {"id":7}
        when      signal paid 1; signal paid
        then      signal paid 1; signal paid
        after     a waiting
    "#,
    );
}

#[test]
fn kept_signals_are_asked_whether_they_match() {
    check(
        r#"
        workflow  a; b needs a wait_for paid match=signal.id==inputs.id
        given     start {"id":7}; signal paid {"id":8}; signal paid {"id":7}
        when      complete a
        then      a#1 completed; b takes signal 2; b#1 completed {"id":7}; run completed
    "#,
    );
}

#[test]
fn the_same_id_counts_once() {
    check(
        "
        workflow  a wait_for paid; b needs a wait_for paid
        given     start; signal paid#k1 1
        when      signal paid#k1 1
        then      rejected: signal `k1` was received already
        after     b waiting
    ",
    );
}

#[test]
fn the_same_id_counts_once_also_after_the_end() {
    check(
        "
        workflow  a wait_for paid
        given     start; signal paid#k1 1
        when      signal paid#k1 1
        then      rejected: signal `k1` was received already
    ",
    );
}

#[test]
fn a_signal_to_an_ended_run_is_refused() {
    check(
        "
        workflow  a
        given     start; complete a
        when      signal paid 1
        then      rejected: the run has ended (completed)
    ",
    );
}

#[test]
fn a_step_whose_signal_does_not_come_fails() {
    check(
        "
        workflow  a wait_for paid within=60s; b needs a
        given     start
        when      fire t1 @60s
        then      t1 fired; a failed NX4001 signal `paid` did not come within 60000 ms; not reached: b
                  run failed at a: NX4001 signal `paid` did not come within 60000 ms
        after     timers none
    ",
    );
}

#[test]
fn a_step_whose_signal_does_not_come_may_let_the_run_go_on() {
    check(
        "
        workflow  a wait_for paid within=60s go_on; b needs a
        given     start
        when      fire t1 @60s
        then      t1 fired; a failed NX4001 signal `paid` did not come within 60000 ms, continued; b#1 started
    ",
    );
}

#[test]
fn on_error_counts_for_a_time_that_is_over() {
    check(
        "
        workflow  a wait_for paid within=60s continue; b needs a
        given     start
        when      fire t1 @60s
        then      t1 fired; a failed NX4001 signal `paid` did not come within 60000 ms, continued; b#1 started
    ",
    );
}

#[test]
fn the_timer_goes_when_the_signal_comes() {
    check(
        "
        workflow  a wait_for paid within=60s; b needs a
        given     start; signal paid
        when      fire t1 @60s
        then      rejected: timer 1 is not set
        after     timers none
    ",
    );
}

#[test]
fn a_step_that_waits_is_cancelled() {
    check(
        "
        workflow  a wait_for paid within=60s; b needs a
        given     start
        when      cancel
        then      cancel requested; cancelled: a; not reached: b; run cancelled
        after     timers none
    ",
    );
}

#[test]
fn a_step_that_waits_ends_with_a_failing_run() {
    check(
        "
        workflow  a wait_for paid; b
        given     start
        when      fail b E
        then      b#1 attempt failed E; b failed E; cancelled: a; run failed at b: E
    ",
    );
}

#[test]
fn the_timeout_of_the_run_ends_the_waiting() {
    check(
        "
        workflow  run timeout 10s; a wait_for paid
        given     start
        when      fire t1 @10s
        then      t1 fired; cancelled: a; run failed: NX3010 run timed out after 10000 ms
    ",
    );
}

#[test]
fn a_retried_run_waits_anew_and_keeps_its_signals() {
    check(
        "
        workflow  a wait_for paid within=60s
        given     start; signal sent 1; fire t1 @60s
        when      retry @70s; signal paid 2
        then      run retried; a waits for paid t2@130s
                  signal paid 2; a takes signal 2; a#2 completed 2; run completed
    ",
    );
}

#[test]
fn a_step_may_be_skipped_instead_of_waiting() {
    check(
        "
        workflow  a wait_for paid if false
        when      start
        then      run started; a skipped: false is false; run completed
    ",
    );
}

#[test]
fn the_output_of_a_signal_is_mapped() {
    check(
        r#"
        workflow  a wait_for paid maps ${{ this.output.amount }}
        given     start
        when      signal paid {"amount":12}
        then      signal paid {"amount":12}; a takes signal 1; a#1 completed {"amount":12}; a mapped 12; run completed
    "#,
    );
}

#[test]
fn a_large_signal_is_loaded_when_it_is_asked_about() {
    check(
        "
        workflow  a; b needs a wait_for paid match=signal|length==80002
        given     start; signal paid big
        when      complete a; signal paid bigger
        then      a#1 completed; b waits for paid
                  signal paid <80002 bytes>
        after     b waiting
    ",
    );
}

#[test]
fn nothing_is_said_to_a_run_that_was_not_started() {
    check(
        "
        workflow  a wait_for paid
        when      signal paid
        then      rejected: the run was not started
    ",
    );
}
