//! Cases of control flow: what nobody may report, what a time ends, what is cancelled, and what counts once.

use crate::tests::check;

#[test]
fn a_step_that_waits_for_its_needs_takes_no_report() {
    check(
        "
        workflow  a; b; c needs a,b; d needs a,b any_ok; e needs a,b all_done; f needs a,b any_failed
        given     start
        when      complete c#1; complete d#1; complete e#1; complete f#1; fail c#1; fail d#1
        then      rejected: ignored: stale attempt 1 of step `c`
                  rejected: ignored: stale attempt 1 of step `d`
                  rejected: ignored: stale attempt 1 of step `e`
                  rejected: ignored: stale attempt 1 of step `f`
                  rejected: ignored: stale attempt 1 of step `c`
                  rejected: ignored: stale attempt 1 of step `d`
        after     c pending; d pending; e pending; f pending
    ",
    );
}

#[test]
fn a_run_that_times_out_reaches_only_what_runs_last() {
    check(
        "
        workflow  run timeout 5s; a; b; c needs a,b; d needs a,b any_ok; e needs a,b all_done; f needs a,b any_failed
        given     start
        when      fire t1 @5s; fail a; fail b; complete e
        then      t1 fired; stop: a b; not reached: c d
                  a#1 attempt failed E; cancelled: a
                  b#1 attempt failed E; cancelled: b; not reached: f; e#1 started
                  e#1 completed; run failed: NX3010 run timed out after 5000 ms
        after     c not reached; d not reached; e completed; f not reached
    ",
    );
}

#[test]
fn what_any_ok_began_ends_with_a_run_that_times_out() {
    check(
        "
        workflow  run timeout 5s; a; b; d needs a,b any_ok
        given     start; complete a
        when      fire t1 @5s; fail b; fail d
        then      t1 fired; stop: b d
                  b#1 attempt failed E; cancelled: b
                  d#1 attempt failed E; cancelled: d; run failed: NX3010 run timed out after 5000 ms
    ",
    );
}

#[test]
fn a_step_whose_needs_are_cancelled_is_not_reached() {
    check(
        "
        workflow  a; c needs a
        given     start
        when      cancel; complete a; complete c#1
        then      cancel requested; stop: a; not reached: c
                  a#1 completed; run cancelled
                  rejected: the run has ended (cancelled)
        after     c not reached
    ",
    );
}

#[test]
fn a_need_that_completes_twice_counts_once() {
    check(
        "
        workflow  a; b; c needs a,b; d
        given     start
        when      complete a#1; complete a#1; complete b#1; complete b#1; complete a#1
        then      a#1 completed
                  rejected: ignored: stale attempt 1 of step `a`
                  b#1 completed; c#1 started
                  rejected: ignored: stale attempt 1 of step `b`
                  rejected: ignored: stale attempt 1 of step `a`
        after     c running
    ",
    );
}

#[test]
fn what_runs_however_its_needs_ended_begins_once() {
    check(
        "
        workflow  a; b; c needs a,b all_done; d
        given     start; complete a
        when      complete a#1; complete b#1; fail b#1; complete c#1; complete c#1
        then      rejected: ignored: stale attempt 1 of step `a`
                  b#1 completed; c#1 started
                  rejected: ignored: stale attempt 1 of step `b`
                  c#1 completed
                  rejected: ignored: stale attempt 1 of step `c`
    ",
    );
}

#[test]
fn what_any_failure_begins_begins_once() {
    check(
        "
        workflow  a continue; b; c needs a any_failed
        given     start; fail a
        when      fail a#1; complete c#1; fail c#1; complete b
        then      rejected: ignored: stale attempt 1 of step `a`
                  c#1 completed
                  rejected: ignored: stale attempt 1 of step `c`
                  b#1 completed; run completed
    ",
    );
}

#[test]
fn a_step_that_was_skipped_takes_no_report() {
    check(
        "
        workflow  a; b needs a if steps.a.output>1; c needs a
        given     start; complete a 1
        when      complete b#1; fail b#1; pause_step b
        then      rejected: ignored: stale attempt 1 of step `b`
                  rejected: ignored: stale attempt 1 of step `b`
                  rejected: step `b` is skipped already
        after     b skipped
    ",
    );
}

#[test]
fn a_condition_of_a_step_that_runs_last_is_asked_when_the_run_times_out() {
    check(
        "
        workflow  run timeout 5s; a; b needs a if inputs==1 all_done; c needs a if inputs==1; d needs a if inputs==2 all_done
        given     start 1
        when      fire t1 @5s; fail a; complete b
        then      t1 fired; stop: a; not reached: c
                  a#1 attempt failed E; cancelled: a; d skipped: inputs==2 is false (1); b#1 started
                  b#1 completed; run failed: NX3010 run timed out after 5000 ms
        after     c not reached; d skipped
    ",
    );
}

