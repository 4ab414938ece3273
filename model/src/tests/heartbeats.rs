//! Heartbeats: how far an attempt is, for the next one.

use super::check;

#[test]
fn the_next_attempt_gets_how_far_the_last_one_was() {
    check(
        "
        workflow  a retry 2
        given     start
        when      beat a 10; beat a 20; fail a; fire t1 @1s
        then      a#1 heartbeat 10; a#1 heartbeat 20
                  a#1 attempt failed E; a#2 retry t1@1s
                  t1 fired; a#2 started
        after     effects run a#2 from 20
    ",
    );
}

#[test]
fn the_same_attempt_gets_it_after_a_crash() {
    check(
        r#"
        workflow  a
        given     start; beat a {"row":7}; interrupt a
        when      take_up a
        then      taken up: a#1
        after     effects run a#1 from {"row":7}
    "#,
    );
}

#[test]
fn a_heartbeat_of_an_attempt_that_is_over_is_refused() {
    check(
        "
        workflow  a retry 2; b needs a
        given     start; fail a; fire t1 @1s
        when      beat a#1 1; beat b 1; complete a#2; beat a#2 1
        then      rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 0 of step `b`
                  a#2 completed; b#1 started
                  rejected: ignored: stale attempt 2 of step `a`
    ",
    );
}

#[test]
fn what_a_completed_step_had_reached_is_forgotten_and_what_a_failed_one_had_is_kept_for_a_retry() {
    check(
        "
        workflow  a; b
        given     start; beat a 1; beat b 2; complete a; fail b E
        when      retry
        then      run retried; b#2 started
        after     effects run b#2 from 2
    ",
    );
}

#[test]
fn a_cancelled_attempt_may_still_say_how_far_it_is() {
    check(
        "
        workflow  a
        given     start; cancel
        when      beat a 5; shutdown a; retry
        then      a#1 heartbeat 5
                  shut down: a#1; cancelled: a; run cancelled
                  run retried; a#2 started
        after     effects run a#2 from 5
    ",
    );
}

#[test]
fn a_paused_run_records_heartbeats() {
    check(
        "
        workflow  a
        given     start; pause
        when      beat a 5
        then      a#1 heartbeat 5
    ",
    );
}
