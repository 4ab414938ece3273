//! Retrying a run whose steps are the calls of a function: calls that failed are tried again, and the function gets what they come
//! to then, as if it had never got the failure.

use super::bench::Bench;
use super::{check, notation, show};
use crate::codec::{decode_run, encode_run, state_hash};
use crate::command::Command;
use crate::id::StepIndex;

#[test]
fn the_call_whose_failure_the_function_returned_is_tried_again() {
    check(
        "
        workflow  run code
        given     start; calls 0 a; complete a 1; calls 1 b; fail b E
        when      returns 2 fails E; retry; complete b#2 2; returns 2 3
        then      returns in turn 2: E; run failed at b: E; run retried; b#2 started; b#2 completed 2
                  returns in turn 2: 3; run completed 3
    ",
    );
}

#[test]
fn a_step_that_was_cut_off_too_often_is_tried_again() {
    check(
        "
        workflow  run code
        given     start; calls 0 a; interrupt a; take_up a; interrupt a; take_up a; interrupt a
        when      returns 1 fails NX3013; retry; interrupt a#2; take_up a#2; complete a#2
        then      returns in turn 1: NX3013; run failed: NX3013 it broke; run retried; a#2 started; interrupted: a#2; taken up: a#2
                  a#2 completed may repeat
        after     run running; a completed; function 0
    ",
    );
}

#[test]
fn attempts_are_counted_anew() {
    check(
        "
        workflow  run code
        given     start; calls 0 a retry 2; fail a E; fire t1 @1s; fail a#2 E
        when      returns 1 fails E @2s; retry @2s; fail a#3 E @2s
        then      returns in turn 1: E; run failed at a: E; run retried; a#3 started; a#3 attempt failed E; a#4 retry t2@3s
    ",
    );
}

#[test]
fn what_the_function_got_in_silence_it_gets_again_and_what_failed_is_tried_again() {
    check(
        "
        workflow  run code
        given     start; calls 0 a | b | c; complete a 1; fail b E; complete c 3
        when      returns 3 fails E; retry; calls 1 d; complete b#2 2; returns 3 4; complete d
        then      returns in turn 3: E; run failed at b: E; run retried; b#2 started; calls in turn 1: d@0; d#1 started
                  b#2 completed 2; returns in turn 3: 4; stop: d; d#1 completed; run completed 4
    ",
    );
}

#[test]
fn what_was_open_begins_anew_and_what_completed_while_the_run_ended_is_kept() {
    check(
        "
        workflow  run code
        given     start; calls 0 a | b | nap sleep 5000 | go wait_for go; fail a E; returns 1 fails E; complete b 2
        when      retry @9s; signal go 7; complete a#2 1
        then      run retried; nap sleeps t2@14s; go waits for go; a#2 started; signal go 7; go takes signal 1; go#2 completed 7; a#2 completed 1
        after     b completed; nap sleeping; function 0
    ",
    );
}

#[test]
fn a_function_that_said_something_since_has_consumed_the_failure() {
    check(
        "
        workflow  run code
        given     start; calls 0 a; fail a E; calls 1 amends; complete amends
        when      returns 2 fails E; retry
        then      returns in turn 2: E; run failed: E
                  rejected: the function of this run failed by itself, after all that its calls came to, and would fail again: the run cannot be retried
    ",
    );
}

#[test]
fn a_function_that_failed_without_a_call_would_fail_again() {
    check(
        "
        workflow  run code
        given     start; calls 0 a | b; complete a; fail b E
        when      returns 1 fails OWN; retry
        then      returns in turn 1: OWN; run failed: OWN
                  rejected: the function of this run failed by itself, after all that its calls came to, and would fail again: the run cannot be retried
    ",
    );
}

#[test]
fn a_run_that_was_cancelled_or_too_slow_goes_on() {
    check(
        "
        workflow  run code timeout 5s
        given     start; calls 0 a | b; complete a 1; cancel enough; complete b 2
        when      retry @1s; calls 2 c @1s; fire t2 @6s; complete c @6s; retry @7s; returns 3 5
        then      run retried timeout t2@6s; calls in turn 2: c@0; c#1 started; t2 fired; stop: c; c#1 completed; run failed: NX3010 run timed out after 5000 ms; run retried timeout t3@12s
                  returns in turn 3: 5; run completed 5
    ",
    );
}