#[test]
fn a_condition_is_not_asked_when_the_run_is_cancelled() {
    check(
        "
        workflow  a; b needs a if steps.a.output.no.such>1
        given     start
        when      cancel; complete a 2
        then      cancel requested; stop: a; not reached: b
                  a#1 completed 2; run cancelled
        after     b not reached
    ",
    );
}

#[test]
fn a_condition_is_asked_once() {
    check(
        "
        workflow  a; b needs a if steps.a.output>1; c needs b
        given     start; complete a 2
        when      complete a#1 0; complete b#1; complete b#1
        then      rejected: ignored: stale attempt 1 of step `a`
                  b#1 completed; c#1 started
                  rejected: ignored: stale attempt 1 of step `b`
        after     b completed; c running
    ",
    );
}

#[test]
fn nobody_completes_a_router_or_what_it_did_not_take() {
    check(
        "
        workflow  r switch inputs>5:a else:b; a; b
        given     start 9
        when      complete b#1; fail b#1; complete r#1; fail r#1
        then      rejected: ignored: stale attempt 1 of step `b`
                  rejected: ignored: stale attempt 1 of step `b`
                  rejected: ignored: stale attempt 1 of step `r`
                  rejected: ignored: stale attempt 1 of step `r`
        after     a running; b skipped
    ",
    );
}

#[test]
fn a_router_of_a_run_that_times_out_takes_no_way() {
    check(
        "
        workflow  run timeout 5s; x; r needs x switch inputs>5:a else:b; a; b
        given     start 9
        when      fire t1 @5s; fail x
        then      t1 fired; stop: x; not reached: r a b
                  x#1 attempt failed E; cancelled: x; run failed: NX3010 run timed out after 5000 ms
        after     r not reached; a not reached; b not reached
    ",
    );
}

#[test]
fn the_way_of_a_router_ends_with_a_run_that_times_out() {
    check(
        "
        workflow  run timeout 5s; r switch inputs>5:a else:b; a; b
        given     start 9
        when      fire t1 @5s; fail a
        then      t1 fired; stop: a
                  a#1 attempt failed E; cancelled: a; run failed: NX3010 run timed out after 5000 ms
    ",
    );
}

#[test]
fn a_router_decides_once() {
    check(
        "
        workflow  x; r needs x switch steps.x.output>5:a else:b; a; b; c
        given     start; complete x 9
        when      complete x#1 1; complete a#1; complete a#1; complete b#1
        then      rejected: ignored: stale attempt 1 of step `x`
                  a#1 completed
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `b`
        after     a completed; b skipped
    ",
    );
}

#[test]
fn a_race_of_a_run_that_times_out_is_not_won() {
    check(
        "
        workflow  run timeout 5s; a; b; f race a,b; c needs f
        given     start
        when      fire t1 @5s; fail a; complete b
        then      t1 fired; stop: a b; not reached: f c
                  a#1 attempt failed E; cancelled: a
                  b#1 completed; run failed: NX3010 run timed out after 5000 ms
        after     f not reached; c not reached
    ",
    );
}

#[test]
fn nobody_completes_a_race() {
    check(
        "
        workflow  a; b; f race a,b
        given     start
        when      complete f#1; fail f#1
        then      rejected: ignored: stale attempt 1 of step `f`
                  rejected: ignored: stale attempt 1 of step `f`
        after     f pending
    ",
    );
}

#[test]
fn a_race_is_won_once() {
    check(
        "
        workflow  a; b; f race a,b; c needs f
        given     start; complete a 1
        when      complete a#1 1; complete b#1 2; complete b#1 2; complete a#1 3; complete c
        then      rejected: ignored: stale attempt 1 of step `a`
                  b#1 completed 2
                  rejected: ignored: stale attempt 1 of step `b`
                  rejected: ignored: stale attempt 1 of step `a`
                  c#1 completed; run completed
    ",
    );
}

#[test]
fn a_round_ends_with_a_run_that_times_out() {
    check(
        "
        workflow  run timeout 5s; a; r needs a repeat a until=false delay=3s
        given     start; complete a @1s; fire t2 @4s
        when      fire t1 @5s; complete a
        then      t1 fired; stop: a; not reached: r
                  a#2 completed; run failed: NX3010 run timed out after 5000 ms
        after     r not reached
    ",
    );
}

#[test]
fn a_loop_that_waits_ends_with_a_run_that_times_out_and_waits_anew_when_it_is_retried() {
    check(
        "
        workflow  run timeout 5s; a; r needs a repeat a until=false delay=9s
        given     start; complete a @1s
        when      fire t1 @5s; fire t2 @10s; retry
        then      t1 fired; cancelled: r; run failed: NX3010 run timed out after 5000 ms
                  rejected: the run has ended (failed)
                  run retried timeout t3@15s; r sleeps t4@19s
        after     r sleeping
    ",
    );
}

