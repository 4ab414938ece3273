//! Cases of time, of attempts and of failures: what comes too early, too late, twice, or while the run is cancelled.

use crate::tests::check;

#[test]
fn nobody_ends_a_sleep_but_its_timer() {
    check(
        "
        workflow  a sleep 5000; b sleep_until 1970-01-01T00:00:20Z
        given     start
        when      complete a#1; fail a#1; complete b#1; fail b#1; fire t7 @5s
        then      rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `b`
                  rejected: ignored: stale attempt 1 of step `b`
                  rejected: timer 7 is not set
        after     a sleeping; b sleeping
    ",
    );
}

#[test]
fn what_sleeps_ends_with_a_run_that_times_out() {
    check(
        "
        workflow  run timeout 5s; a sleep 9000; b sleep_until 1970-01-01T00:00:20Z
        given     start
        when      fire t1 @5s; fire t2 @9s
        then      t1 fired; cancelled: a b; run failed: NX3010 run timed out after 5000 ms
                  rejected: the run has ended (failed)
        after     timers none
    ",
    );
}

#[test]
fn what_sleeps_is_cancelled_at_once() {
    check(
        "
        workflow  a sleep 9000; b sleep_until 1970-01-01T00:00:20Z
        given     start
        when      cancel; fire t1 @9s
        then      cancel requested; cancelled: a b; run cancelled
                  rejected: the run has ended (cancelled)
        after     timers none
    ",
    );
}

#[test]
fn a_point_in_time_comes_once() {
    check(
        "
        workflow  a sleep_until 1970-01-01T00:00:20Z; b needs a
        given     start
        when      fire t2147483649 @20s; fire t2147483649; complete b#1
        then      t2147483649 fired; a#1 completed; b#1 started
                  rejected: timer 2147483649 is not set
                  b#1 completed; run completed
    ",
    );
}

#[test]
fn an_attempt_that_takes_too_long_is_tried_again() {
    check(
        "
        workflow  a timeout 5s retry 2
        given     start
        when      fail a#1 NX3002 @5s; fire t1 @6s; fail a#2 NX3002 @11s
        then      a#1 attempt failed NX3002; a#2 retry t1@6s
                  t1 fired; a#2 started
                  a#2 attempt failed NX3002; a failed NX3002 it broke; run failed at a: NX3002 it broke
    ",
    );
}

#[test]
fn what_an_attempt_brings_after_its_time_is_refused() {
    check(
        "
        workflow  a timeout 5s retry 2; b
        given     start
        when      fail a#1 NX3002 @5s; complete a#1 7; fail a#1 NX3002; fire t1 @6s; complete a#1 7; complete a#2 8; complete a#2 8
        then      a#1 attempt failed NX3002; a#2 retry t1@6s
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
                  t1 fired; a#2 started
                  rejected: ignored: stale attempt 1 of step `a`
                  a#2 completed 8
                  rejected: ignored: stale attempt 2 of step `a`
    ",
    );
}

#[test]
fn an_attempt_that_takes_too_long_while_it_is_cancelled_is_not_tried_again() {
    check(
        "
        workflow  a timeout 5s retry 2
        given     start
        when      cancel; fail a#1 NX3002 @5s; fail a#1 NX3002
        then      cancel requested; stop: a
                  a#1 attempt failed NX3002; cancelled: a; run cancelled
                  rejected: the run has ended (cancelled)
        after     timers none
    ",
    );
}

#[test]
fn a_retry_is_started_once() {
    check(
        "
        workflow  a retry 2; b
        given     start; fail a
        when      fail a#1; complete a#2; fire t1 @1s; fire t1; fail a#1; fail a#2; fail a#2
        then      rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 2 of step `a`
                  t1 fired; a#2 started
                  rejected: timer 1 is not set
                  rejected: ignored: stale attempt 1 of step `a`
                  a#2 attempt failed E; a failed E; stop: b
                  rejected: ignored: stale attempt 2 of step `a`
    ",
    );
}

#[test]
fn a_retry_that_waits_ends_with_a_run_that_times_out() {
    check(
        "
        workflow  run timeout 2s; a retry 2 constant
        given     start; fail a @1500ms
        when      fire t1 @2s; fire t2 @2500ms
        then      t1 fired; cancelled: a; run failed: NX3010 run timed out after 2000 ms
                  rejected: the run has ended (failed)
        after     timers none
    ",
    );
}

