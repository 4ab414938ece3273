//! Functions: their calls are steps, their outcomes come one at a time, and numbers are used again.

use std::sync::Arc;

use super::bench::Bench;
use super::check;
use crate::code::{CALLS_PER_TURN_MAX, CallMade, CallsMade};
use crate::codec::{decode_run, encode_run, plan_of_snapshot};
use crate::id::StepIndex;
use crate::plan::Plan;

#[test]
fn a_run_of_code_waits_for_its_function() {
    check(
        r#"
        workflow  run code
        when      start {"n":1}
        then      run started
        after     run running; parked false; function 0
    "#,
    );
}

#[test]
fn calls_are_steps_and_the_function_gets_what_they_come_to() {
    check(
        r#"
        workflow  run code
        given     start
        when      calls 0 a with {"x":1} | b; complete b 7; complete a 8
                  calls 2 a#2; complete a#2#1 9; returns 3 {"sum":24}
        then      calls in turn 0: a@0 b@1; a#1 started; b#1 started; b#1 completed 7; a#1 completed 8
                  calls in turn 2: a#2@0; a#2#1 started; a#2#1 completed 9
                  returns in turn 3: {"sum":24}; run completed {"sum":24}
    "#,
    );
}

#[test]
fn a_number_is_free_once_the_function_has_the_outcome() {
    check(
        "
        workflow  run code
        given     start; calls 0 a | b; complete b
        when      calls 0 c; calls 1 c; complete c; calls 2 d | e
        then      rejected: the function is at turn 0, and that is over or has not come; the run expects 1
                  calls in turn 1: c@1; c#1 started; c#1 completed
                  calls in turn 2: d@1 e@2; d#1 started; e#1 started
        after     a running; d running; e running; function 2
    ",
    );
}

#[test]
fn a_failure_is_an_outcome_and_ends_nothing() {
    check(
        "
        workflow  run code
        given     start; calls 0 a retry 2; fail a#1 E; fire t1 @1s
        when      fail a E; calls 1 b; complete b; returns 2
        then      a#2 attempt failed E; a failed E, continued; calls in turn 1: b@0; b#1 started; b#1 completed
                  returns in turn 2; run completed
    ",
    );
}

#[test]
fn sleeps_waits_approvals_and_called_runs_are_calls() {
    check(
        r#"
        workflow  run code
        given     start; calls 0 nap sleep 5000 | paid wait_for paid within=9s | ok approve dana ask=Pay? | sub call other {"x":1}
        when      fire t1 @5s; signal paid 3; reject ok dana; child sub ended {"y":2}
        then      t1 fired; nap#1 completed; signal paid 3; paid takes signal 1; paid#1 completed 3
                  ok rejected by dana as dana; ok#1 completed {"approved":false,"at":"1970-01-01T00:00:05Z","by":"dana","form":null,"note":null}
                  wf-001/sub ended {"y":2}; sub#1 completed {"y":2}
        after     function 0; timers none
    "#,
    );
}

#[test]
fn a_wait_that_is_too_long_is_a_failure() {
    check(
        "
        workflow  run code
        given     start; calls 0 paid wait_for paid within=9s | a deadline 20s
        when      fire t1 @9s; fire t2 @20s; fail a E; returns 2 fails E_LATE
        then      t1 fired; paid failed NX4001 signal `paid` did not come within 9000 ms, continued; t2 fired; stop: a; a#1 attempt failed E; a failed NX3003 deadline of 20000 ms over all attempts passed, continued
                  returns in turn 2: E_LATE; run failed: E_LATE
    ",
    );
}

#[test]
fn what_is_known_completes_at_once() {
    check(
        "
        workflow  run code
        given     start
        when      calls 0 dice gives 4 | patch p | a
        then      calls in turn 0: dice@0 a@1 patch p; dice#1 completed 4; a#1 started
        after     function 0; parked false
    ",
    );
}

#[test]
fn a_function_that_returns_ends_what_nobody_waits_for() {
    check(
        "
        workflow  run code
        given     start; calls 0 slow | fast | nap sleep 60000; complete fast
        when      returns 1 7; complete slow
        then      returns in turn 1: 7; stop: slow; cancelled: nap; slow#1 completed; run completed 7
    ",
    );
}

