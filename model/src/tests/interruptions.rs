//! Interruptions: attempts cut off by the end of a process.

use super::check;

#[test]
fn an_interrupted_attempt_runs_again_under_its_number() {
    check("
        workflow  a; b
        given     start
        when      interrupt a b; complete a; complete b
        then      interrupted: a#1 b#1; a#1 completed may repeat; b#1 completed may repeat; run completed
    ");
}

#[test]
fn an_interruption_does_not_use_up_attempts() {
    check(
        "
        workflow  a retry 2
        given     start; interrupt a; take_up a; interrupt a
        when      fail a
        then      a#1 attempt failed E; a#2 retry t1@1s
    ",
    );
}

#[test]
fn an_attempt_interrupted_twice_runs_alone() {
    check(
        "
        workflow  a; b
        given     start; interrupt a b; take_up a; take_up b
        when      interrupt a
        then      interrupted: a#1
        after     effects resume a#1 alone, run b#1
    ",
    );
}

#[test]
fn an_attempt_interrupted_alone_fails() {
    check("
        workflow  a retry 9; b needs a
        given     start; interrupt a; take_up a; interrupt a; take_up a
        when      interrupt a
        then      interrupted: a#1
                  a failed NX3013 the engine's process ended 3 times while this step ran; not reached: b
                  run failed at a: NX3013 the engine's process ended 3 times while this step ran
    ");
}

#[test]
fn an_orderly_end_does_not_count() {
    check(
        "
        workflow  a
        given     start; shutdown a; shutdown a; shutdown a; shutdown a
        when      complete a
        then      a#1 completed may repeat; run completed
    ",
    );
}

#[test]
fn an_attempt_that_was_not_called_repeats_nothing() {
    check(
        "
        workflow  a
        given     start
        when      uncalled a; take_up a; uncalled a; interrupt a; take_up a; complete a
        then      not called: a#1; taken up: a#1; not called: a#1; interrupted: a#1
                  taken up: a#1; a#1 completed; run completed
    ",
    );
}

#[test]
fn an_attempt_that_was_called_before_may_repeat_though_it_was_not_called_again() {
    check(
        "
        workflow  a
        given     start; interrupt a; take_up a; uncalled a; take_up a
        when      complete a
        then      a#1 completed may repeat; run completed
    ",
    );
}

#[test]
fn the_next_attempt_counts_afresh() {
    check(
        "
        workflow  a retry 2
        given     start; interrupt a; take_up a; interrupt a; fail a; fire t1 @1s
        when      complete a
        then      a#2 completed; run completed
    ",
    );
}

#[test]
fn a_stopping_attempt_that_is_interrupted_has_stopped() {
    check(
        "
        workflow  a; b; c deadline 5s continue
        given     start; fire t1 @5s; fail a E
        when      interrupt b c
        then      interrupted: b#1 c#1; cancelled: b
                  c failed NX3003 deadline of 5000 ms over all attempts passed, continued
                  run failed at a: E
    ",
    );
}

#[test]
fn an_attempt_interrupted_with_the_one_that_fails_the_run_has_stopped() {
    check("
        workflow  a; b
        given     start; interrupt a; take_up a; interrupt a; take_up a
        when      interrupt a b
        then      interrupted: a#1 b#1
                  a failed NX3013 the engine's process ended 3 times while this step ran; cancelled: b
                  run failed at a: NX3013 the engine's process ended 3 times while this step ran
    ");
}

#[test]
fn an_unknown_attempt_in_the_list_refuses_all_of_it() {
    check(
        "
        workflow  a; b needs a
        given     start
        when      interrupt a b#1; interrupt a#2
        then      rejected: ignored: stale attempt 1 of step `b`
                  rejected: ignored: stale attempt 2 of step `a`
    ",
    );
}

#[test]
fn an_attempt_named_twice_counts_once() {
    check(
        "
        workflow  a
        given     start
        when      interrupt a a a a
        then      interrupted: a#1
        after     effects resume a#1
    ",
    );
}

/// What rests is not at work: whatever ends the process, it was not that.
#[test]
fn an_attempt_that_rests_is_not_blamed() {
    check(
        "
        workflow  a
        given     start; interrupt a; take_up a; interrupt a
        when      interrupt a; interrupt a; shutdown a
        then      interrupted: a#1; interrupted: a#1; shut down: a#1
        after     effects resume a#1 alone
    ",
    );
}

#[test]
fn an_attempt_that_was_taken_up_is_blamed_again_also_after_an_orderly_end() {
    check(
        "
        workflow  a
        given     start; shutdown a; take_up a; interrupt a; take_up a; interrupt a
        when      take_up a; interrupt a
        then      taken up: a#1; interrupted: a#1
                  a failed NX3013 the engine's process ended 3 times while this step ran
                  run failed at a: NX3013 the engine's process ended 3 times while this step ran
    ",
    );
}

#[test]
fn only_an_attempt_that_rests_is_taken_up() {
    check(
        "
        workflow  a; b
        given     start; interrupt b
        when      take_up a; take_up a#2; take_up b; take_up b
        then      rejected: attempt 1 of step `a` does not rest
                  rejected: ignored: stale attempt 2 of step `a`
                  taken up: b#1
                  rejected: attempt 1 of step `b` does not rest
    ",
    );
}

#[test]
fn an_attempt_that_is_to_stop_is_not_taken_up() {
    check(
        "
        workflow  a
        given     start; interrupt a; cancel
        when      take_up a; shutdown a
        then      rejected: attempt 1 of step `a` does not rest
                  shut down: a#1; cancelled: a; run cancelled
    ",
    );
}

/// The end of this process is not the doing of a worker, which is another one.
#[test]
fn an_interruption_does_not_count_against_the_attempt_of_a_worker() {
    check(
        "
        workflow  a by_worker retry 2; b
        given     start; interrupt a b; take_up a; take_up b; interrupt a b; take_up a; take_up b
        when      interrupt a; take_up a; interrupt a
        then      interrupted: a#1; taken up: a#1; interrupted: a#1
        after     effects resume a#1, run b#1
    ",
    );
    check(
        "
        workflow  a by_worker retry 2
        given     start; interrupt a; take_up a; interrupt a; take_up a; interrupt a; take_up a
        when      fail a; interrupt a; fire t1 @1s; complete a#1; complete a#2
        then      a#1 attempt failed E; a#2 retry t1@1s
                  rejected: ignored: stale attempt 1 of step `a`
                  t1 fired; a#2 started
                  rejected: ignored: stale attempt 1 of step `a`
                  a#2 completed; run completed
    ",
    );
}

#[test]
fn nor_against_its_items_and_its_undo() {
    check(
        "
        workflow  a for_each 2 concurrency 1 by_worker
        given     start; interrupt a[0]; resume_attempt a[0]; interrupt a[0]; resume_attempt a[0]
        when      interrupt a[0]; resume_attempt a[0]; complete a[0] 7
        then      interrupted: a[0]#1; a[0]#1 resumed; a[0]#1 completed 7 may repeat; a[1]#1 started
    ",
    );
    check(
        "
        workflow  run undoes; a undo_by_worker; b needs a
        given     start; complete a; fail b E; interrupt a#2; take_up a#2; interrupt a#2; take_up a#2
        when      interrupt a#2; take_up a#2; complete a#2
        then      interrupted: a#2; taken up: a#2; a#2 undone may repeat; run failed at b: E
    ",
    );
}