#[test]
fn a_retry_that_waits_is_cancelled() {
    check(
        "
        workflow  a retry 2; b
        given     start; fail a
        when      cancel; fire t1 @1s; fail b
        then      cancel requested; stop: b; cancelled: a
                  rejected: timer 1 is not set
                  b#1 attempt failed E; cancelled: b; run cancelled
        after     timers none
    ",
    );
}

#[test]
fn a_deadline_does_not_pass_in_a_pause_or_under_another_number() {
    check(
        "
        workflow  a deadline 5s
        given     start; pause
        when      fire t1 @5s; fire t9; resume @6s; fire t1
        then      rejected: timer 1 waits for the end of a pause
                  rejected: timer 9 is not set
                  resumed
                  t1 fired; stop: a
    ",
    );
}

#[test]
fn a_deadline_passes_once() {
    check(
        "
        workflow  a deadline 5s; b
        given     start
        when      fire t1 @5s; fire t1; fail a; fail a#1
        then      t1 fired; stop: a
                  rejected: timer 1 is not set
                  a#1 attempt failed E; a failed NX3003 deadline of 5000 ms over all attempts passed; stop: b
                  rejected: ignored: stale attempt 1 of step `a`
    ",
    );
}

#[test]
fn a_deadline_goes_with_a_cancelled_step() {
    check(
        "
        workflow  a deadline 5s retry 2; b deadline 5s
        given     start; fail a
        when      cancel; fire t1 @5s; fail b; fire t2
        then      cancel requested; stop: b; cancelled: a
                  rejected: timer 1 is not set
                  b#1 attempt failed E; cancelled: b; run cancelled
                  rejected: the run has ended (cancelled)
        after     timers none
    ",
    );
}

#[test]
fn a_time_over_a_run_that_is_cancelled_changes_nothing() {
    check(
        "
        workflow  run timeout 5s; a
        given     start
        when      cancel; fire t1 @5s; cancel; fail a; fire t1
        then      cancel requested; stop: a
                  t1 fired
                  rejected: the run is being cancelled already
                  a#1 attempt failed E; cancelled: a; run cancelled
                  rejected: the run has ended (cancelled)
    ",
    );
}

#[test]
fn a_run_times_out_once() {
    check(
        "
        workflow  run timeout 5s; a
        given     start
        when      fire t1 @5s; fire t1; fail a; fire t1
        then      t1 fired; stop: a
                  rejected: timer 1 is not set
                  a#1 attempt failed E; cancelled: a; run failed: NX3010 run timed out after 5000 ms
                  rejected: the run has ended (failed)
    ",
    );
}

#[test]
fn what_is_to_start_in_time_is_held_by_a_pause() {
    check(
        "
        workflow  a start_within 5s
        given     start slots=0; pause
        when      fire t1 @5s; offer slots=1; resume @6s slots=0; fire t1
        then      rejected: timer 1 waits for the end of a pause
                  rejected: nothing is ready to start
                  resumed
                  t1 fired; a failed NX3026 not started within 5000 ms; run failed at a: NX3026 not started within 5000 ms
    ",
    );
}

#[test]
fn the_time_to_start_in_is_over_once() {
    check(
        "
        workflow  a start_within 5s continue; b
        given     start slots=0
        when      fire t1 @5s; fire t1; complete a#1; offer slots=2; offer
        then      t1 fired; a failed NX3026 not started within 5000 ms, continued
                  rejected: timer 1 is not set
                  rejected: ignored: stale attempt 1 of step `a`
                  slots offered; b#1 started
                  rejected: nothing is ready to start
    ",
    );
}

#[test]
fn a_silent_attempt_is_tried_again_and_says_no_more() {
    check(
        "
        workflow  a retry 2
        given     start; beat a 1
        when      fail a#1 NX3024; beat a#1 2; fire t1 @1s; beat a#1 2; fail a#1 NX3024
        then      a#1 attempt failed NX3024; a#2 retry t1@1s
                  rejected: ignored: stale attempt 1 of step `a`
                  t1 fired; a#2 started
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
        after     effects run a#2 from 1
    ",
    );
}