#[test]
fn what_was_done_is_undone_in_the_order_of_the_function() {
    check(
        "
        workflow  run code undoes
        given     start; calls 0 a undo | b undo; complete a 1; complete b 2; calls 2 c undo; complete c 3; calls 3 d; complete d
        when      returns 4 fails E_NO; complete c; complete b; complete a
        then      returns in turn 4: E_NO; undo: a b c; c#2 undo started 3; c#2 undone
                  a#2 undo started 1; b#2 undo started 2; b#2 undone; a#2 undone; run failed: E_NO
    ",
    );
}

#[test]
fn numbers_of_what_may_be_undone_are_kept() {
    check(
        "
        workflow  run code undoes
        given     start; calls 0 a undo | b undo; complete a; fail b E
        when      calls 2 c | d undo
        then      calls in turn 2: c@1 d@2; c#1 started; d#1 started
    ",
    );
}

#[test]
fn a_cancelled_run_does_not_ask_its_function() {
    check(
        "
        workflow  run code
        given     start; calls 0 a
        when      cancel enough; calls 0 b; complete a; returns 1
        then      cancel requested; stop: a; rejected: the run has ended (cancelling); a#1 completed; run cancelled
                  rejected: the run has ended (cancelled)
    ",
    );
}

#[test]
fn a_cancelled_run_without_open_calls_ends_at_once() {
    check(
        "
        workflow  run code
        given     start
        when      cancel enough
        then      cancel requested; run cancelled
    ",
    );
}

#[test]
fn a_run_that_takes_too_long_fails() {
    check(
        "
        workflow  run code timeout 5s
        given     start; calls 0 a; complete a
        when      fire t1 @5s
        then      t1 fired; run failed: NX3010 run timed out after 5000 ms
    ",
    );
}

#[test]
fn a_paused_run_makes_calls_and_starts_none() {
    check(
        "
        workflow  run code
        given     start; calls 0 a; pause; complete a
        when      calls 1 b | nap sleep 5000 | dice gives 1; resume
        then      calls in turn 1: b@0 nap@1 dice@2; dice#1 completed 1; resumed; nap sleeps t1@5s; b#1 started
    ",
    );
}

#[test]
fn what_is_said_twice_or_of_other_turns_is_refused() {
    check(
        "
        workflow  run code
        given     start; calls 0 a
        when      calls 0 a; calls 1 b; complete a; returns 0; calls 2 b; calls 1 b; returns 1; complete b; calls 1 c; returns 2
                  calls 2 d
        then      rejected: the function is at turn 0, and that is over or has not come; the run expects 1
                  rejected: the function is at turn 1, and that is over or has not come; the run expects 1; a#1 completed
                  rejected: the function is at turn 0, and that is over or has not come; the run expects 1
                  rejected: the function is at turn 2, and that is over or has not come; the run expects 1
                  calls in turn 1: b@0; b#1 started
                  rejected: the function is at turn 1, and that is over or has not come; the run expects 2; b#1 completed
                  rejected: the function is at turn 1, and that is over or has not come; the run expects 2
                  returns in turn 2; run completed; rejected: the run has ended (completed)
    "
        .replace("expects 1\n", "expects 1; ")
        .as_str(),
    );
}

#[test]
fn a_function_that_has_returned_makes_no_calls_while_what_it_left_is_stopped() {
    check(
        "
        workflow  run code
        given     start; calls 0 a | b; complete a
        when      returns 1 7; calls 2 c; fail b S
        then      returns in turn 1: 7; stop: b
                  rejected: the function is at turn 2, and that is over or has not come; the run expects 2
                  b#1 attempt failed S; cancelled: b; run completed 7
    ",
    );
}

#[test]
fn a_turn_has_so_many_calls_and_no_more() {
    for (count, fits) in [(CALLS_PER_TURN_MAX, true), (CALLS_PER_TURN_MAX + 1, false)] {
        let mut bench = Bench::of("run code");
        bench.play("start").expect("it starts");
        let calls: Vec<_> = (0..count).map(|number| format!("c{number}")).collect();
        let refused = bench.play(&format!("calls 0 {}", calls.join(" | "))).err();
        let refused = refused.map(|refused| refused.to_string());
        let expected = "call `c0` cannot be made: a turn makes at most 10000 calls";
        assert_eq!(refused.as_deref(), (!fits).then_some(expected));
    }
}

