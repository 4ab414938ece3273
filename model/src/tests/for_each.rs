//! Items of a `for_each`: one after the other, together, failing, tried again, cut off, left over.

use serde_json::json;

use super::bench::Bench;
use super::check;
use crate::codec::chunks::{Assembled, assemble};
use crate::codec::{decode_run, encode_run};
use crate::event::Failure;
use crate::id::StepIndex;
use crate::payload::Payload;
use crate::run::{ITEMS_PER_CHUNK, ItemOutcome, StepState};

#[test]
fn items_run_as_many_at_a_time_as_allowed_and_the_output_is_in_their_order() {
    check(
        r#"
        workflow  a for_each [10,20,30] concurrency 2 with ${{item}}; b needs a
        given     start
        when      complete a[1] "y"; complete a[0] "x"; complete a[2] "z"
        then      a[1]#1 completed "y"; a[2]#1 started 30
                  a[0]#1 completed "x"
                  a[2]#1 completed "z"; a#1 completed ["x","y","z"]; b#1 started
        after     a completed; timers none
    "#,
    );
}

#[test]
fn the_first_items_start_with_the_step() {
    check(
        r#"
        workflow  a for_each [{"id":7},{"id":8}] as line with {"x":"${{line.id}}","n":"${{line_index}}"}
        when      start
        then      run started; a has 2 items; a[0]#1 started {"n":0,"x":7}; a[1]#1 started {"n":1,"x":8}
        after     a running; effects run a[0]#1, run a[1]#1; parked false
    "#,
    );
}

#[test]
fn an_empty_list_completes_at_once() {
    check(
        "
        workflow  a for_each []; b for_each [] collect
        when      start
        then      run started; a#1 completed []; b#1 completed {\"failed\":[],\"ok\":[]}; run completed
    ",
    );
}

#[test]
fn the_list_may_come_from_an_earlier_step() {
    check(
        r#"
        workflow  list; a for_each ${{steps.list.output}} with ${{item}}
        given     start
        when      complete list ["p","q"]
        then      list#1 completed ["p","q"]; a has 2 items; a[0]#1 started "p"; a[1]#1 started "q"
    "#,
    );
}

#[test]
fn what_is_no_list_fails_the_step() {
    check(
        r#"
        workflow  list; a for_each ${{steps.list.output}}
        given     start
        when      complete list {"p":1}
        then      list#1 completed {"p":1}
                  a failed NX3030 `for_each` takes a list, and its expression gives a map
                  run failed at a: NX3030 `for_each` takes a list, and its expression gives a map
    "#,
    );
}

#[test]
fn the_key_of_an_item_has_its_number_and_is_the_same_on_every_attempt() {
    check(
        r#"
        workflow  a for_each [1,2] concurrency 1 retry 2 with ${{step.key}}
        when      start; fail a[0]; fire t1 @1s
        then      run started; a has 2 items; a[0]#1 started "07070707070707070707070707070707/a/0"
                  a[0]#1 attempt failed E; a[0]#2 retry t1@1s
                  t1 fired; a[0]#2 started "07070707070707070707070707070707/a/0"
    "#,
    );
}

#[test]
fn an_item_is_tried_again_and_keeps_its_place() {
    check(
        "
        workflow  a for_each 3 concurrency 1 retry 2
        given     start
        when      fail a[0]; fire t1 @1s; complete a[0]#2 5
        then      a[0]#1 attempt failed E; a[0]#2 retry t1@1s
                  t1 fired; a[0]#2 started
                  a[0]#2 completed 5; a[1]#1 started
    ",
    );
}

#[test]
fn a_run_whose_items_all_wait_for_their_next_attempt_is_parked() {
    check(
        "
        workflow  a for_each 2 concurrency 1 retry 2
        given     start
        when      fail a[0]
        then      a[0]#1 attempt failed E; a[0]#2 retry t1@1s
        after     a running; parked true; timers t1@1s
    ",
    );
}

