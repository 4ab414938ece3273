//! Pausing: what is at work finishes, nothing begins, timers keep their due time, signals are kept.

use super::check;

#[test]
fn a_paused_run_starts_nothing_until_it_is_resumed() {
    check(
        "
        workflow  a; b needs a; c needs b
        given     start
        when      pause; complete a; offer; resume slots=1; offer
        then      paused; a#1 completed; rejected: nothing is ready to start
                  resumed; b#1 started; rejected: nothing is ready to start
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
fn steps_without_a_handler_do_not_begin_in_a_pause_either() {
    check(
        "
        workflow  a; b set 1 needs a; c sleep 1000 needs a; d wait_for paid needs a; e if false needs a
        given     start; pause
        when      complete a; resume @5s
        then      a#1 completed
                  resumed; b#1 completed 1; c sleeps t1@6s; d waits for paid; e skipped: false is false
    ",
    );
}

#[test]
fn a_timer_that_is_due_in_a_pause_keeps_its_time_and_fires_after_it() {
    check(
        "
        workflow  a sleep 1000; b needs a
        given     start; pause
        when      fire t1 @1s; resume @9s; fire t1
        then      rejected: timer 1 waits for the end of a pause
                  resumed; t1 fired; a#1 completed; b#1 started
    ",
    );
}

#[test]
fn a_run_does_not_time_out_in_a_pause() {
    check(
        "
        workflow  run timeout 1s; a
        given     start; pause
        when      fire t1 @1s; resume; fire t1
        then      rejected: timer 1 waits for the end of a pause; resumed
                  t1 fired; stop: a
    ",
    );
}

#[test]
fn a_deadline_passes_after_the_pause() {
    check(
        "
        workflow  a deadline 1s
        given     start; pause
        when      fire t1 @1s; complete a
        then      rejected: timer 1 waits for the end of a pause
                  a#1 completed; run completed
    ",
    );
}

#[test]
fn a_retry_that_is_due_waits_for_the_end_of_the_pause() {
    check(
        "
        workflow  a retry 2
        given     start; pause
        when      fail a; fire t1 @1s; resume; fire t1
        then      a#1 attempt failed E; a#2 retry t1@1s
                  rejected: timer 1 waits for the end of a pause; resumed; t1 fired; a#2 started
    ",
    );
}

#[test]
fn a_signal_is_kept_in_a_pause_and_taken_after_it() {
    check(
        "
        workflow  a wait_for paid match=signal.id==7; b needs a
        given     start; pause
        when      signal paid {\"id\":1}; signal paid {\"id\":7}; resume
        then      signal paid {\"id\":1}; signal paid {\"id\":7}
                  resumed; a takes signal 2; a#1 completed {\"id\":7}; b#1 started
    ",
    );
}

#[test]
fn a_kept_signal_goes_before_a_time_that_is_over() {
    check(
        "
        workflow  a wait_for paid within=1s
        given     start; pause; signal paid 1 @500ms
        when      fire t1 @1s; resume; fire t1
        then      rejected: timer 1 waits for the end of a pause
                  resumed; a takes signal 1; a#1 completed 1; run completed
                  rejected: the run has ended (completed)
    ",
    );
}

#[test]
fn an_attempt_that_was_cut_off_runs_again_after_the_pause() {
    check(
        "
        workflow  a
        given     start; pause; interrupt a
        when      offer
        then      rejected: nothing is ready to start
        after     a running; effects ; parked false
    ",
    );
    check(
        "
        workflow  a
        given     start; pause; interrupt a
        when      resume; complete a
        then      resumed; a#1 completed may repeat; run completed
    ",
    );
    check(
        "
        workflow  a
        given     start; pause; interrupt a; resume
        when      offer
        then      rejected: nothing is ready to start
        after     effects resume a#1
    ",
    );
}

#[test]
fn a_paused_run_can_be_cancelled_and_its_last_steps_run() {
    check(
        "
        workflow  a; b needs a; clean all_done needs b
        given     start; pause; complete a
        when      cancel; complete clean
        then      cancel requested; not reached: b; clean#1 started
                  clean#1 completed; run cancelled
    ",
    );
}

#[test]
fn a_run_that_fails_in_a_pause_runs_its_last_steps_after_it() {
    check(
        "
        workflow  a; b needs a; clean all_done needs b
        given     start; pause
        when      fail a; resume; complete clean
        then      a#1 attempt failed E; a failed E; not reached: b
                  resumed; clean#1 started; clean#1 completed; run failed at a: E
    ",
    );
}

#[test]
fn one_step_is_paused_and_the_others_go_on() {
    check(
        "
        workflow  a; b needs a; c needs a
        given     start; pause_step b not yet
        when      complete a; complete c; resume_step b; complete b
        then      a#1 completed; c#1 started; c#1 completed; b resumed; b#1 started
                  b#1 completed; run completed
    ",
    );
}

#[test]
fn a_run_with_only_paused_steps_left_is_parked() {
    check(
        "
        workflow  a; b needs a
        given     start; pause_step b
        when      complete a; offer
        then      a#1 completed; rejected: nothing is ready to start
        after     parked true; ready b
    ",
    );
}

#[test]
fn a_paused_step_finishes_what_runs_and_is_not_tried_again() {
    check(
        "
        workflow  a retry 2; b sleep 1000; c wait_for paid
        given     start; pause_step a; pause_step b; pause_step c
        when      fail a; fire t1 @1s; fire t2 @1s; signal paid; resume_step b; fire t1
                  resume_step a; fire t2; resume_step c
        then      a#1 attempt failed E; a#2 retry t2@1s; rejected: timer 1 waits for the end of a pause
                  rejected: timer 2 waits for the end of a pause; signal paid; b resumed
                  t1 fired; b#1 completed; a resumed; t2 fired; a#2 started
                  c resumed; c takes signal 1; c#1 completed
    ",
    );
}

#[test]
fn pausing_a_step_is_refused_where_it_means_nothing() {
    check(
        "
        workflow  a; b needs a
        given     start; pause_step b
        when      pause_step b; resume_step a; pause_step nobody; complete a; pause_step a; resume_step nobody
        then      rejected: step `b` is paused already; rejected: step `a` is not paused
                  rejected: there is no step number 999; a#1 completed; rejected: step `a` is completed already
                  rejected: step `` is not paused
    ",
    );
}

#[test]
fn a_cancelled_run_waits_for_no_paused_step() {
    check(
        "
        workflow  a; clean all_done needs a
        given     start; pause_step clean; complete a
        when      cancel; complete clean
        then      cancel requested; clean#1 started; clean#1 completed; run cancelled
    ",
    );
}

#[test]
fn a_pause_of_the_store_holds_a_run_also_when_it_is_cancelled() {
    check(
        "
        workflow  a; b needs a; clean all_done needs b
        given     start; hold workflow test; complete a
        when      hold engine; cancel; offer; release; release
        then      rejected: the run is paused already; cancel requested; not reached: b
                  rejected: nothing is ready to start; released; clean#1 started; rejected: the run is not paused
        after     parked false
    ",
    );
}

#[test]
fn a_run_that_is_held_from_its_beginning_begins_nothing() {
    check(
        "
        workflow  a set 1; b sleep 1000; c needs a
        when      start_held; offer; release
        then      run started; held by engine; rejected: nothing is ready to start
                  released; a#1 completed 1; b sleeps t1@1s; c#1 started
    ",
    );
}

#[test]
fn a_run_that_is_retried_in_a_pause_of_the_store_begins_nothing() {
    check(
        "
        workflow  a
        given     start; fail a
        when      retry_held; release
        then      run retried; held by engine; released; a#2 started
    ",
    );
}

#[test]
fn two_pauses_end_one_after_the_other() {
    check(
        "
        workflow  a; b needs a
        given     start; pause; hold engine; complete a
        when      resume; offer; release
        then      resumed; rejected: nothing is ready to start; released; b#1 started
    ",
    );
}

#[test]
fn a_held_run_is_not_parked() {
    check(
        "
        workflow  a sleep 1000
        given     start
        when      hold engine
        then      held by engine
        after     parked false
    ",
    );
}