#[test]
fn a_call_that_cannot_be_a_step_is_refused() {
    check(
        "
        workflow  run code
        given     start; calls 0 a
        when      complete a; calls 1 b | b; calls 1 c retry 0; calls 1 c timeout 0s; calls 1 c needs a; calls 1 c set 4
                  calls 1 c call nobody; calls 1 c sleep 5000 undo
        then      a#1 completed; rejected: call `b` cannot be made: there is a step with its id
                  rejected: call `c` cannot be made: `max_attempts` is 0, so the step could never run
                  rejected: call `c` cannot be made: one of its times is 0, so it could never complete
                  rejected: call `c` cannot be made: it has what only a step of a definition can have
                  rejected: call `c` cannot be made: code cannot call this
                  rejected: call `c` cannot be made: code cannot call this
                  rejected: call `c` cannot be made: only a step can be undone, and by a step
    ",
    );
}

#[test]
fn names_of_calls_have_no_slash_but_those_of_signals() {
    check(
        "
        workflow  run code
        given     start
        when      calls 0 pay/undo; calls 0 a/b call other; calls 0 a/b sleep 5000; calls 0 a/b wait_for a/b
        then      rejected: call `pay/undo` cannot be made: only the name of a signal may hold a `/`, which parts others from `undo` in idempotency keys and from the names of called runs
                  rejected: call `a/b` cannot be made: only the name of a signal may hold a `/`, which parts others from `undo` in idempotency keys and from the names of called runs
                  rejected: call `a/b` cannot be made: only the name of a signal may hold a `/`, which parts others from `undo` in idempotency keys and from the names of called runs
                  calls in turn 0: a/b@0; a/b waits for a/b
    ",
    );
}

#[test]
fn a_round_begins_anew_with_its_state() {
    check(
        r#"
        workflow  run code
        given     start; calls 0 a | b; complete a
        when      again 1 {"n":1}; calls 1 c; complete b; calls 0 a; complete a@2 7; again 1 {"n":2}; calls 0 a | a#2; returns 0
        then      goes again in turn 1: {"n":1}; stop: b
                  rejected: the function is at turn 1, and that is over or has not come; the run expects 0
                  b#1 completed; calls in turn 0: a@2@0; a@2#1 started; a@2#1 completed 7; goes again in turn 1: {"n":2}
                  calls in turn 0: a@3@0 a@3#2@1; a@3#1 started; a@3#2#1 started
                  rejected: the function is at turn 0, and that is over or has not come; the run expects 1
        after     run running; parked false; function 0
    "#,
    );
}

#[test]
fn a_step_that_completes_after_its_round_is_undone_if_the_run_fails() {
    check(
        "
        workflow  run code undoes
        given     start; calls 0 a undo | b | c; complete c
        when      again 1 1; complete a 7; complete b; calls 0 d | e; complete d@2; returns 1 fails E; complete e@2
        then      goes again in turn 1: 1; stop: a b; a#1 completed 7; b#1 completed
                  calls in turn 0: d@2@1 e@2@2; d@2#1 started; e@2#1 started
                  d@2#1 completed; returns in turn 1: E; stop: e@2; e@2#1 completed; undo: a; a#2 undo started 7
    ",
    );
}

#[test]
fn a_signal_that_a_round_took_and_has_not_heard_of_is_there_for_the_next() {
    check(
        r#"
        workflow  run code
        given     start; calls 0 go wait_for go | nap sleep 5000; fire t1 @5s; signal go 7; signal go 8
        when      again 1 {"n":1}; again 1 {"n":1} left 2 go 8; again 1 {"n":1} left 3 go 7; again 1 {"n":1} left 1 go 7
                  calls 0 go wait_for go | go#2 wait_for go
        then      rejected: the function is at turn 1, and that is over or has not come; the run expects 2
                  rejected: call `a signal that is left` cannot be made: it was never taken
                  rejected: call `a signal that is left` cannot be made: it was never taken
                  goes again in turn 1: {"n":1}, leaves signal 1
                  calls in turn 0: go@2@0 go@2#2@1; go@2 takes signal 1; go@2#1 completed 7; go@2#2 takes signal 2; go@2#2#1 completed 8
    "#,
    );
}