#[test]
fn a_round_begins_once_and_its_result_counts_once() {
    check(
        r#"
        workflow  a; r needs a repeat a until=steps.a.output>1 delay=3s; b
        given     start; complete a 0
        when      complete a#1 0; fire t1 @3s; fire t1; complete a#1 0; complete a#2 2; complete a#2 0
        then      rejected: ignored: stale attempt 1 of step `a`
                  t1 fired; r begins round 2: steps.a.output>1 is false (0); a#2 started
                  rejected: timer 1 is not set
                  rejected: ignored: stale attempt 1 of step `a`
                  a#2 completed 2; r#2 completed {"rounds":2}
                  rejected: ignored: stale attempt 2 of step `a`
        after     r completed
    "#,
    );
}

#[test]
fn an_item_of_a_list_that_may_fail_is_stopped_by_the_deadline() {
    check(
        "
        workflow  a for_each 3 collect concurrency 2 deadline 5s
        given     start; fail a[0]
        when      fire t1 @5s; complete a[1]; fail a[2]
        then      t1 fired; stop: a
                  a[1]#1 completed
                  a[2]#1 attempt failed E; a failed NX3003 deadline of 5000 ms over all attempts passed; run failed at a: NX3003 deadline of 5000 ms over all attempts passed
    ",
    );
}

#[test]
fn failures_that_were_collected_go_with_a_cancelled_run() {
    check(
        "
        workflow  a for_each 3 collect concurrency 2
        given     start; fail a[0]
        when      cancel; complete a[1]; fail a[2]
        then      cancel requested; stop: a
                  a[1]#1 completed
                  a[2]#1 attempt failed E; cancelled: a; run cancelled
        after     a cancelled
    ",
    );
}

#[test]
fn an_item_that_failed_takes_no_other_report() {
    check(
        "
        workflow  a for_each 3 collect concurrency 2
        given     start; fail a[0]
        when      fail a[0]#1; complete a[0]#1; complete a[0]#2; complete a[1]; complete a[1]#1
        then      rejected: ignored: stale attempt 1 of step `a[0]`
                  rejected: ignored: stale attempt 1 of step `a[0]`
                  rejected: ignored: stale attempt 2 of step `a[0]`
                  a[1]#1 completed
                  rejected: ignored: stale attempt 1 of step `a[1]`
    ",
    );
}

#[test]
fn an_attempt_of_an_item_that_takes_too_long_is_tried_again() {
    check(
        "
        workflow  a for_each 2 retry 2
        given     start
        when      fail a[0] NX3002; fail a[0]#1 NX3002; fire t1 @1s; complete a[0]#1; complete a[0]#2
        then      a[0]#1 attempt failed NX3002; a[0]#2 retry t1@1s
                  rejected: ignored: stale attempt 1 of step `a[0]`
                  t1 fired; a[0]#2 started
                  rejected: ignored: stale attempt 1 of step `a[0]`
                  a[0]#2 completed
    ",
    );
}

#[test]
fn nobody_completes_what_computes_values() {
    check(
        "
        workflow  a set 1; b
        when      start; complete a#1 2; fail a#1
        then      run started; a#1 completed 1; b#1 started
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
        after     a completed
    ",
    );
}

#[test]
fn values_are_computed_last_or_not_at_all_when_the_run_is_cancelled() {
    check(
        "
        workflow  b; a needs b set 1; c needs b all_done set 2
        given     start
        when      cancel; complete b
        then      cancel requested; stop: b; not reached: a
                  b#1 completed; c#1 completed 2; run cancelled
        after     a not reached; c completed
    ",
    );
}

#[test]
fn a_result_of_a_step_counts_once() {
    check(
        "
        workflow  a; b
        given     start
        when      complete a#1 1; complete a#1 1; complete a#1 2; fail a#1; complete b
        then      a#1 completed 1
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
                  b#1 completed; run completed
        after     a completed
    ",
    );
}

#[test]
fn an_output_is_mapped_once() {
    check(
        "
        workflow  a maps ${{this.output}}; b
        given     start
        when      complete a#9 1; complete a#1 1; complete a#1 2; fail a#1
        then      rejected: ignored: stale attempt 9 of step `a`
                  a#1 completed 1; a mapped 1
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
    ",
    );
}

#[test]
fn an_output_of_a_step_that_was_to_stop_is_mapped_all_the_same() {
    check(
        "
        workflow  a maps ${{this.output+1}}; b
        given     start
        when      cancel; complete a 1; fail b
        then      cancel requested; stop: a b
                  a#1 completed 1; a mapped 2
                  b#1 attempt failed E; cancelled: b; run cancelled
    ",
    );
}
