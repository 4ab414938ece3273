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

#[test]
fn any_ok_begins_at_the_first_and_the_others_go_on() {
    check(
        "
        workflow  a; b; c needs a,b any_ok; d needs c
        given     start
        when      complete b; complete c; complete a; complete d
        then      b#1 completed; c#1 started
                  c#1 completed; d#1 started
                  a#1 completed
                  d#1 completed; run completed
    ",
    );
}

#[test]
fn any_ok_begins_once() {
    check(
        "
        workflow  a; b; c needs a,b any_ok if true
        given     start; pause; complete a; complete b
        when      resume
        then      resumed; c#1 started
        after     ready none
    ",
    );
}

#[test]
fn any_ok_lets_a_need_fail_while_another_may_complete() {
    check(
        "
        workflow  a; b; c needs a,b any_ok
        given     start
        when      fail a E; complete b; complete c
        then      a#1 attempt failed E; a failed E, continued
                  b#1 completed; c#1 started
                  c#1 completed; run completed
    ",
    );
}

#[test]
fn any_ok_is_not_reached_when_every_need_failed() {
    check(
        "
        workflow  a; b; c needs a,b any_ok
        given     start; fail a E
        when      fail b F
        then      b#1 attempt failed F; b failed F; not reached: c; run failed at b: F
    ",
    );
}

#[test]
fn any_ok_ignores_a_failure_after_it_began() {
    check(
        "
        workflow  a; b; c needs a,b any_ok
        given     start; complete a; complete c
        when      fail b E
        then      b#1 attempt failed E; b failed E, continued; run completed
    ",
    );
}

#[test]
fn a_failure_that_others_need_fails_the_run_all_the_same() {
    check(
        "
        workflow  a; b; c needs a,b any_ok; d needs a
        given     start
        when      fail a E; complete b
        then      a#1 attempt failed E; a failed E; stop: b; not reached: c d
                  b#1 completed; run failed at a: E
    ",
    );
}

#[test]
fn an_alarm_of_a_failure_that_does_not_matter_runs() {
    check(
        "
        workflow  a; b; c needs a,b any_ok; alarm needs a any_failed
        given     start
        when      fail a E
        then      a#1 attempt failed E; a failed E, continued; alarm#1 started
    ",
    );
}

#[test]
fn any_ok_waits_on_when_a_need_is_skipped() {
    check(
        "
        workflow  a if false; b; c needs a,b any_ok
        given     start
        when      complete b
        then      b#1 completed; c#1 started
    ",
    );
}

#[test]
fn any_ok_is_content_with_a_skipped_need_if_there_is_no_other() {
    check(
        "
        workflow  a if false; b if false; c needs a,b any_ok
        when      start
        then      run started; a skipped: false is false; b skipped: false is false; c#1 started
    ",
    );
}

#[test]
fn a_need_whose_output_cannot_be_mapped_has_not_completed() {
    check(
        "
        workflow  a maps ${{ this.output.x.y }}; b; c needs a,b any_ok
        given     start
        when      complete a; complete b
        then      a#1 completed; a failed NX2102, continued
                  b#1 completed; c#1 started
    ",
    );
}

#[test]
fn any_ok_is_cancelled_and_not_reached_like_others() {
    check(
        "
        workflow  a; b; c needs a,b any_ok; d needs c
        given     start
        when      cancel; complete a; fail b E
        then      cancel requested; stop: a b; not reached: c d
                  a#1 completed
                  b#1 attempt failed E; cancelled: b; run cancelled
    ",
    );
}

#[test]
fn a_retried_run_does_not_begin_again_what_began_at_the_first() {
    check(
        "
        workflow  a; b; c needs a,b any_ok; d needs b
        given     start; complete a; complete c; fail b E
        when      retry; complete b; complete d
        then      run retried; b#2 started
                  b#2 completed; d#1 started
                  d#1 completed; run completed
    ",
    );
}