#[test]
fn a_signal_whose_wait_the_function_gave_up_is_there_for_the_next_round() {
    check(
        "
        workflow  run code
        given     start; calls 0 go wait_for go | a; signal go 7; complete a; calls 2 b; complete b
        when      again 3 1 left 1 go 7; calls 0 go wait_for go
        then      goes again in turn 3: 1, leaves signal 1; calls in turn 0: go@2@0; go@2 takes signal 1; go@2#1 completed 7
    ",
    );
}

#[test]
fn what_a_round_leaves_behind_does_not_grow() {
    let mut bench = Bench::of("run code");
    bench.play("start").expect("it starts");
    let mut sizes = Vec::new();
    for round in 1..200 {
        let number = if round == 1 { String::new() } else { format!("@{round}") };
        bench.play("calls 0 a | left | nap sleep 60000").expect("it is called");
        bench.play(&format!("complete a{number}#1")).expect("it completes");
        bench.play(&format!("again 1 {round}")).expect("it goes again");
        bench.play(&format!("complete left{number}#1")).expect("what nobody waits for ends too");
        sizes.push(encode_run(&bench.plan, &bench.run).len());
    }
    assert!(bench.plan.step_count() <= 4, "{} steps", bench.plan.step_count());
    assert!(sizes[198] < sizes[19] + 24, "{} and then {} bytes", sizes[19], sizes[198]);
}

#[test]
fn a_run_of_a_definition_has_no_function() {
    check(
        "
        workflow  a
        given     start
        when      calls 0 b; returns 0
        then      rejected: workflow `test` is no code: its runs have no function
                  rejected: workflow `test` is no code: its runs have no function
    ",
    );
}

#[test]
fn a_run_of_code_is_not_migrated_and_not_retried_if_its_function_failed_by_itself() {
    check(
        "
        workflow  run code
        other     run code timeout 5s
        given     start; calls 0 a
        when      migrate; complete a; returns 1 fails E; retry
        then      rejected: what this run does is said by its function: it cannot be migrated; a#1 completed
                  returns in turn 1: E; run failed: E
                  rejected: the function of this run failed by itself, after all that its calls came to, and would fail again: the run cannot be retried
    ",
    );
}

#[test]
fn text_of_a_call_is_no_template() {
    check(
        "
        workflow  run code
        given     start
        when      calls 0 ok approve dana ask=${{1+1}}
        then      calls in turn 0: ok@0; ok asks dana \"${{1+1}}\"
    ",
    );
}

#[test]
fn an_answer_to_an_approval_that_is_over_does_not_meet_the_next() {
    check(
        "
        workflow  run code
        given     start; calls 0 ok approve dana; approve ok=ok dana; calls 1 sure approve dana
        when      approve ok=sure dana; approve sure=sure dana
        then      rejected: step `ok` was decided already
                  sure approved by dana as dana {}; sure#1 completed {\"approved\":true,\"at\":\"1970-01-01T00:00:00Z\",\"by\":\"dana\",\"form\":{},\"note\":null}
    ",
    );
}

#[test]
fn a_snapshot_brings_its_calls() {
    let mut bench = Bench::of("run code undoes");
    let base = Arc::clone(&bench.plan);
    for line in [
        "start",
        "calls 0 a undo | b with {\"x\":1} | nap sleep 5000",
        "complete a big",
        "fire t1 @5s",
        "calls 1 c | dice gives 4",
    ] {
        bench.play(line).unwrap_or_else(|rejection| panic!("{line}: {rejection}"));
        let bytes = encode_run(&bench.plan, &bench.run);
        let plan = plan_of_snapshot(&base, &bytes).expect("its plan");
        assert_eq!(plan.definition(), bench.plan.definition());
        assert!(plan.calls_made().eq(bench.plan.calls_made()), "{line}");
        assert_eq!(decode_run(&plan, &bytes).expect("the run"), bench.run, "{line}");
        let again = plan_of_snapshot(&plan, &bytes).expect("its plan");
        assert!(again.calls_made().eq(plan.calls_made()), "{line}");
        for at in (0..bytes.len()).step_by(7) {
            let mut broken = bytes.clone();
            broken[at] ^= 0x40;
            assert!(plan_of_snapshot(&base, &broken).is_err(), "a flipped bit at {at}");
        }
    }
}