#[test]
fn the_same_progress_is_a_sign_of_life_each_time() {
    check(
        "
        workflow  a
        given     start; beat a 1
        when      beat a#1 1; beat a#2 1; complete a; beat a#1 1
        then      a#1 heartbeat 1
                  rejected: ignored: stale attempt 2 of step `a`
                  a#1 completed; run completed
                  rejected: the run has ended (completed)
    ",
    );
}

#[test]
fn a_fallback_is_refused_before_the_failure_and_counts_once_after_it() {
    check(
        "
        workflow  a; b needs a any_failed; c needs b
        given     start
        when      complete b#1; fail a; complete b#1; complete b#1; fail a#1
        then      rejected: ignored: stale attempt 1 of step `b`
                  a#1 attempt failed E; a failed E; not reached: c; b#1 started
                  b#1 completed; run failed at a: E
                  rejected: the run has ended (failed)
                  rejected: the run has ended (failed)
    ",
    );
}

#[test]
fn a_fallback_goes_on_when_the_run_times_out() {
    check(
        "
        workflow  run timeout 5s; a; b needs a any_failed
        given     start; fail a
        when      fire t1 @5s; complete b
        then      t1 fired
                  b#1 completed; run failed at a: E
    ",
    );
}

#[test]
fn a_fallback_is_cancelled() {
    check(
        "
        workflow  a; b needs a any_failed
        given     start; fail a
        when      cancel; cancel; fail b
        then      cancel requested; stop: b
                  rejected: the run is being cancelled already
                  b#1 attempt failed E; cancelled: b; run cancelled
    ",
    );
}

#[test]
fn a_failure_that_does_not_matter_counts_once() {
    check(
        "
        workflow  a continue; b needs a
        given     start
        when      fail a; fail a#1; complete a#1; complete b; retry
        then      a#1 attempt failed E; a failed E, continued; b#1 started
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
                  b#1 completed; run completed
                  rejected: the run is completed; only a failed or cancelled run can be retried
        after     a failed
    ",
    );
}

#[test]
fn a_deadline_of_a_step_that_may_fail_lets_the_run_go_on() {
    check(
        "
        workflow  a continue deadline 5s; b needs a
        given     start
        when      fire t1 @5s; fail a; complete b
        then      t1 fired; stop: a
                  a#1 attempt failed E; a failed NX3003 deadline of 5000 ms over all attempts passed, continued; b#1 started
                  b#1 completed; run completed
        after     run completed
    ",
    );
}

#[test]
fn a_step_that_may_fail_is_cancelled_and_is_tried_again_by_a_retry() {
    check(
        "
        workflow  a continue; b needs a
        given     start
        when      cancel; fail a; retry
        then      cancel requested; stop: a; not reached: b
                  a#1 attempt failed E; cancelled: a; run cancelled
                  run retried; a#2 started
    ",
    );
}

#[test]
fn an_undo_counts_once() {
    check(
        "
        workflow  run undoes; a undo; c undo; b needs a,c
        given     start; complete a; complete c; fail b
        when      complete a#1; complete a#2; complete a#2; fail a#2; complete c#2; complete c#2; retry
        then      rejected: ignored: stale attempt 1 of step `a`
                  a#2 undone
                  rejected: ignored: stale attempt 2 of step `a`
                  rejected: ignored: stale attempt 2 of step `a`
                  c#2 undone; run failed at b: E
                  rejected: the run has ended (failed)
                  rejected: a retry would keep the results of `a`, `c`, but they were undone
    ",
    );
}

#[test]
fn the_time_of_the_run_does_not_end_its_undoing() {
    check(
        "
        workflow  run undoes timeout 5s; a undo; b needs a
        given     start; complete a; fail b
        when      fire t1 @5s; fail a#2; fire t2 @6s; complete a#3
        then      t1 fired
                  a#2 undo attempt failed E; a#3 undo retry t2@5615ms
                  t2 fired; a#3 undo started
                  a#3 undone; run failed at b: E
    ",
    );
}

#[test]
fn a_message_of_a_called_run_is_not_a_report_of_the_step() {
    check(
        "
        workflow  a call other; b
        given     start
        when      complete a#1; fail a#1; child a#2 ended; child a ended 7; child a ended 7
        then      rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: nobody waits for the end of `wf-001/a.2`
                  wf-001/a ended 7; a#1 completed 7
                  rejected: nobody waits for the end of `wf-001/a`
    ",
    );
}
