//! Calls: a step with a circuit breaker asks it before each attempt.

use super::bench::Bench;
use super::{check, notation};
use crate::breaker::CallOutcome;
use crate::command::Command;
use crate::decide::SlotChange;
use crate::id::{ItemIndex, StepIndex};
use crate::limit::Ticket;
use crate::rejection::Rejection;

#[test]
fn a_step_starts_when_its_breaker_allows_it() {
    check(
        "
        workflow  a breaker pay; b needs a
        when      start; allow a#1; complete a
        then      run started; a#1 asks pay #1
                  a allowed #1; a#1 started
                  a#1 completed; b#1 started
        after     slots none; calls pay ok; effects run b#1
    ",
    );
}

#[test]
fn a_run_that_only_waits_for_a_breaker_still_needs_an_engine() {
    check(
        "
        workflow  a breaker pay
        given     start
        when      offer
        then      rejected: nothing is ready to start
        after     slots a?; parked false; effects
    ",
    );
}

#[test]
fn each_attempt_asks_anew_and_each_outcome_is_told() {
    check(
        "
        workflow  a breaker pay retry 2
        given     start; allow a#1; fail a
        when      fire t1 @1s; allow a#2; complete a
        then      t1 fired; a#2 asks pay #2; a allowed #2; a#2 started; a#2 completed; run completed
        after     calls pay failed pay ok
    ",
    );
}

#[test]
fn a_refused_step_fails_and_its_fallback_runs() {
    check(
        "
        workflow  a breaker pay hurried; b needs a any_failed
        given     start
        when      refuse a#1
        then      a refused #1; a failed NX3045 the circuit breaker of `pay` is open; b#1 started
        after     slots none; calls pay unknown
    ",
    );
    check(
        "
        workflow  a breaker pay hurried continue; b needs a
        given     start
        when      refuse a#1
        then      a refused #1; a failed NX3045 the circuit breaker of `pay` is open, continued; b#1 started
    ",
    );
}