#[test]
fn items_wait_differently_long() {
    check(
        "
        workflow  a for_each 2 concurrency 2 retry 3 jitter
        given     start
        when      fail a[0] E; fail a[1] E
        then      a[0]#1 attempt failed E; a[0]#2 retry t1@736ms
                  a[1]#1 attempt failed E; a[1]#2 retry t2@751ms
    ",
    );
}

#[test]
fn an_item_that_fails_stops_the_others_and_fails_the_step() {
    check(
        "
        workflow  a for_each 5 concurrency 3
        given     start
        when      fail a[1] X; complete a[0]; fail a[2] NX3016
        then      a[1]#1 attempt failed X; a[1]#1 failed X; stop: a
                  a[0]#1 completed
                  a[2]#1 attempt failed NX3016; a failed X; run failed at a: X
        after     a failed; timers none
    ",
    );
}

#[test]
fn what_runs_beside_an_item_that_failed_is_told_to_stop() {
    check(
        "
        workflow  a for_each 5 concurrency 3
        given     start
        when      fail a[1]
        then      a[1]#1 attempt failed E; a[1]#1 failed E; stop: a
        after     effects stop a[0]#1, stop a[2]#1; parked false
    ",
    );
}

#[test]
fn failures_are_collected() {
    check(
        r#"
        workflow  a for_each 3 concurrency 3 collect retry 2; b needs a
        given     start
        when      complete a[2] 2; fail a[0] X fatal; complete a[1] 1
        then      a[2]#1 completed 2
                  a[0]#1 attempt failed X; a[0]#1 failed X
                  a[1]#1 completed 1
                  a#1 completed {"failed":[{"error":{"code":"X","details":null,"message":"it broke"},"index":0}],"ok":[1,2]}
                  b#1 started
    "#,
    );
}

#[test]
fn an_item_whose_input_cannot_be_made_fails() {
    check(
        r#"
        workflow  a for_each [{"id":1},{}] collect with ${{item.id}}
        given     start
        when      complete a[0] 7
        then      a[0]#1 completed 7
                  a#1 completed {"failed":[{"error":{"code":"NX2102","details":null,"message":"`item.id` is missing"},"index":1}],"ok":[7]}
                  run completed
    "#,
    );
}

#[test]
fn the_output_of_each_item_is_mapped() {
    check(
        r#"
        workflow  a for_each [5,6] concurrency 1 maps {"was":"${{item}}","got":"${{this.output}}"}
        given     start
        when      complete a[0] "x"; complete a[1] "y"
        then      a[0]#1 completed "x"; a[0] mapped {"got":"x","was":5}; a[1]#1 started
                  a[1]#1 completed "y"; a[1] mapped {"got":"y","was":6}
                  a#1 completed [{"got":"x","was":5},{"got":"y","was":6}]; run completed
    "#,
    );
}

#[test]
fn a_mapping_that_fails_fails_the_item() {
    check(
        r"
        workflow  a for_each [5,6] concurrency 1 maps ${{this.output.id}}
        given     start
        when      complete a[0] {}
        then      a[0]#1 completed {}
                  a[0]#1 failed NX2102
                  a failed NX2102; run failed at a: NX2102
        after     a failed
    ",
    );
}

#[test]
fn a_report_about_another_attempt_or_item_is_refused() {
    check(
        "
        workflow  a for_each 2 concurrency 1 retry 2; b needs a
        given     start; fail a[0]; fire t1
        when      complete a[0]#1; complete a[1]#1; complete a[9]#1; complete a#1; fail a[0]#3
        then      rejected: ignored: stale attempt 1 of step `a[0]`
                  rejected: ignored: stale attempt 1 of step `a[1]`
                  rejected: ignored: stale attempt 1 of step `a[9]`
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 3 of step `a[0]`
    ",
    );
}

