//! Starting: runs, and attempts as long as there is room.

use super::bench::Bench;
use super::check;
use crate::command::Command;
use crate::event::{LABELS_MAX, RunStarted};
use crate::rejection::Rejection;

#[test]
fn a_run_starts_once() {
    check(
        "
        workflow  a
        given     start
        when      start
        then      rejected: the run was started already
    ",
    );
}

#[test]
fn a_run_with_more_labels_than_can_be_is_refused() {
    let start = |count: usize| {
        let mut bench = Bench::of("a");
        let label = |number: usize| (number.to_string(), String::new());
        let labels = (0..count).map(label).collect();
        let definition = bench.plan.hash();
        let started = RunStarted { definition, labels, ..RunStarted::default() };
        bench.act(&Command::StartRun(Box::new(started))).map(|_| ())
    };
    assert_eq!(start(LABELS_MAX), Ok(()));
    let count = LABELS_MAX + 1;
    assert_eq!(start(count), Err(Rejection::TooManyLabels { count }));
}

#[test]
fn before_the_start_nothing_is_done() {
    check(
        "
        workflow  a
        when      complete a#1; fire t1; pause; resume; cancel; retry; offer; interrupt a#1
        then      rejected: the run was not started
                  rejected: the run was not started
                  rejected: the run was not started
                  rejected: the run was not started
                  rejected: the run was not started
                  rejected: the run was not started
                  rejected: the run was not started
                  rejected: the run was not started
        after     run running; ready a
    ",
    );
}

#[test]
fn an_ended_run_takes_no_command_but_retry() {
    check("
        workflow  a
        given     start; complete a
        when      start; complete a#1; fail a#1; interrupt a#1; fire t1; pause; resume; cancel; offer; retry
        then      rejected: the run was started already
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run has ended (completed)
                  rejected: the run is completed; only a failed or cancelled run can be retried
    ");
}

#[test]
fn only_as_many_attempts_start_as_there_are_slots() {
    check(
        "
        workflow  a; b; c; d
        when      start slots=2
        then      run started; a#1 started; b#1 started
        after     ready c d; parked false
    ",
    );
}

#[test]
fn a_free_slot_goes_to_the_first_step_that_is_ready() {
    check(
        "
        workflow  a; b; c needs a
        given     start slots=1
        when      complete a slots=1
        then      a#1 completed; b#1 started
        after     ready c
    ",
    );
}

#[test]
fn offered_slots_start_what_was_ready() {
    check(
        "
        workflow  a; b; c
        given     start slots=0
        when      offer slots=2; offer slots=0; offer slots=9; offer
        then      slots offered; a#1 started; b#1 started
                  rejected: nothing is ready to start
                  slots offered; c#1 started
                  rejected: nothing is ready to start
    ",
    );
}

#[test]
fn a_report_of_an_attempt_that_is_not_under_way_is_stale() {
    check(
        "
        workflow  a retry 2; b needs a; c
        given     start; fail a
        when      complete a#1; complete a#2; fail b#1; complete c#2; complete nothing#1
        then      rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 2 of step `a`
                  rejected: ignored: stale attempt 1 of step `b`
                  rejected: ignored: stale attempt 2 of step `c`
                  rejected: ignored: stale attempt 1 of step ``
    ",
    );
}

#[test]
fn a_late_report_after_the_retry_is_stale() {
    check(
        "
        workflow  a retry 2
        given     start; fail a; fire t1 @1s
        when      complete a#1; complete a#2
        then      rejected: ignored: stale attempt 1 of step `a`
                  a#2 completed; run completed
    ",
    );
}
