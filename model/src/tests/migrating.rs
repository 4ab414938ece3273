//! Migrations: a run goes on with another definition, keeps what it has done, or says what is against it.

use super::check;

#[test]
fn steps_that_have_not_begun_may_change_come_and_go() {
    check(
        "
        workflow  a; b needs a; c needs b; d needs c
        other     a; b needs a; x needs a; c needs b,x with 2; e needs c
        given     start; complete a 1
        when      migrate; complete b; complete x; complete c; complete e
        then      migrated 0 1 3 –; x#1 started
                  b#1 completed; x#1 completed; c#1 started
                  c#1 completed; e#1 started; e#1 completed; run completed
        after     a completed
    ",
    );
}

#[test]
fn a_condition_of_a_step_that_is_new_is_looked_at() {
    check(
        "
        workflow  a; b
        other     a; b; c if false; d needs c; e set 1
        given     start
        when      migrate
        then      migrated 0 1; c skipped: false is false; e#1 completed 1; d#1 started
    ",
    );
}

#[test]
fn what_is_done_keeps_its_result_at_another_place() {
    check(
        "
        workflow  a; b wait_for s needs a; c needs b
        other     x; c needs b with ${{steps.a.output}}; b wait_for s needs a; a with 2
        given     start; complete a 7
        when      migrate; signal s; complete c; complete x
        then      migrated 3 2 1; x#2 started
                  signal s; b takes signal 1; b#1 completed; c#2 started 7
                  c#2 completed; x#2 completed; run completed
        after     a completed
    ",
    );
}

#[test]
fn a_late_report_about_an_attempt_that_had_the_place_before_is_refused() {
    check(
        "
        workflow  a retry 3; b wait_for s
        other     x; b wait_for s; a retry 3
        given     start; fail a @1s; fire t1 @2s; fail a
        when      migrate; complete x#1; complete x#2; fire t2 @9s; complete a#4; complete x
        then      migrated 2 1; x#3 started
                  rejected: ignored: stale attempt 1 of step `x`
                  rejected: ignored: stale attempt 2 of step `x`
                  t2 fired; a#3 started
                  rejected: ignored: stale attempt 4 of step `a`
                  x#3 completed
    ",
    );
}

#[test]
fn timers_holds_and_signals_move_with_their_steps() {
    check(
        "
        workflow  a sleep 5000; b; c wait_for s; d needs b
        other     z set 1; b; c wait_for s; d needs b; a sleep 5000
        given     start; pause_step d; signal other 1
        when      migrate; complete b; fire t1 @6s; resume_step d; signal s
        then      migrated 4 1 2 3; z#1 completed 1
                  b#1 completed
                  t1 fired; a#1 completed
                  d resumed; d#1 started
                  signal s; c takes signal 2; c#1 completed
        after     a completed; run running
    ",
    );
}

#[test]
fn a_timer_of_a_step_that_is_gone_is_gone() {
    check(
        "
        workflow  a; b start_within 5s needs a
        other     a; c needs a
        given     start; complete a slots=0
        when      migrate; offer slots=1; complete c
        then      migrated 0 –
                  slots offered; c#1 started; c#1 completed; run completed
        after     timers none
    ",
    );
}

#[test]
fn what_is_done_or_under_way_must_be_there_and_the_same() {
    check(
        "
        workflow  a; b needs a; c needs a; d needs b,c
        other     b needs a with 2; a sleep 5; d needs b
        given     start; complete a
        when      migrate
        then      rejected: it cannot go on with the new definition: step `a` is completed, and is of another kind
                  step `b` is running, and stands at another place in the new definition (2 → 1)
                  it can be moved when it has settled
                  step `b` is running, and changes with
                  step `c` is running, and is not in the new definition
    ",
    );
}

#[test]
fn nothing_may_come_before_what_has_begun_that_has_not_happened() {
    check(
        "
        workflow  a; b needs a; c needs b
        other     a; b needs a,x; c needs b; x
        given     start; complete a
        when      migrate
        then      rejected: it cannot go on with the new definition: step `b` is running, and would come after `x`, which has not happened
    ",
    );
}