#[test]
fn a_result_counts_once() {
    check(
        "
        workflow  a for_each 3 concurrency 2
        given     start
        when      complete a[0]#1; complete a[0]#1
        then      a[0]#1 completed; a[2]#1 started
                  rejected: ignored: stale attempt 1 of step `a[0]`
    ",
    );
}

#[test]
fn after_a_crash_only_what_was_under_way_runs_again() {
    check(
        "
        workflow  a for_each 5 concurrency 2
        given     start; complete a[0] 0
        when      interrupt a[1] a[2]; resume_attempt a[1]; complete a[1] 1
        then      interrupted: a[1]#1 a[2]#1
                  a[1]#1 resumed
                  a[1]#1 completed 1 may repeat; a[3]#1 started
        after     effects resume a[2]#1, run a[3]#1
    ",
    );
}

#[test]
fn an_item_that_ends_the_process_again_and_again_runs_alone_and_then_fails() {
    check(
        "
        workflow  a for_each 2 concurrency 1
        given     start; interrupt a[0]; resume_attempt a[0]; interrupt a[0]; resume_attempt a[0]
        when      interrupt a[0]
        then      interrupted: a[0]#1; a[0]#1 failed NX3013 item 0: the engine's process ended 3 times while this step ran
                  a failed NX3013 item 0: the engine's process ended 3 times while this step ran
                  run failed at a: NX3013 item 0: the engine's process ended 3 times while this step ran
    ",
    );
}

#[test]
fn items_start_only_as_room_is_offered() {
    check(
        "
        workflow  a for_each 5 concurrency 4
        when      start slots=1; offer slots=2; offer slots=2; offer
        then      run started; a has 5 items; a[0]#1 started
                  slots offered; a[1]#1 started; a[2]#1 started
                  slots offered; a[3]#1 started
                  rejected: nothing is ready to start
    ",
    );
}

#[test]
fn two_lists_take_turns() {
    check(
        "
        workflow  a for_each 5; b for_each 5
        when      start slots=3
        then      run started; a has 5 items; b has 5 items
                  a[0]#1 started; b[0]#1 started; a[1]#1 started
    ",
    );
}

#[test]
fn a_paused_run_starts_no_item() {
    check(
        "
        workflow  a for_each 3 concurrency 1
        given     start; pause
        when      complete a[0]; resume
        then      a[0]#1 completed
                  resumed; a[1]#1 started
    ",
    );
}

#[test]
fn a_cancelled_run_stops_its_items() {
    check(
        "
        workflow  a for_each 3 concurrency 2; b needs a
        given     start
        when      cancel; complete a[0]; fail a[1] NX3016
        then      cancel requested; stop: a; not reached: b
                  a[0]#1 completed
                  a[1]#1 attempt failed NX3016; cancelled: a; run cancelled
        after     a cancelled
    ",
    );
}

#[test]
fn items_that_only_wait_are_cancelled_at_once() {
    check(
        "
        workflow  a for_each 3 concurrency 1 retry 2
        given     start; fail a[0]
        when      cancel
        then      cancel requested; cancelled: a; run cancelled
        after     timers none
    ",
    );
}

#[test]
fn the_deadline_is_that_of_all_items() {
    check(
        "
        workflow  a for_each 3 concurrency 1 deadline 5s
        given     start
        when      complete a[0]; fire t1 @5s; complete a[1]
        then      a[0]#1 completed; a[1]#1 started
                  t1 fired; stop: a
                  a[1]#1 completed; a failed NX3003 deadline of 5000 ms over all attempts passed
                  run failed at a: NX3003 deadline of 5000 ms over all attempts passed
    ",
    );
}

#[test]
fn a_run_that_times_out_stops_its_items() {
    check(
        "
        workflow  run timeout 9s; a for_each 3 concurrency 1
        given     start
        when      fire t1 @9s; interrupt a[0]
        then      t1 fired; stop: a
                  interrupted: a[0]#1; cancelled: a; run failed: NX3010 run timed out after 9000 ms
    ",
    );
}

