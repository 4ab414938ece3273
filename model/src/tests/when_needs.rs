//! `when_needs`: which ends of needs let a step run.

use super::check;

#[test]
fn a_continued_failure_counts_as_ok() {
    check("
        workflow  a continue; b needs a
        given     start
        when      fail a E; complete b
        then      a#1 attempt failed E; a failed E, continued; b#1 started; b#1 completed; run completed
    ");
}

#[test]
fn a_skipped_need_counts_as_ok() {
    check(
        "
        workflow  a if false; b needs a
        when      start
        then      run started; a skipped: false is false; b#1 started
    ",
    );
}

#[test]
fn all_done_runs_however_its_needs_ended() {
    check(
        "
        workflow  a continue; b if false; c needs a,b all_done
        given     start
        when      fail a
        then      a#1 attempt failed E; a failed E, continued; c#1 started
    ",
    );
}

#[test]
fn any_failed_runs_if_a_need_failed() {
    check(
        "
        workflow  a continue; b; alarm needs a,b any_failed
        given     start; fail a
        when      complete b
        then      b#1 completed; alarm#1 started
    ",
    );
}

#[test]
fn any_failed_is_not_reached_if_all_went_well_and_neither_is_what_needs_it() {
    check("
        workflow  a; alarm needs a any_failed; after needs alarm; report needs after; last needs after all_done
        given     start
        when      complete a
        then      a#1 completed; not reached: alarm; not reached: after; not reached: report
                  last#1 started
        after     run running
    ");
}

#[test]
fn one_wave_is_one_event() {
    check(
        "
        workflow  a; b needs a any_failed; c needs a any_failed; d needs b; e needs c; f needs b,c
        given     start
        when      complete a
        then      a#1 completed; not reached: b c; not reached: d e f; run completed
    ",
    );
}

#[test]
fn a_step_that_is_not_reached_does_not_ask_its_condition() {
    check(
        "
        workflow  a; b needs a any_failed; c needs b if false
        given     start
        when      complete a
        then      a#1 completed; not reached: b; not reached: c; run completed
    ",
    );
}
