//! Slots and calls of items: each item asks for its own before each attempt.

use super::bench::Bench;
use super::check;
use crate::decide::SlotChange;

#[test]
fn each_item_starts_when_it_has_its_own_slot() {
    check(
        "
        workflow  a for_each [7,8] limit 1; b needs a
        when      start; grant a[0]#1; complete a[0]; grant a[1]#2; complete a[1]
        then      run started; a has 2 items; a[0]#1 queued #1 for test/a; a[1]#1 queued #2 for test/a
                  a[0] granted #1; a[0]#1 started
                  a[0]#1 completed
                  a[1] granted #2; a[1]#1 started
                  a[1]#1 completed; a#1 completed [null,null]; b#1 started
        after     slots none
    ",
    );
}

#[test]
fn only_items_that_began_ask() {
    check(
        "
        workflow  a for_each 600 concurrency 2 limit 1
        when      start; grant a[0]#1; complete a[0]
        then      run started; a has 600 items; a[0]#1 queued #1 for test/a; a[1]#1 queued #2 for test/a
                  a[0] granted #1; a[0]#1 started
                  a[0]#1 completed; a[2]#1 queued #3 for test/a
        after     slots a[1]? a[2]?; parked false; effects
    ",
    );
}

#[test]
fn the_key_can_be_of_the_item() {
    check(
        "
        workflow  a for_each [{\"tenant\":\"ann\"},{\"tenant\":\"bob\"}] limit 1 key ${{item.tenant}} priority ${{item_index}}
        when      start; grant a[1]#2
        then      run started; a has 2 items; a[0]#1 queued #1 for test/ann; a[1]#1 queued #2 for test/bob
                  a[1] granted #2; a[1]#1 started
        after     slots a[0]? a[1]+; effects run a[1]#1
    ",
    );
}

#[test]
fn a_key_of_nothing_fails_the_item() {
    check(
        "
        workflow  a for_each [\"\",\"x\"] limit 1 key ${{item}} collect
        when      start
        then      run started; a has 2 items
                  a[0]#0 failed NX4161 `key` of `concurrency` has 0 characters; it needs 1 to 256, and none that is invisible
                  a[1]#1 queued #1 for test/x
        after     slots a[1]?
    ",
    );
}

#[test]
fn without_room_nothing_is_asked_for() {
    check(
        "
        workflow  a for_each [7,8] limit 1
        when      start slots=0; offer slots=1; grant a[0]#1 slots=0; offer slots=1
        then      run started; a has 2 items
                  slots offered; a[0]#1 queued #1 for test/a; a[1]#1 queued #2 for test/a
                  a[0] granted #1
                  slots offered; a[0]#1 started
        after     slots a[0]+ a[1]?
    ",
    );
}

#[test]
fn each_attempt_of_an_item_asks_anew() {
    check(
        "
        workflow  a for_each [7] limit 1 retry 2
        given     start; grant a[0]#1
        when      fail a[0]; fire t1 @1s; grant a[0]#2; complete a[0]
        then      a[0]#1 attempt failed E; a[0]#2 retry t1@1s
                  t1 fired; a[0]#2 queued #2 for test/a
                  a[0] granted #2; a[0]#2 started
                  a[0]#2 completed; a#1 completed [null]; run completed
        after     slots none
    ",
    );
}

#[test]
fn a_slot_of_an_item_that_is_granted_twice_is_held_once() {
    check(
        "
        workflow  a for_each [7,8] limit 1
        given     start; grant a[0]#1
        when      grant a[0]#1
        then      rejected: the slot is held already
    ",
    );
}

#[test]
fn a_slot_of_an_item_that_has_settled_is_not_wanted() {
    check(
        "
        workflow  a for_each [7,8] limit 1
        given     start; grant a[0]#1; complete a[0]
        when      grant a[0]#1; grant a[1]#1; grant a#2; grant a[9]#2
        then      rejected: nothing waits for this slot; rejected: nothing waits for this slot
                  rejected: nothing waits for this slot; rejected: nothing waits for this slot
        after     slots a[1]?
    ",
    );
}

#[test]
fn an_attempt_that_was_cut_off_keeps_its_slot() {
    check(
        "
        workflow  a for_each [7,8] limit 1
        given     start; grant a[0]#1
        when      interrupt a[0]; resume_attempt a[0]; complete a[0]
        then      interrupted: a[0]#1
                  a[0]#1 resumed
                  a[0]#1 completed may repeat
        after     slots a[1]?
    ",
    );
}

#[test]
fn an_item_that_fails_for_good_gives_back_what_the_others_wait_for() {
    check(
        "
        workflow  a for_each [7,8,9] limit 2
        given     start; grant a[0]#1; grant a[1]#2
        when      fail a[0]; complete a[1]
        then      a[0]#1 attempt failed E; a[0]#1 failed E; stop: a
                  a[1]#1 completed
                  a failed E; run failed at a: E
        after     slots none
    ",
    );
}

#[test]
fn a_run_that_is_cancelled_gives_all_slots_back() {
    check(
        "
        workflow  a for_each [7,8,9] limit 2
        given     start; grant a[0]#1
        when      cancel; fail a[0]
        then      cancel requested; stop: a
                  a[0]#1 attempt failed E; cancelled: a; run cancelled
        after     slots none
    ",
    );
}

#[test]
fn a_deadline_gives_all_slots_back() {
    check(
        "
        workflow  a for_each [7,8] limit 1 deadline 2s continue
        given     start
        when      fire t1 @2s
        then      t1 fired; a failed NX3003 deadline of 2000 ms over all attempts passed, continued; run completed
        after     slots none; timers none
    ",
    );
}

#[test]
fn a_pause_gives_back_what_is_not_at_work() {
    check(
        "
        workflow  a for_each [7,8,9] limit 2
        given     start; grant a[0]#1; grant a[1]#2 slots=0
        when      pause; resume slots=9
        then      paused
                  resumed; a[1]#1 queued #4 for test/a; a[2]#1 queued #5 for test/a
        after     slots a[0]+ a[1]? a[2]?
    ",
    );
}

#[test]
fn a_pause_of_the_step_or_of_the_store_does_so_too() {
    for (pause, resume) in [("pause_step a", "resume_step a"), ("hold all", "release")] {
        let mut bench = Bench::of("a for_each [7,8] limit 1; b limit 1");
        for line in ["start", "grant a[0]#2", pause] {
            bench.play(line).expect("it is allowed");
        }
        let held = |bench: &Bench| {
            let items = bench.run.slots.iter().filter(|(slot, _)| slot.item().is_some());
            items.map(|(slot, hold)| (slot.item().map(|item| item.0), hold.granted)).collect()
        };
        let now: Vec<_> = held(&bench);
        assert_eq!(now, [(Some(0), true)], "{pause}");
        bench.play(resume).expect("it is allowed");
        let now: Vec<_> = held(&bench);
        assert_eq!(now, [(Some(0), true), (Some(1), false)], "{resume}");
    }
}

#[test]
fn a_retry_of_the_run_asks_anew() {
    check(
        "
        workflow  a for_each [7,8] limit 1
        given     start; grant a[0]#1; fail a[0]
        when      retry; grant a[0]#3
        then      run retried; a has 2 items; a[0]#2 queued #3 for test/a; a[1]#1 queued #4 for test/a
                  a[0] granted #3; a[0]#2 started
        after     slots a[0]+ a[1]?
    ",
    );
}

#[test]
fn items_share_the_breaker_of_their_target() {
    check(
        "
        workflow  a for_each [7,8] breaker pay collect
        given     start; allow a[0]#1; allow a[1]#2
        when      complete a[0]; fail a[1]
        then      a[0]#1 completed
                  a[1]#1 attempt failed E; a[1]#1 failed E; a#1 completed {\"failed\":[{\"error\":{\"code\":\"E\",\"details\":null,\"message\":\"it broke\"},\"index\":1}],\"ok\":[null]}; run completed
        after     calls pay ok pay failed; slots none
    ",
    );
}

#[test]
fn an_item_asks_its_limit_and_then_its_breaker() {
    check(
        "
        workflow  a for_each [7] limit 1 breaker pay
        when      start; grant a[0]#1; allow a[0]#2; allow a[0]#2
        then      run started; a has 1 items; a[0]#1 queued #1 for test/a
                  a[0] granted #1; a[0]#1 asks pay #2
                  a[0] allowed #2; a[0]#1 started
                  rejected: the attempt is allowed already
        after     slots a[0]+ a[0]+
    ",
    );
}

#[test]
fn a_breaker_that_refuses_an_item_fails_only_that() {
    check(
        "
        workflow  a for_each [7,8] breaker pay hurried collect
        given     start
        when      refuse a[0]#1; allow a[1]#2; complete a[1]
        then      a[0] refused #1; a[0]#0 failed NX3045 the circuit breaker of `pay` is open
                  a[1] allowed #2; a[1]#1 started
                  a[1]#1 completed; a#1 completed {\"failed\":[{\"error\":{\"code\":\"NX3045\",\"details\":null,\"message\":\"the circuit breaker of `pay` is open\"},\"index\":0}],\"ok\":[null]}; run completed
        after     calls pay unknown pay ok
    ",
    );
}

#[test]
fn an_item_that_is_refused_after_an_attempt_is_not_tried_again_and_says_what_that_failed_with() {
    check(
        "
        workflow  a for_each [7] breaker pay hurried collect retry 5
        given     start; allow a[0]#1; fail a[0]
        when      fire t1 @1s; refuse a[0]#2
        then      t1 fired; a[0]#2 asks pay #2
                  a[0] refused #2
                  a[0]#1 failed NX3045 the circuit breaker of `pay` is open, and the last attempt failed: E it broke
                  a#1 completed {\"failed\":[{\"error\":{\"code\":\"NX3045\",\"details\":\"E it broke\",\"message\":\"the circuit breaker of `pay` is open, and the last attempt failed: E it broke\"},\"index\":0}],\"ok\":[]}; run completed
        after     calls pay failed pay unknown
    ",
    );
    check(
        "
        workflow  a for_each [7] breaker pay hurried retry 5
        given     start; allow a[0]#1; fail a[0]; fire t1 @1s
        when      refuse a[0]#2
        then      a[0] refused #2
                  a[0]#1 failed NX3045 item 0: the circuit breaker of `pay` is open, and the last attempt failed: E it broke
                  a failed NX3045 item 0: the circuit breaker of `pay` is open, and the last attempt failed: E it broke
                  run failed at a: NX3045 item 0: the circuit breaker of `pay` is open, and the last attempt failed: E it broke
    ",
    );
}

#[test]
fn an_item_that_was_told_to_stop_says_nothing_of_its_target() {
    check(
        "
        workflow  a for_each [7,8] breaker pay
        given     start; allow a[0]#1; allow a[1]#2
        when      fail a[0]; fail a[1]
        then      a[0]#1 attempt failed E; a[0]#1 failed E; stop: a
                  a[1]#1 attempt failed E; a failed E; run failed at a: E
        after     calls pay failed pay unknown
    ",
    );
}

#[test]
fn a_breaker_that_asks_late_is_told_what_the_items_came_to() {
    check(
        "
        workflow  a for_each [7,8,9] breaker pay collect concurrency 2
        given     start; allow a[0]#1; allow a[1]#2; complete a[0]; fail a[1]
        when      allow a[0]#1; allow a[1]#2
        then      rejected: nothing waits for this answer of the breaker; rejected: nothing waits for this answer of the breaker
    ",
    );
}

#[test]
fn the_limit_knows_its_holders_by_run_step_and_item() {
    let mut bench = Bench::of("a for_each [7,8] limit 1");
    bench.play("start").expect("a start");
    let mut tell = |line| {
        let command = super::notation::command(&mut bench, line);
        bench.act(&command).expect("it is wanted")
    };
    assert!(tell("grant a[0]#1").slots.is_empty(), "the limit knows of it");
    let transition = tell("complete a[0]");
    let [SlotChange::Released(holder, name)] = transition.slots.as_slice() else {
        panic!("one slot is given back: {:?}", transition.slots);
    };
    assert_eq!(name, "test/a");
    assert_eq!(
        (holder.ticket.0, holder.step, holder.item.map(|item| item.0)),
        (1, bench.plan.find("a"), Some(0))
    );
}