#[test]
fn a_retried_run_goes_on_with_the_items_that_are_left() {
    check(
        r"
        workflow  a for_each 4 concurrency 2
        given     start; complete a[0] 0; fail a[1]; complete a[2] 2
        when      retry; complete a[3] 3; complete a[1]#2 1
        then      run retried; a has 4 items; a[1]#2 started; a[3]#2 started
                  a[3]#2 completed 3
                  a[1]#2 completed 1; a#2 completed [0,1,2,3]; run completed
    ",
    );
}

#[test]
fn a_retried_run_evaluates_the_list_again_if_something_before_it_runs_again() {
    check(
        r"
        workflow  x; a needs x all_done for_each ${{inputs}} concurrency 1
        given     start [1,2]; fail x; complete a[0]; fail a[1]
        when      retry; complete x
        then      run retried; x#2 started
                  x#2 completed; a has 2 items; a[0]#2 started
    ",
    );
}

#[test]
fn a_step_that_may_fail_goes_on_without_its_items() {
    check(
        "
        workflow  a for_each 3 concurrency 1 continue; b needs a
        given     start
        when      fail a[0]
        then      a[0]#1 attempt failed E; a[0]#1 failed E; a failed E, continued; b#1 started
    ",
    );
}

#[test]
fn an_output_over_the_limit_is_kept_beside_the_events() {
    check(
        r"
        workflow  a for_each 2 concurrency 1; b needs a with ${{steps.a.output|length}}
        given     start
        when      complete a[0] big; complete a[1] 1
        then      a[0]#1 completed <70002 bytes>; a[1]#1 started
                  a[1]#1 completed 1; a#1 completed <chunks>; b#1 started 2
    ",
    );
}

/// Completes every item as it starts, and counts what the state holds meanwhile.
fn run_through(bench: &mut Bench, count: u32) -> usize {
    bench.play("start").expect("it starts");
    let mut largest = 0;
    for item in 0..count {
        bench.play(&format!("complete a[{item}] {item}")).expect("it is under way");
        largest = largest.max(encode_run(&bench.plan, &bench.run).len());
    }
    largest
}

/// The output of a list in chunks, and how long it says that it is.
fn output(bench: &Bench) -> (Vec<u8>, u64) {
    let step = bench.plan.find("a").expect("a step");
    let StepState::Completed { output: Payload::Stored(_, hash, length) } = bench.run.step(step)
    else {
        panic!("{:?}", bench.run.step(step))
    };
    let loaded = |hash: &_| bench.store.get(hash).map(|bytes| &**bytes);
    let Assembled::Json(text) = assemble(&bench.store[hash], loaded) else {
        panic!("all is there")
    };
    (text, *length)
}

#[test]
fn outcomes_leave_the_state_in_chunks() {
    let mut bench = Bench::of("a for_each 600 concurrency 3");
    bench.set_ms(0);
    let largest = run_through(&mut bench, 600);
    assert!(largest < 4_000, "{largest} bytes of state");
    let (text, _) = output(&bench);
    let numbers: Vec<u32> = serde_json::from_slice(&text).expect("a list");
    assert_eq!(json!(numbers), json!((0..600).collect::<Vec<_>>()));
}

#[test]
fn a_list_in_chunks_says_how_long_its_text_is() {
    for count in [ITEMS_PER_CHUNK + 1, 2 * ITEMS_PER_CHUNK + 1] {
        let mut bench = Bench::of(&format!("a for_each {count} concurrency 3"));
        bench.set_ms(0);
        run_through(&mut bench, count);
        let (text, length) = output(&bench);
        assert_eq!(text.len() as u64, length, "{count} items");
    }
}