#[test]
fn what_many_calls_leave_behind_does_not_grow() {
    let mut bench = Bench::of("run code");
    bench.play("start").expect("it starts");
    let mut sizes = Vec::new();
    for turn in 0..200 {
        let number = if turn == 0 { String::new() } else { format!("#{}", turn + 1) };
        bench.play(&format!("calls {turn} a{number} with {{\"n\":{turn}}}")).expect("it is called");
        bench.play(&format!("complete a{number}#1 {turn}")).expect("it completes");
        sizes.push(encode_run(&bench.plan, &bench.run).len());
    }
    assert_eq!(bench.plan.step_count(), 1);
    assert!(sizes[199] < sizes[9] + 24, "{} and then {} bytes", sizes[9], sizes[199]);
}

#[test]
fn a_definition_of_code_has_no_steps() {
    let definition = super::notation::definition(&["run code", "a"]);
    let errors = Plan::compile(definition).expect_err("steps are refused");
    assert_eq!(errors[0].code, "NX1101");
}

#[test]
fn a_number_is_free_once_a_step_of_an_earlier_round_has_completed() {
    check(
        "
        workflow  run code
        given     start; calls 0 a | x; complete x; again 1 1; calls 0 b | c; complete b@2
        when      complete a; calls 1 d | e | f
        then      a#1 completed; calls in turn 1: d@2@0 e@2@1 f@2@3; d@2#1 started; e@2#1 started; f@2#1 started
    ",
    );
}

#[test]
fn what_code_may_call_has_a_name_and_takes_some_time() {
    let (long, longer) = ("x".repeat(128), "x".repeat(129));
    let refused = |item: &str| {
        let mut bench = Bench::of("run code");
        bench.play("start").unwrap();
        let rejection = bench.play(&format!("calls 0 {item}")).err();
        rejection.map_or(String::new(), |rejection| {
            let text = rejection.to_string();
            text.split_once(" cannot be made: ").expect("a call").1.to_owned()
        })
    };
    let name = "a name has 1 to 128 characters, without `#`, `@` and control characters";
    let no_call = "code cannot call this";
    for (item, expected) in [
        (long.as_str(), ""),
        (&longer, name),
        ("a@2", name),
        ("a\u{1}", name),
        ("a start_within 5s", ""),
        ("a set null", no_call),
        ("go wait_for go within=1s", ""),
        ("go wait_for go within=0s", no_call),
        ("go wait_for event:paid", no_call),
        ("go wait_for go\u{1}", no_call),
        (&format!("go wait_for {long}"), ""),
        (&format!("go wait_for {longer}"), no_call),
        ("ok approve dana within=1s", ""),
        ("ok approve dana within=0s", no_call),
    ] {
        assert_eq!(refused(item), expected, "{item}");
    }
}

#[test]
fn a_call_comes_after_steps_that_are_there() {
    let mut bench = Bench::of("run code");
    bench.play("start").unwrap();
    bench.play("calls 0 a | b").unwrap();
    let known = (**bench.plan.call_made(StepIndex(1)).unwrap()).clone();
    for (needs, fits) in
        [(vec![0], true), (vec![0, 1], false), (vec![2], false), (vec![0, 9], false)]
    {
        let needs = needs.into_iter().map(StepIndex).collect();
        let calls = vec![CallMade { needs, ..known.clone() }];
        let made = CallsMade { calls, ..CallsMade::default() };
        assert_eq!(bench.plan.with_calls(&made).is_ok(), fits, "{made:?}");
    }
}

#[test]
fn numbers_that_are_used_again_are_found_by_their_new_ids_alone() {
    let mut bench = Bench::of("run code undoes");
    for line in ["start", "calls 0 a | b undo", "complete a", "complete b", "calls 2 c | d undo"] {
        bench.play(line).unwrap();
    }
    let found = |id: &str| bench.plan.find(id).map(|step| step.0);
    assert_eq!(["a", "b", "c", "d"].map(found), [None, Some(1), Some(0), Some(2)]);
    let after_b: Vec<u32> = bench.plan.successors(StepIndex(1)).map(|step| step.0).collect();
    assert_eq!(after_b, [2], "it is undone before `b`");
    assert_eq!(bench.plan.steps_with_undo().collect::<Vec<_>>(), [StepIndex(1), StepIndex(2)]);
}
