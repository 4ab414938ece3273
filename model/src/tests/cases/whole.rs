//! Cases of what is shared and of runs as a whole: slots, breakers, pauses, migrations, retries, starts, the end of values.

use crate::tests::check;

#[test]
fn a_slot_that_was_not_asked_for_is_refused_and_one_is_held_once() {
    check(
        "
        workflow  run limit 1; a limit 1; b
        given     start
        when      grant a#1; grant #2; grant #1; grant #1; grant a#9; grant a#2; grant a#2
        then      rejected: nothing waits for this slot
                  rejected: nothing waits for this slot
                  run granted #1; a#1 queued #2 for test/a; b#1 started
                  rejected: the slot is held already
                  rejected: nothing waits for this slot
                  a granted #2; a#1 started
                  rejected: the slot is held already
        after     slots run+ a+
    ",
    );
}

#[test]
fn a_step_that_waits_for_a_slot_ends_with_a_run_that_times_out() {
    check(
        "
        workflow  run timeout 5s; a limit 1
        given     start
        when      fire t1 @5s; grant a#1; retry; grant a#1; grant a#2
        then      t1 fired; not reached: a; run failed: NX3010 run timed out after 5000 ms
                  rejected: the run has ended (failed)
                  run retried timeout t2@10s; a#1 queued #2 for test/a
                  rejected: nothing waits for this slot
                  a granted #2; a#1 started
    ",
    );
}

#[test]
fn a_step_that_waits_for_a_breaker_ends_with_a_run_that_times_out() {
    check(
        "
        workflow  run timeout 5s; a breaker pay
        given     start
        when      fire t1 @5s; allow a#1; retry; allow a#1; refuse a#2; allow a#2
        then      t1 fired; not reached: a; run failed: NX3010 run timed out after 5000 ms
                  rejected: nothing waits for this answer of the breaker
                  run retried timeout t2@10s; a#1 asks pay #2
                  rejected: nothing waits for this answer of the breaker
                  a refused #2; a failed NX3045 the circuit breaker of `pay` is open; run failed at a: NX3045 the circuit breaker of `pay` is open
                  rejected: nothing waits for this answer of the breaker
    ",
    );
}

#[test]
fn a_paused_step_does_not_hold_up_a_run_that_times_out() {
    check(
        "
        workflow  run timeout 5s; a; b needs a
        given     start; pause_step b; complete a
        when      fire t1 @5s; resume_step b
        then      t1 fired; not reached: b; run failed: NX3010 run timed out after 5000 ms
                  rejected: the run has ended (failed)
    ",
    );
}

#[test]
fn a_step_is_paused_once_and_resumed_once() {
    check(
        "
        workflow  a; b needs a
        given     start
        when      pause_step b; pause_step b; resume_step a; resume_step b; resume_step b
        then      b paused
                  rejected: step `b` is paused already
                  rejected: step `a` is not paused
                  b resumed
                  rejected: step `b` is not paused
    ",
    );
}

#[test]
fn a_held_run_does_not_time_out_and_is_held_once() {
    check(
        "
        workflow  run timeout 5s; a
        given     start; hold wf
        when      fire t1 @5s; hold wf; release @6s; release; fire t1
        then      rejected: timer 1 waits for the end of a pause
                  rejected: the run is paused already
                  released
                  rejected: the run is not paused
                  t1 fired; stop: a
    ",
    );
}

#[test]
fn a_pause_of_a_cancelled_run_ends_with_it() {
    check(
        "
        workflow  a
        given     start; cancel
        when      pause; pause; fail a; resume
        then      paused
                  rejected: the run is paused already
                  a#1 attempt failed E; cancelled: a; run cancelled
                  rejected: the run has ended (cancelled)
    ",
    );
}

#[test]
fn a_run_is_cancelled_once() {
    check(
        "
        workflow  a
        given     start
        when      cancel; cancel; waive; fail a; cancel
        then      cancel requested; stop: a
                  rejected: the run is being cancelled already
                  rejected: the run is being cancelled already
                  a#1 attempt failed E; cancelled: a; run cancelled
                  rejected: the run has ended (cancelled)
    ",
    );
}

#[test]
fn a_retried_run_is_retried_once_and_can_be_cancelled() {
    check(
        "
        workflow  a; b needs a
        given     start; fail a
        when      retry; retry; fail a#1; cancel; retry; fail a#2; retry
        then      run retried; a#2 started
                  rejected: the run is running; only a failed or cancelled run can be retried
                  rejected: ignored: stale attempt 1 of step `a`
                  cancel requested; stop: a; not reached: b
                  rejected: the run is cancelling; only a failed or cancelled run can be retried
                  a#2 attempt failed E; cancelled: a; run cancelled
                  run retried; a#3 started
    ",
    );
}

