//! Retrying a run: what did not end well is open again.

use super::check;

#[test]
fn a_failed_run_goes_on_where_it_failed() {
    check(
        "
        workflow  a; b needs a; c needs b
        given     start; complete a 1; fail b E
        when      retry; complete b; complete c
        then      run retried; b#2 started; b#2 completed; c#1 started; c#1 completed; run completed
        after     a completed; b completed; c completed
    ",
    );
}

#[test]
fn a_cancelled_run_goes_on() {
    check(
        "
        workflow  a; b sleep 5000; c needs a,b
        given     start; cancel; fail a S
        when      retry @100s
        then      run retried; b sleeps t2@105s; a#2 started
        after     run running; timers t2@105s; c pending
    ",
    );
}

#[test]
fn attempts_before_the_retry_do_not_count() {
    check(
        "
        workflow  a retry 2
        given     start; fail a; fire t1 @1s; fail a; retry
        when      fail a; fire t2 @2s; fail a
        then      a#3 attempt failed E; a#4 retry t2@2s; t2 fired; a#4 started
                  a#4 attempt failed E; a failed E; run failed at a: E
    ",
    );
}

#[test]
fn what_ran_last_because_of_the_failure_runs_again() {
    check("
        workflow  a; clean needs a all_done; alarm needs a any_failed; other; note set 1 needs clean all_done
        given     start; complete other; fail a E; complete clean; complete alarm
        when      retry; complete a; complete clean
        then      run retried; a#2 started
                  a#2 completed; not reached: alarm; clean#2 started
                  clean#2 completed; note#2 completed 1; run completed
    ");
}

#[test]
fn a_continued_failure_stays() {
    check(
        "
        workflow  a continue; b needs a; c needs a all_done
        given     start; fail a; complete c; fail b
        when      retry
        then      run retried; b#2 started
        after     a failed; c completed
    ",
    );
}

#[test]
fn skipped_steps_after_a_failure_are_asked_again() {
    check(
        "
        workflow  a; b needs a all_done if false
        given     start; fail a
        when      retry; complete a
        then      run retried; a#2 started; a#2 completed; b skipped: false is false; run completed
    ",
    );
}

#[test]
fn the_timeout_and_the_deadline_count_from_the_retry() {
    check(
        "
        workflow  run timeout 10s; a deadline 5s
        given     start; fire t1 @10s; fail a
        when      retry @100s
        then      run retried timeout t3@110s; a#2 started deadline t4@105s
        after     timers t3@110s t4@105s
    ",
    );
}

#[test]
fn a_run_that_goes_on_cannot_be_retried() {
    check(
        "
        workflow  a; b
        given     start
        when      retry; fail a; retry; cancel; retry
        then      rejected: the run is running; only a failed or cancelled run can be retried
                  a#1 attempt failed E; a failed E; stop: b
                  rejected: the run is failing; only a failed or cancelled run can be retried
                  cancel requested
                  rejected: the run is cancelling; only a failed or cancelled run can be retried
    ",
    );
}

#[test]
fn a_retry_ends_the_pause() {
    check(
        "
        workflow  a
        given     start; pause; fail a
        when      retry
        then      run retried; a#2 started
    ",
    );
}

#[test]
fn a_run_can_be_retried_again_and_again() {
    check(
        "
        workflow  a
        given     start; fail a; retry; fail a; retry
        when      complete a#1; complete a#2; complete a#3
        then      rejected: ignored: stale attempt 1 of step `a`; rejected: ignored: stale attempt 2 of step `a`
                  a#3 completed; run completed
    ",
    );
}

#[test]
fn an_output_that_fails_again_ends_the_run_again() {
    check(
        "
        workflow  run maps ${{ steps.a.output.x.y }}; a
        given     start
        when      complete a {}; retry
        then      a#1 completed {}; run failed: NX2102; run retried; run failed: NX2102
    ",
    );
}