#[test]
fn a_step_that_is_refused_after_attempts_of_its_own_is_not_tried_again_and_says_what_they_failed_with()
 {
    check(
        "
        workflow  a breaker pay hurried retry 5; b needs a any_failed; c set {\"why\":\"${{ steps.a.error.details }}\"} needs a any_failed
        given     start; allow a#1; fail a
        when      fire t1 @1s; refuse a#2; complete b
        then      t1 fired; a#2 asks pay #2
                  a refused #2
                  a failed NX3045 the circuit breaker of `pay` is open, and the last attempt failed: E it broke
                  c#1 completed {\"why\":\"E it broke\"}
                  b#1 started
                  b#1 completed
                  run failed at a: NX3045 the circuit breaker of `pay` is open, and the last attempt failed: E it broke
        after     slots none; calls pay failed pay unknown
    ",
    );
}

#[test]
fn a_step_that_is_refused_after_the_run_was_retried_has_failed_with_nothing_since() {
    check(
        "
        workflow  a breaker pay hurried
        given     start; allow a#1; fail a; retry
        when      refuse a#2
        then      a refused #2; a failed NX3045 the circuit breaker of `pay` is open; run failed at a: NX3045 the circuit breaker of `pay` is open
    ",
    );
}

#[test]
fn the_target_is_an_expression_and_not_nothing() {
    check(
        "
        workflow  a breaker ${{inputs.who}}
        when      start {\"who\":\"acme\"}
        then      run started; a#1 asks acme #1
    ",
    );
    check(
        "
        workflow  a breaker ${{inputs.who}}
        when      start {\"who\":null}
        then      run started
                  a failed NX4164 `target` of `breaker` is nothing; it needs a name
                  run failed at a: NX4164 `target` of `breaker` is nothing; it needs a name
    ",
    );
}

#[test]
fn a_slot_comes_before_the_breaker() {
    check(
        "
        workflow  a limit 1 breaker pay
        when      start; grant a#1; allow a#2; fail a
        then      run started; a#1 queued #1 for test/a
                  a granted #1; a#1 asks pay #2
                  a allowed #2; a#1 started
                  a#1 attempt failed E; a failed E; run failed at a: E
        after     slots none; calls pay failed
    ",
    );
}

#[test]
fn an_answer_that_comes_twice_or_too_late_changes_nothing() {
    check(
        "
        workflow  a breaker pay; b
        given     start; allow a#1
        when      allow a#1; refuse a#1; allow a#9; complete a; allow a#1; complete b; allow a#1
        then      rejected: the attempt is allowed already
                  rejected: the attempt is allowed already
                  rejected: nothing waits for this answer of the breaker
                  a#1 completed
                  rejected: nothing waits for this answer of the breaker
                  b#1 completed; run completed
                  rejected: nothing waits for this answer of the breaker
    ",
    );
}

#[test]
fn a_cancelled_run_asks_no_breaker_and_tells_it_nothing_bad() {
    check(
        "
        workflow  a breaker pay; b breaker pay
        given     start; allow a#1
        when      cancel; fail a
        then      cancel requested; stop: a; not reached: b
                  a#1 attempt failed E; cancelled: a; run cancelled
        after     slots none; calls pay unknown pay unknown
    ",
    );
}

#[test]
fn a_deadline_ends_the_wait_for_a_breaker() {
    check(
        "
        workflow  a breaker pay retry 3 deadline 3s
        given     start; allow a#1; fail a; fire t2 @1s
        when      fire t1 @3s
        then      t1 fired
                  a failed NX3003 deadline of 3000 ms over all attempts passed
                  run failed at a: NX3003 deadline of 3000 ms over all attempts passed
        after     slots none; calls pay failed pay unknown
    ",
    );
}

#[test]
fn a_step_that_is_to_start_in_time_fails_while_it_waits_for_its_breaker() {
    check(
        "
        workflow  a breaker pay start_within 5s
        given     start
        when      fire t1 @5s
        then      t1 fired
                  a failed NX3026 not started within 5000 ms
                  run failed at a: NX3026 not started within 5000 ms
        after     slots none
    ",
    );
}

#[test]
fn a_paused_run_waits_for_no_breaker() {
    check(
        "
        workflow  a breaker pay; b breaker pay
        given     start; allow a#1
        when      pause; allow b#2; resume; allow b#3
        then      paused
                  rejected: nothing waits for this answer of the breaker
                  resumed; b#1 asks pay #3
                  b allowed #3; b#1 started
    ",
    );
}

#[test]
fn an_interrupted_attempt_is_still_the_same_call() {
    check(
        "
        workflow  a breaker pay
        given     start; allow a#1; interrupt a
        when      take_up a; complete a
        then      taken up: a#1; a#1 completed may repeat; run completed
        after     calls pay ok
    ",
    );
}

#[test]
fn a_failed_mapping_of_an_output_is_no_failure_of_the_call() {
    check(
        "
        workflow  a breaker pay maps ${{this.output.none.such}} continue
        given     start; allow a#1
        when      complete a
        then      a#1 completed; a failed NX2102, continued; run completed
        after     calls pay ok
    ",
    );
}

#[test]
fn who_answers_too_late_is_told_what_came_of_the_call() {
    use CallOutcome::{Failed, Succeeded, Unknown};
    let one = "a breaker pay retry 2; b";
    let list = "a for_each 2 breaker pay retry 2 concurrency 1; b";
    let collected = "a for_each 2 breaker pay concurrency 1 collect; b";
    for (workflow, given, item, outcome) in [
        (one, "start", None, Unknown),
        (one, "start; allow a#1", None, Failed),
        (one, "start; allow a#1; fail a E", None, Failed),
        (one, "start; allow a#1; fail a E fatal", None, Failed),
        (one, "start; allow a#1; complete a", None, Succeeded),
        (list, "start", Some(0), Unknown),
        (list, "start; allow a[0]#1", Some(0), Failed),
        (list, "start; allow a[0]#1; fail a[0] E", Some(0), Failed),
        (list, "start; allow a[0]#1; complete a[0]", Some(0), Succeeded),
        (list, "start; allow a[0]#1; complete a[0]", Some(1), Unknown),
        (
            list,
            "start; allow a[0]#1; complete a[0]; allow a[1]#2; complete a[1]",
            Some(1),
            Succeeded,
        ),
        (collected, "start; allow a[0]#1; fail a[0] E", Some(0), Failed),
        (
            collected,
            "start; allow a[0]#1; complete a[0]; allow a[1]#2; fail a[1] E",
            Some(1),
            Unknown,
        ),
    ] {
        let mut bench = Bench::of(workflow);
        for line in given.split("; ") {
            bench.play(line).expect("it happens");
        }
        let answer =
            |step| Command::AllowCall { step, item: item.map(ItemIndex), ticket: Ticket(99) };
        let told = bench.act(&answer(StepIndex(0))).expect_err("nobody asked");
        assert_eq!(told, Rejection::CallNotWanted { outcome }, "{workflow}: {given}: {item:?}");
        let told = bench.act(&answer(StepIndex(2))).expect_err("there is no such step");
        assert_eq!(told, Rejection::CallNotWanted { outcome: Unknown });
    }
}

#[test]
fn a_breaker_is_told_whether_the_step_waits() {
    for (workflow, patient) in [("a breaker pay", true), ("a breaker pay hurried", false)] {
        let mut bench = Bench::of(workflow);
        let command = notation::command(&mut bench, "start");
        let transition = bench.act(&command).unwrap();
        let [SlotChange::CallRequested(_, wish)] = transition.slots.as_slice() else {
            panic!("{:?}", transition.slots)
        };
        assert_eq!((wish.target.as_str(), wish.patient), ("pay", patient));
    }
}