#[test]
fn what_was_undone_is_not_done_again() {
    check(
        "
        workflow  run code undoes
        given     start; calls 0 a undo; complete a; calls 1 b; fail b E; returns 2 fails E; complete a
        when      retry
        then      rejected: a retry would keep the results of `a`, but they were undone
    ",
    );
}

#[test]
fn a_round_that_failed_is_tried_again_by_its_calls() {
    check(
        "
        workflow  run code
        given     start; calls 0 a | left; complete a; again 1 1; complete left; calls 0 b; fail b@2 E; returns 1 fails E
        when      retry; complete b@2#2; again 1 2; calls 0 c
        then      run retried; b@2#2 started; b@2#2 completed; goes again in turn 1: 2; calls in turn 0: c@3@0; c@3#1 started
    ",
    );
}

#[test]
fn a_run_that_failed_and_one_that_was_retried_survive_as_snapshots() {
    let mut bench = Bench::of("run code");
    for line in [
        "start",
        "calls 0 a | b | c",
        "complete a 1",
        "fail b E",
        "returns 2 fails E",
        "complete c 3",
        "retry",
        "fail b#2 E",
        "returns 3 fails E",
        "retry",
    ] {
        bench.play(line).unwrap_or_else(|rejection| panic!("{line}: {rejection}"));
        let bytes = encode_run(&bench.plan, &bench.run);
        let read = decode_run(&bench.plan, &bytes).expect("the run");
        assert_eq!(read, bench.run, "{line}");
        assert_eq!(state_hash(&bench.plan, &read), state_hash(&bench.plan, &bench.run), "{line}");
    }
}

#[test]
fn a_run_fails_at_the_call_that_failed_as_its_function_did() {
    for (fails, at) in [("E_A", " at a"), ("E_B", " at b"), ("E_C", "")] {
        check(&format!(
            "
            workflow  run code
            given     start; calls 0 a | b; fail a E_A; fail b E_B
            when      returns 2 fails {fails}
            then      returns in turn 2: {fails}; run failed{at}: {fails}
        "
        ));
    }
}

#[test]
fn a_number_is_free_once_a_step_of_an_earlier_round_was_cancelled_with_the_run() {
    check(
        "
        workflow  run code
        given     start; calls 0 a | x; complete x; again 1 1; calls 0 b; fail b@2 E; returns 1 fails E
        when      shutdown a; retry; complete b@2; calls 1 c
        then      shut down: a#1; cancelled: a; run failed at b@2: E
                  run retried; b@2#2 started
                  b@2#2 completed; calls in turn 1: c@2@0; c@2#1 started
    ",
    );
}

#[test]
fn what_was_ended_after_the_function_had_returned_does_not_begin_anew() {
    check(
        "
        workflow  run code
        given     start; calls 0 fast | slow; complete fast; returns 1 7; cancel enough; shutdown slow
        when      retry
        then      run retried; run completed 7
        after     slow cancelled
    ",
    );
}

#[test]
fn of_calls_that_failed_alike_the_one_that_was_handed_on_counts_or_else_the_last() {
    for (step, at) in [(None, " at b"), (Some(0), " at a"), (Some(1), " at b")] {
        let mut bench = Bench::of("run code");
        for line in ["start", "calls 0 a | b", "fail a E", "fail b E"] {
            bench.play(line).unwrap();
        }
        let Command::ReturnFunction(mut returned) =
            notation::command(&mut bench, "returns 2 fails E")
        else {
            panic!("a function returns")
        };
        returned.step = step.map(StepIndex);
        let transition = bench.act(&Command::ReturnFunction(returned)).unwrap();
        let last = transition.events.last().expect("the run has ended");
        assert_eq!(show::event(&bench.plan, last), format!("run failed{at}: E"));
    }
}