#[test]
fn one_slow_item_keeps_one_chunk() {
    let mut bench = Bench::of("a for_each 600 concurrency 2");
    bench.play("start").expect("it starts");
    for item in 1..600 {
        bench.play(&format!("complete a[{item}] {item}")).expect("it is under way");
    }
    let step = bench.plan.find("a").expect("a step");
    let items = bench.run.items(step).expect("its items");
    assert_eq!((items.settled().count(), items.stored().count()), (255, 2));
    assert_eq!(
        decode_run(&bench.plan, &encode_run(&bench.plan, &bench.run)),
        Ok(bench.run.clone())
    );
    bench.play("complete a[0] 0").expect("it is under way");
    assert_eq!(bench.run.status.word(), "completed");
}

#[test]
fn many_items_start_in_several_transitions() {
    let mut bench = Bench::of("a for_each 600 concurrency 500");
    bench.slots = 1_000;
    bench.play("start").expect("it starts");
    assert_eq!(bench.run.running_items(), 256);
    bench.play("offer").expect("there is room");
    assert_eq!(bench.run.running_items(), 500);
    assert!(bench.play("offer").is_err());
}

#[test]
fn items_that_are_done_stay_done_over_a_retry_that_fails_before_another_begins() {
    check(
        "
        workflow  b; a for_each 3 concurrency 1
        given     start; complete a[0] 7; fail b
        when      fail a[1]; retry slots=1; fail b#2; retry slots=8
        then      a[1]#1 attempt failed E; cancelled: a; run failed at b: E
                  run retried; a has 3 items; b#2 started
                  b#2 attempt failed E; b failed E; cancelled: a; run failed at b: E
                  run retried; a has 3 items; b#3 started; a[1]#2 started
    ",
    );
}

#[test]
fn a_retry_of_the_run_counts_the_attempts_of_its_items_anew() {
    check(
        "
        workflow  a for_each [1] retry 2
        given     start; fail a[0] E; fire t1 @1s; fail a[0]#2 E
        when      retry @2s; fail a[0]#3 E @2s; fire t2 @3s; fail a[0]#4 E @3s
        then      run retried; a has 1 items; a[0]#3 started
                  a[0]#3 attempt failed E; a[0]#4 retry t2@3s
                  t2 fired; a[0]#4 started
                  a[0]#4 attempt failed E; a[0]#4 failed E; a failed E; run failed at a: E
    ",
    );
}

#[test]
fn a_step_that_fails_tries_none_of_its_items_again() {
    check(
        "
        workflow  a for_each [1,2] retry 2 concurrency 2; b
        given     start; fail a[0] E
        when      fail a[1] E fatal
        then      a[1]#1 attempt failed E; a[1]#1 failed E; a failed E; stop: b
        after     timers none
    ",
    );
}

#[test]
fn items_are_counted() {
    let mut bench = Bench::of("a for_each [1,2,3] concurrency 2 retry 2");
    let counts = |bench: &Bench| {
        let items = bench.run.items(StepIndex(0)).expect("it has items");
        (items.running_count(), items.settled_count(), bench.run.running_items())
    };
    for (line, expected) in [
        ("start", (2, 0, 2)),
        ("fail a[0] E", (1, 0, 1)),
        ("complete a[1]", (1, 1, 1)),
        ("fire t1 @9s slots=9", (2, 1, 2)),
        ("complete a[2]", (1, 2, 1)),
    ] {
        bench.play(line).unwrap();
        assert_eq!(counts(&bench), expected, "after {line}");
    }
    bench.play("cancel").unwrap();
    bench.play("shutdown a[0]").unwrap();
    assert_eq!((bench.run.running_items(), bench.run.running_count()), (0, 0));
}

#[test]
fn what_an_item_came_to_has_a_size() {
    let failure = |message: &str| {
        let (code, message) = ("E_1".to_owned(), message.to_owned());
        ItemOutcome::Failed(Failure { code, message, ..Failure::default() })
    };
    assert_eq!(failure("it broke").bytes(), 64 + 3 + 8);
    assert_eq!(ItemOutcome::Completed(Payload::Null).bytes(), 4);
}