#[test]
fn an_attempt_that_waits_for_its_turn_is_the_first_of_the_new_definition() {
    check(
        "
        workflow  a retry 3; b needs a
        other     a retry 2 with 2; b needs a
        given     start; fail a
        when      migrate; fire t1 @1s; fail a
        then      migrated 0 1
                  t1 fired; a#2 started
                  a#2 attempt failed E; a failed E; not reached: b; run failed at a: E
    ",
    );
}

#[test]
fn a_router_that_has_decided_keeps_its_ways() {
    check(
        "
        workflow  r switch true:x else:y; x needs r; y needs r; w wait_for s needs x
        other     r switch true:x else:y,z; x needs r; y needs r; w wait_for s needs x; z needs r
        given     start; complete x
        when      migrate
        then      rejected: it cannot go on with the new definition: step `r` has decided what runs, and changes default
                  step `z` would come under `r`, or leave it, which has decided already
    ",
    );
}

#[test]
fn a_run_that_has_ended_or_is_ending_is_not_migrated() {
    check(
        "
        workflow  a; b
        other     a; b; c
        given     start; fail a E_CARD
        when      migrate; migrate retry; complete b; migrate; migrate retry; complete a; complete c; migrate; migrate retry
        then      rejected: it cannot go on with the new definition: it is ending (failing)
                  rejected: it cannot go on with the new definition: it is ending (failing)
                  b#1 completed; run failed at a: E_CARD
                  rejected: it cannot go on with the new definition: it has ended (failed)
                  migrated 0 1; run retried; a#2 started; c#1 started
                  a#2 completed
                  c#1 completed; run completed
                  rejected: it cannot go on with the new definition: it has this definition already
                  it has ended (completed)
                  rejected: it cannot go on with the new definition: it has this definition already
                  it has ended (completed)
    ",
    );
}

#[test]
fn a_failed_run_is_retried_with_a_step_that_was_mended_or_replaced() {
    check(
        "
        workflow  a; b needs a; c needs b
        other     a; fix needs a with 2; c needs fix
        given     start; complete a 1; fail b E
        when      migrate retry; complete fix; complete c
        then      migrated 0 – 2; run retried; fix#2 started
                  fix#2 completed; c#1 started; c#1 completed; run completed
        after     a completed; timers none
    ",
    );
}

#[test]
fn a_retry_with_what_does_not_fit_changes_nothing() {
    check(
        "
        workflow  a; b needs a
        other     b with 3
        given     start; complete a; fail b E
        when      migrate retry; retry
        then      rejected: it cannot go on with the new definition: step `a` is completed, and is not in the new definition
                  run retried; b#2 started
        after     run running
    ",
    );
}

#[test]
fn a_run_that_was_undone_is_not_retried_with_another_definition_and_is_told_which_step() {
    for other in ["a undo", "x; a undo; b needs a with 2"] {
        check(&format!(
            "
            workflow  run undoes; z needs b; b needs a; a undo
            other     {other}
            given     start; complete a; fail b E; complete a#2
            when      migrate retry
            then      rejected: a retry would keep the results of `a`, but they were undone
        "
        ));
    }
    check(
        "
        workflow  run undoes; a undo; b needs a undo; c needs b
        other     a undo; b needs a undo; c needs b with 2
        given     start; complete a; complete b; fail c E; complete b#2
        when      migrate retry
        then      rejected: it cannot go on with the new definition: it is ending (compensating)
    ",
    );
}

#[test]
fn a_paused_run_migrates_and_begins_nothing_until_it_is_resumed() {
    check(
        "
        workflow  a; b needs a
        other     a; b needs a; c needs a
        given     start; complete a; pause
        when      migrate; complete b; resume; complete c
        then      migrated 0 1; b#1 completed; resumed; c#1 started; c#1 completed; run completed
    ",
    );
}

#[test]
fn a_run_held_by_the_store_is_migrated_and_held() {
    check(
        "
        workflow  a; b needs a
        other     a; b needs a; c needs a
        given     start; complete a; fail b
        when      migrate_held retry; release; complete c; complete b
        then      migrated 0 1; run retried; held by engine
                  released; b#2 started; c#1 started
                  c#1 completed; b#2 completed; run completed
    ",
    );
}

