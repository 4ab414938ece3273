//! Slots: what is limited asks before it starts.

use super::bench::Bench;
use super::check;

#[test]
fn a_limited_step_starts_when_it_has_its_slot() {
    check(
        "
        workflow  a limit 1; b needs a
        given     start
        when      grant a#1; complete a
        then      a granted #1; a#1 started; a#1 completed; b#1 started
        after     slots none; parked false
    ",
    );
}

#[test]
fn a_step_that_waits_for_a_slot_is_not_at_work() {
    check(
        "
        workflow  a limit 1; b
        when      start
        then      run started; a#1 queued #1 for test/a; b#1 started
        after     slots a?; effects run b#1; ready none
    ",
    );
}

#[test]
fn a_run_that_only_waits_for_slots_still_needs_an_engine() {
    check(
        "
        workflow  a limit 1
        when      start
        then      run started; a#1 queued #1 for test/a
        after     parked false; effects
    ",
    );
}

#[test]
fn a_slot_is_asked_for_even_when_there_is_no_room() {
    check(
        "
        workflow  a limit 1
        when      start slots=0; grant a#1; offer slots=1
        then      run started; a#1 queued #1 for test/a; a granted #1
                  slots offered; a#1 started
        after     slots a+
    ",
    );
}

#[test]
fn the_key_is_an_expression() {
    check(
        "
        workflow  a limit 1 key ${{inputs.who}}
        when      start {\"who\":\"ann\"}
        then      run started; a#1 queued #1 for test/ann
    ",
    );
}

#[test]
fn a_key_of_nothing_fails_the_step() {
    check(
        "
        workflow  a limit 1 key ${{inputs.who}}
        when      start {\"who\":\"\"}
        then      run started
                  a failed NX4161 `key` of `concurrency` has 0 characters; it needs 1 to 256, and none that is invisible
                  run failed at a: NX4161 `key` of `concurrency` has 0 characters; it needs 1 to 256, and none that is invisible
    "
    );
}

#[test]
fn each_attempt_asks_anew() {
    check(
        "
        workflow  a limit 1 retry 2
        given     start; grant a#1
        when      fail a; fire t1 @1s; grant a#2
        then      a#1 attempt failed E; a#2 retry t1@1s
                  t1 fired; a#2 queued #2 for test/a; a granted #2; a#2 started
        after     slots a+
    ",
    );
}

#[test]
fn a_slot_granted_twice_is_held_once() {
    check(
        "
        workflow  a limit 1
        given     start; grant a#1
        when      grant a#1
        then      rejected: the slot is held already
    ",
    );
}

#[test]
fn a_slot_that_comes_too_late_is_not_wanted() {
    check(
        "
        workflow  a limit 1; b
        given     start; grant a#1; complete a
        when      grant a#1
        then      rejected: nothing waits for this slot
    ",
    );
    check(
        "
        workflow  a limit 1; b
        given     start; cancel; complete b
        when      grant a#1
        then      rejected: the run has ended (cancelled)
    ",
    );
}

#[test]
fn a_cancelled_run_waits_for_no_slot() {
    check(
        "
        workflow  a limit 1
        given     start
        when      cancel
        then      cancel requested; not reached: a; run cancelled
        after     slots none
    ",
    );
}

#[test]
fn a_deadline_ends_the_wait_between_attempts() {
    check(
        "
        workflow  a limit 1 retry 3 deadline 3s
        given     start; grant a#1; fail a; fire t2 @1s
        when      fire t1 @3s
        then      t1 fired
                  a failed NX3003 deadline of 3000 ms over all attempts passed
                  run failed at a: NX3003 deadline of 3000 ms over all attempts passed
        after     slots none
    ",
    );
}

#[test]
fn a_paused_run_gives_back_what_it_does_not_use() {
    check(
        "
        workflow  a limit 1; b limit 1; c limit 1
        given     start; grant a#1; grant b#2 slots=0
        when      pause
        then      paused
        after     slots a+; parked false
    ",
    );
    check(
        "
        workflow  a limit 1; b limit 1
        given     start; grant a#1; pause
        when      grant b#2; resume; grant b#3
        then      rejected: nothing waits for this slot
                  resumed; b#1 queued #3 for test/b; b granted #3; b#1 started
    ",
    );
}

#[test]
fn a_step_that_becomes_ready_in_a_pause_asks_afterwards() {
    check(
        "
        workflow  a; b needs a limit 1
        given     start; pause
        when      complete a; resume
        then      a#1 completed; resumed; b#1 queued #1 for test/b
        after     slots b?
    ",
    );
}

#[test]
fn an_interrupted_attempt_keeps_its_slot() {
    check(
        "
        workflow  a limit 1
        given     start; grant a#1
        when      interrupt a
        then      interrupted: a#1
        after     slots a+; effects resume a#1
    ",
    );
}

#[test]
fn a_limited_run_starts_nothing_before_it_has_its_slot() {
    check(
        "
        workflow  run limit 1; a; b set 1
        given     start
        when      offer; grant #1; complete a
        then      rejected: nothing is ready to start
                  run granted #1; b#1 completed 1; a#1 started; a#1 completed; run completed
        after     slots none
    ",
    );
}

#[test]
fn a_run_asks_under_its_key() {
    check(
        "
        workflow  run limit 1 key ${{inputs.who}}; a
        when      start {\"who\":\"ann\"}
        then      run started; run queued #1 for test:ann
        after     parked false; effects
    ",
    );
}

#[test]
fn a_run_that_is_cancelled_before_its_slot_does_nothing() {
    check(
        "
        workflow  run limit 1; a; b needs a all_done
        given     start
        when      cancel
        then      cancel requested; not reached: a; b#1 started
        after     slots none
    ",
    );
}

#[test]
fn a_run_times_out_while_it_waits_for_its_slot() {
    check(
        "
        workflow  run limit 1 timeout 5s; a
        given     start
        when      fire t1 @5s
        then      t1 fired; not reached: a; run failed: NX3010 run timed out after 5000 ms
        after     slots none
    ",
    );
}

#[test]
fn a_run_that_waits_can_be_paused_and_resumed() {
    check(
        "
        workflow  run limit 1; a
        given     start
        when      pause; grant #1; resume; grant #2
        then      paused; rejected: nothing waits for this slot
                  resumed; run queued #2 for test; run granted #2; a#1 started
    ",
    );
}

#[test]
fn a_run_that_is_retried_asks_again() {
    check(
        "
        workflow  run limit 1; a
        given     start; grant #1; fail a
        when      retry; grant #2
        then      run retried; run queued #2 for test; run granted #2; a#2 started
        after     slots run+
    ",
    );
}

#[test]
fn a_run_with_two_limits_asks_for_one_after_the_other() {
    let mut bench = Bench::of("run limit 1; a");
    let mut start = super::notation::command(&mut bench, "start");
    if let crate::command::Command::StartRun(started) = &mut start {
        let global = crate::limit::Wish { limit: "all".to_owned(), ..Default::default() };
        started.limits.push(global);
    }
    let told = bench.act(&start).expect("a start").events;
    assert_eq!(told.len(), 2);
    assert_eq!(bench.play("grant #1").unwrap(), ["run granted #1", "run queued #2 for all"]);
    assert_eq!(bench.play("grant #2").unwrap(), ["run granted #2", "a#1 started"]);
    assert_eq!(bench.play("complete a").unwrap(), ["a#1 completed", "run completed"]);
}

#[test]
fn what_is_at_work_keeps_its_slots_until_it_has_stopped() {
    check(
        "
        workflow  run limit 1; a limit 1; b limit 1
        given     start; grant #1; grant a#2
        when      cancel
        then      cancel requested; stop: a; not reached: b
        after     slots run+ a+
    ",
    );
}