#[test]
fn a_migrated_run_keeps_the_time_it_has() {
    check(
        "
        workflow  run timeout 5s; a; b needs a
        other     run timeout 99s; a; c needs a
        given     start
        when      migrate @1s; fire t1 @5s; fail a
        then      migrated 0 –
                  t1 fired; stop: a; not reached: c
                  a#1 attempt failed E; cancelled: a; run failed: NX3010 run timed out
    ",
    );
}

#[test]
fn a_migrated_run_without_a_time_in_its_new_definition_keeps_the_time_it_has() {
    check(
        "
        workflow  run timeout 5s; a; b needs a
        other     a; c needs a
        given     start
        when      migrate @1s; fire t1 @5s; fail a
        then      migrated 0 –
                  t1 fired; stop: a; not reached: c
                  a#1 attempt failed E; cancelled: a; run failed: NX3010 run timed out
    ",
    );
}

#[test]
fn a_migrated_run_gets_no_time_from_its_new_definition() {
    check(
        "
        workflow  a; b needs a
        other     run timeout 5s; a; c needs a
        given     start
        when      migrate @1s
        then      migrated 0 –
        after     timers none
    ",
    );
}

#[test]
fn a_run_is_migrated_once() {
    check(
        "
        workflow  a; b needs a
        other     a; c needs a
        given     start
        when      migrate; migrate; migrate retry
        then      migrated 0 –
                  rejected: it cannot go on with the new definition: it has this definition already
                  rejected: it cannot go on with the new definition: it has this definition already; it has not ended, so that nothing can be retried (running)
    ",
    );
}

#[test]
fn a_cancelled_run_is_migrated_only_by_a_retry() {
    check(
        "
        workflow  a; b needs a
        other     a; c needs a
        given     start; cancel
        when      migrate; migrate retry; fail a; migrate; migrate retry; migrate retry
        then      rejected: it cannot go on with the new definition: it is ending (cancelling)
                  rejected: it cannot go on with the new definition: it is ending (cancelling)
                  a#1 attempt failed E; cancelled: a; run cancelled
                  rejected: it cannot go on with the new definition: it has ended (cancelled)
                  migrated 0 –; run retried; a#2 started
                  rejected: it cannot go on with the new definition: it has this definition already; it has not ended, so that nothing can be retried (running)
    ",
    );
}

#[test]
fn a_run_is_started_once_also_after_its_end() {
    check(
        "
        workflow  run timeout 5s; a
        given     start
        when      start; start 5; fire t1 @5s; start; fail a; start
        then      rejected: the run was started already
                  rejected: the run was started already
                  t1 fired; stop: a
                  rejected: the run was started already
                  a#1 attempt failed E; cancelled: a; run failed: NX3010 run timed out after 5000 ms
                  rejected: the run was started already
    ",
    );
}

#[test]
fn a_run_that_goes_on_is_not_forgotten() {
    check(
        "
        workflow  a
        given     start
        when      forget; pause; forget; resume; cancel; forget; fail a; forget
        then      rejected: the run is running; only a run that has ended can be forgotten
                  paused
                  rejected: the run is running; only a run that has ended can be forgotten
                  resumed
                  cancel requested; stop: a
                  rejected: the run is cancelling; only a run that has ended can be forgotten
                  a#1 attempt failed E; cancelled: a; run cancelled
                  forgotten
    ",
    );
}

#[test]
fn a_forgotten_run_takes_nothing_more() {
    check(
        "
        workflow  a
        given     start; complete a; forget
        when      forget; retry; cancel; pause; complete a#1; signal s; start
        then      rejected: the run is forgotten
                  rejected: the run is forgotten
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run was started already
    ",
    );
}

#[test]
fn a_run_that_timed_out_is_forgotten() {
    check(
        "
        workflow  run timeout 5s; a
        given     start; fire t1 @5s; fail a
        when      forget; fire t1; retry
        then      forgotten
                  rejected: the run has ended (failed)
                  rejected: the run is forgotten
    ",
    );
}

#[test]
fn an_attempt_that_is_cut_off_ends_with_a_run_that_times_out() {
    check(
        "
        workflow  run timeout 5s; a; b
        given     start; interrupt a b
        when      fire t1 @5s; fail b; take_up a
        then      t1 fired; stop: a b
                  b#1 attempt failed E; cancelled: b
                  rejected: attempt 1 of step `a` does not rest
    ",
    );
}

#[test]
fn an_attempt_that_is_cut_off_is_cancelled_and_not_carried_on() {
    check(
        "
        workflow  a; b
        given     start; interrupt a
        when      cancel; take_up a; fail b
        then      cancel requested; stop: a b
                  rejected: attempt 1 of step `a` does not rest
                  b#1 attempt failed E; cancelled: b
    ",
    );
}