#[test]
fn what_holds_a_slot_of_a_limit_keeps_its_place() {
    check(
        "
        workflow  a limit 1; b limit 1; c needs a
        other     a limit 1; z; b limit 1; c needs a
        given     start
        when      migrate; grant a#1; migrate
        then      rejected: it cannot go on with the new definition: step `b` is pending, and stands at another place in the new definition (2 → 3)
                  it can be moved when it has settled
                  a granted #1; a#1 started
                  rejected: it cannot go on with the new definition: step `b` is pending, and stands at another place in the new definition (2 → 3)
                  it can be moved when it has settled
        after     slots a+ b?
    ",
    );
}

#[test]
fn a_loop_that_has_gone_back_keeps_its_steps() {
    check(
        "
        workflow  a; r repeat a until=steps.a.output>1 limit=5 needs a
        other     a; z needs a; r repeat a until=steps.a.output>1 limit=5 needs a,z
        given     start; complete a 1
        when      migrate
        then      rejected: it cannot go on with the new definition: step `z` would come under `r`, or leave it, which has decided already
    ",
    );
}

#[test]
fn a_run_ends_if_nothing_is_left_to_do() {
    check(
        "
        workflow  a; b needs a; run maps ${{steps.a.output}}
        other     a; run maps ${{steps.a.output}}
        given     start; complete a 7 slots=0
        when      migrate
        then      migrated 0 –; run completed 7
    ",
    );
}

#[test]
fn a_step_that_waits_for_an_update_moves_with_its_timer() {
    check(
        r#"
        workflow  a takes qty within=60s reply=${{update.n*2}}; b needs a
        other     z set 1; b needs a with 2; a takes qty within=60s reply=${{update.n*2}}
        given     start
        when      migrate; update qty#u1 {"n":3}; update qty#u1 {"n":3}; complete b
        then      migrated 2 1; z#1 completed 1
                  a accepts qty {"n":3} answers 6; a#1 completed {"n":3}; b#1 started
                  rejected: update `u1` was accepted already
                  b#1 completed; run completed
        after     a completed; timers none
    "#,
    );
    check(
        "
        workflow  a takes qty within=60s; b needs a
        other     z set 1; b needs a; a takes qty within=60s
        given     start
        when      migrate; fire t1 @60s; update qty 1
        then      migrated 2 1; z#1 completed 1
                  t1 fired; a failed NX4132 update `qty` did not come within 60000 ms; not reached: b; run failed at a: NX4132 update `qty` did not come within 60000 ms
                  rejected: the run has ended (failed)
        after     a failed; timers none
    ",
    );
}

#[test]
fn a_step_that_waits_for_an_update_must_be_there_and_wait_for_the_same() {
    check(
        "
        workflow  a takes qty accepts=update.n>0
        other     a takes more accepts=update.n>1
        given     start
        when      migrate
        then      rejected: it cannot go on with the new definition: step `a` is waiting, and changes accepts, update
    ",
    );
    check(
        "
        workflow  a takes qty; c
        other     a takes more; c
        given     start
        when      migrate
        then      rejected: it cannot go on with the new definition: step `a` is waiting, and changes update
    ",
    );
    check(
        "
        workflow  c; a takes qty
        other     c
        given     start
        when      migrate
        then      rejected: it cannot go on with the new definition: step `a` is waiting, and is not in the new definition
    ",
    );
}

#[test]
fn an_update_that_was_accepted_is_known_after_a_migration() {
    check(
        "
        workflow  a takes qty; b needs a takes qty
        other     z set 1; b needs a takes qty; a takes qty
        given     start; update qty#u1 1
        when      migrate; update qty#u1 1; update qty#u2 2
        then      migrated 2 1; z#1 completed 1
                  rejected: update `u1` was accepted already
                  b accepts qty 2 answers; b#1 completed 2; run completed
        after     a completed
    ",
    );
}
