//! Undoing the items of a step: one after the other, the last first, each once, also of a list that came only half way.

use super::bench::Bench;
use super::check;
use crate::codec::{decode_run, encode_run};

#[test]
fn items_are_undone_one_after_the_other_the_last_first() {
    check(
        "
        workflow  run undoes; a for_each 3 undo; b needs a
        given     start; complete a[0] 10; complete a[1] 11; complete a[2] 12
        when      fail b E; complete a#2; complete a#3; complete a#4
        then      b#1 attempt failed E; b failed E; undo: a; a[2]#2 undo started
                  a[2]#2 undone; a[1]#3 undo started
                  a[1]#3 undone; a[0]#4 undo started
                  a[0]#4 undone; a#4 undone; run failed at b: E
        after     a undone; undone a; run failed
    ",
    );
}

#[test]
fn an_undo_of_an_item_reads_its_output_its_item_and_has_a_key_of_its_own() {
    check(
        r#"
        workflow  run undoes; a for_each ["x","y"] as w undo {"out":"${{this.output}}","of":"${{w}}","at":"${{w_index}}","key":"${{step.key}}"}; b needs a
        given     start; complete a[0] 10; complete a[1] {"n":11}
        when      fail b E; complete a#2
        then      b#1 attempt failed E; b failed E; undo: a; a[1]#2 undo started {"at":1,"key":"07070707070707070707070707070707/a/undo/1","of":"y","out":{"n":11}}
                  a[1]#2 undone; a[0]#3 undo started {"at":0,"key":"07070707070707070707070707070707/a/undo/0","of":"x","out":10}
    "#,
    );
}

#[test]
fn a_list_that_failed_half_way_is_undone_as_far_as_it_came() {
    check(
        r#"
        workflow  run undoes; a for_each 5 concurrency 2 undo "${{this.output}}"
        given     start; complete a[0] 10; complete a[1] 11
        when      fail a[2] E; complete a[3] 13; complete a#2; complete a#3; complete a#4
        then      a[2]#1 attempt failed E; a[2]#1 failed E; stop: a
                  a[3]#1 completed 13; a failed E; undo: a; a[3]#2 undo started 13
                  a[3]#2 undone; a[1]#3 undo started 11
                  a[1]#3 undone; a[0]#4 undo started 10
                  a[0]#4 undone; a#4 undone; run failed at a: E
        after     a undone; run failed
    "#,
    );
}

#[test]
fn a_list_of_which_nothing_completed_has_nothing_to_undo() {
    check(
        "
        workflow  run undoes; a for_each 3 concurrency 2 undo
        given     start
        when      fail a[0] E; fail a[1] E
        then      a[0]#1 attempt failed E; a[0]#1 failed E; stop: a
                  a[1]#1 attempt failed E; a failed E; nothing to undo; run failed at a: E
        after     a failed
    ",
    );
}

#[test]
fn an_empty_list_has_nothing_to_undo() {
    check(
        "
        workflow  run undoes; a for_each [] undo; b needs a
        given     start
        when      fail b E
        then      b#1 attempt failed E; b failed E; nothing to undo; run failed at b: E
        after     a completed; undone none
    ",
    );
}

#[test]
fn failures_that_were_collected_are_passed_over() {
    check(
        r#"
        workflow  run undoes; a for_each 4 collect undo "${{this.output}}"; b needs a
        given     start; complete a[0] 10; fail a[1] E; complete a[2] 12; fail a[3] E
        when      fail b E; complete a#2; complete a#3
        then      b#1 attempt failed E; b failed E; undo: a; a[2]#2 undo started 12
                  a[2]#2 undone; a[0]#3 undo started 10
                  a[0]#3 undone; a#3 undone; run failed at b: E
        after     a undone
    "#,
    );
}

#[test]
fn a_cancelled_list_is_undone_if_the_definition_says_so() {
    check(
        "
        workflow  run undoes_cancelled; a for_each 3 concurrency 2 undo
        given     start; complete a[0]
        when      cancel; fail a[1] E; complete a[2]; complete a#2; complete a#3
        then      cancel requested; stop: a
                  a[1]#1 attempt failed E
                  a[2]#1 completed; cancelled: a; undo: a; a[2]#2 undo started
                  a[2]#2 undone; a[0]#3 undo started
                  a[0]#3 undone; a#3 undone; run cancelled
        after     a undone; run cancelled
    ",
    );
}

#[test]
fn a_run_that_times_out_undoes_its_items() {
    check(
        "
        workflow  run undoes timeout 5s; a for_each 2 undo; b needs a
        given     start; complete a[0]; complete a[1]
        when      fire t1 @5s; fail b E; complete a#2; complete a#3
        then      t1 fired; stop: b
                  b#1 attempt failed E; cancelled: b; undo: a; a[1]#2 undo started
                  a[1]#2 undone; a[0]#3 undo started
                  a[0]#3 undone; a#3 undone; run failed: NX3010 run timed out after 5000 ms
        after     a undone; timers none
    ",
    );
}

#[test]
fn an_item_is_undone_once() {
    check(
        "
        workflow  run undoes; a for_each 2 undo; b needs a
        given     start; complete a[0]; complete a[1]; fail b
        when      complete a[1]; complete a#1; complete a#2; complete a#2; fail a#2; complete a#9; complete a#3; complete a#3
        then      rejected: ignored: stale attempt 1 of step `a[1]`
                  rejected: ignored: stale attempt 1 of step `a`
                  a[1]#2 undone; a[0]#3 undo started
                  rejected: ignored: stale attempt 2 of step `a`
                  rejected: ignored: stale attempt 2 of step `a`
                  rejected: ignored: stale attempt 9 of step `a`
                  a[0]#3 undone; a#3 undone; run failed at b: E
                  rejected: the run has ended (failed)
        after     a undone
    ",
    );
}

#[test]
fn an_undo_of_an_item_is_tried_again_and_the_others_wait() {
    check(
        "
        workflow  run undoes; a for_each 2 undo; b needs a
        given     start; complete a[0]; complete a[1]; fail b
        when      fail a#2 E; fire t1 @1s; complete a#3; complete a#4
        then      a#2 undo attempt failed E; a#3 undo retry t1@615ms
                  t1 fired; a[1]#3 undo started
                  a[1]#3 undone; a[0]#4 undo started
                  a[0]#4 undone; a#4 undone; run failed at b: E
        after     a undone
    ",
    );
}

#[test]
fn attempts_to_undo_count_anew_for_every_item() {
    check(
        "
        workflow  run undoes; a for_each 2 undo undo_retry 2; b needs a
        given     start; complete a[0]; complete a[1]; fail b
        when      fail a#2 E; fire t1 @1s; complete a#3; fail a#4 E; fire t2 @9s; fail a#5 E; retry @10s; complete a#6
        then      a#2 undo attempt failed E; a#3 undo retry t1@1s
                  t1 fired; a[1]#3 undo started
                  a[1]#3 undone; a[0]#4 undo started
                  a#4 undo attempt failed E; a#5 undo retry t2@2s
                  t2 fired; a[0]#5 undo started
                  a#5 undo attempt failed E; a undo failed E
                  undo retried; a[0]#6 undo started
                  a[0]#6 undone; a#6 undone; run failed at b: E
        after     a undone
    ",
    );
}

#[test]
fn an_undo_of_an_item_that_keeps_failing_parks_the_run() {
    check(
        "
        workflow  run undoes; c undo; a needs c for_each 2 undo undo_retry 1; b needs a
        given     start; complete c; complete a[0]; complete a[1]; fail b; complete a#2
        when      fail a#3 E; offer
        then      a#3 undo attempt failed E; a undo failed E
                  rejected: nothing is ready to start
        after     a undo failed; parked true; run compensating; effects
    ",
    );
}

#[test]
fn giving_up_keeps_what_was_undone_and_no_retry_is_possible() {
    check(
        "
        workflow  run undoes; a for_each 3 undo; b needs a
        given     start; complete a[0]; complete a[1]; complete a[2]; fail b; complete a#2
        when      waive; complete a#3; retry
        then      undo waived
                  a[1]#3 undone; run cancelled
                  rejected: a retry would keep the results of `a`, but they were undone
        after     a completed; run cancelled
    ",
    );
}

#[test]
fn giving_up_before_an_item_was_undone_lets_the_run_be_retried() {
    check(
        "
        workflow  run undoes; a for_each 2 undo; b needs a
        given     start; complete a[0]; complete a[1]; fail b
        when      waive; fail a#2 E; retry; fail b; complete a#3; complete a#4
        then      undo waived
                  a#2 undo attempt failed E; run cancelled
                  run retried; b#2 started
                  b#2 attempt failed E; b failed E; undo: a; a[1]#3 undo started
                  a[1]#3 undone; a[0]#4 undo started
                  a[0]#4 undone; a#4 undone; run failed at b: E
        after     a undone
    ",
    );
}

#[test]
fn an_undo_of_an_item_that_is_cut_off_runs_again() {
    check(
        "
        workflow  run undoes; a for_each 2 undo; b needs a
        given     start; complete a[0]; complete a[1]; fail b; complete a#2; interrupt a#3
        when      take_up a#3; complete a#3
        then      taken up: a#3
                  a[0]#3 undone may repeat; a#3 undone; run failed at b: E
        after     a undone
    ",
    );
}

#[test]
fn items_are_undone_after_what_comes_later_and_before_what_came_first() {
    check(
        "
        workflow  run undoes; c undo; a needs c for_each 2 undo; d needs a undo; b needs d
        given     start; complete c; complete a[0]; complete a[1]; complete d
        when      fail b; complete d#2; complete a#2; complete a#3; complete c#2
        then      b#1 attempt failed E; b failed E; undo: c a d; d#2 undo started
                  d#2 undone; a[1]#2 undo started
                  a[1]#2 undone; a[0]#3 undo started
                  a[0]#3 undone; a#3 undone; c#2 undo started
                  c#2 undone; run failed at b: E
        after     undone c a d
    ",
    );
}

#[test]
fn no_item_is_undone_in_a_pause_or_without_room() {
    check(
        "
        workflow  run undoes; a for_each 2 undo; b needs a
        given     start; complete a[0]; complete a[1]; fail b
        when      pause; complete a#2; resume slots=0; offer slots=1; complete a#3
        then      paused
                  a[1]#2 undone
                  resumed
                  slots offered; a[0]#3 undo started
                  a[0]#3 undone; a#3 undone; run failed at b: E
        after     a undone
    ",
    );
}

#[test]
fn a_step_that_may_fail_is_undone_as_far_as_it_came() {
    check(
        "
        workflow  run undoes; a for_each 2 concurrency 1 undo continue; b needs a
        given     start; complete a[0]; fail a[1]
        when      fail b; complete a#2
        then      b#1 attempt failed E; b failed E; undo: a; a[0]#2 undo started
                  a[0]#2 undone; a#2 undone; run failed at b: E
        after     a undone
    ",
    );
}

#[test]
fn an_undo_that_cannot_be_rendered_parks_the_run() {
    check(
        r#"
        workflow  run undoes; a for_each 2 undo "${{this.output.no.such}}"; b needs a
        given     start; complete a[0] {}; complete a[1] {}
        when      fail b
        then      b#1 attempt failed E; b failed E; undo: a; a undo failed NX2102
        after     a undo failed
    "#,
    );
}

#[test]
fn a_list_that_runs_last_is_gone_through_before_anything_is_undone() {
    check(
        "
        workflow  run undoes timeout 5s; a for_each 2 concurrency 1 undo all_done
        given     start
        when      fire t1 @5s; complete a[0]; complete a[1]; complete a#2; complete a#3
        then      t1 fired
                  a[0]#1 completed; a[1]#1 started
                  a[1]#1 completed; a#1 completed [null,null]; undo: a; a[1]#2 undo started
                  a[1]#2 undone; a[0]#3 undo started
                  a[0]#3 undone; a#3 undone; run failed: NX3010 run timed out after 5000 ms
    ",
    );
}

/// Plays what undoes the items of `a`, with a crash before one of the reports. Returns the items in the order in which they were undone.
fn undo_all(bench: &mut Bench, crash_at: Option<usize>) -> Vec<String> {
    let mut undone = Vec::new();
    for played in 0.. {
        let Some(step) = bench.run.running().next() else { break };
        let id = bench.plan.id(step).to_owned();
        if crash_at == Some(played) {
            bench.play(&format!("interrupt {id}")).expect("it is under way");
            *bench = reopened(bench);
            bench.play(&format!("take_up {id}")).expect("it rests");
        }
        let events = bench.play(&format!("complete {id}")).expect("it is under way");
        undone.extend(events.into_iter().filter(|event| event.contains(" undone")));
    }
    undone
}

/// The same run, read back from its snapshot.
fn reopened(bench: &Bench) -> Bench {
    let run = decode_run(&bench.plan, &encode_run(&bench.plan, &bench.run)).expect("a snapshot");
    assert_eq!(run, bench.run);
    let mut next = Bench::new(bench.plan.definition().clone());
    (next.run, next.slots, next.store) = (run, bench.slots, bench.store.clone());
    (next.timers, next.holders) = (bench.timers.clone(), bench.holders.clone());
    next
}

fn three_items_and_a_failure() -> Bench {
    let mut bench = Bench::of("run undoes; a for_each 3 undo ${{this.output}}; b needs a");
    for line in ["start", "complete a[0] 10", "complete a[1] 11", "complete a[2] 12", "fail b"] {
        bench.play(line).expect("it fits");
    }
    bench
}

#[test]
fn a_crash_before_any_report_leads_to_the_same_end() {
    let plain = undo_all(&mut three_items_and_a_failure(), None);
    assert_eq!(plain, ["a[2]#2 undone", "a[1]#3 undone", "a[0]#4 undone", "a#4 undone"]);
    for crash_at in 0..3 {
        let mut bench = three_items_and_a_failure();
        let undone = undo_all(&mut bench, Some(crash_at));
        let undone: Vec<String> =
            undone.iter().map(|event| event.replace(" may repeat", "")).collect();
        assert_eq!(undone, plain, "crash before report {crash_at}");
        bench.check_after("run failed");
        bench.check_after("a undone");
    }
}

#[test]
fn a_long_list_is_undone_chunk_by_chunk_and_the_state_stays_small() {
    let mut bench =
        Bench::of("run undoes; a for_each 600 concurrency 3 undo ${{this.output}}; b needs a");
    bench.play("start").expect("it starts");
    for item in 0..600 {
        bench.play(&format!("complete a[{item}] {item}")).expect("it is under way");
    }
    let mut started = bench.play("fail b").expect("it is under way");
    let mut largest = 0;
    for attempt in 2..602 {
        largest = encode_run(&bench.plan, &bench.run).len().max(largest);
        started.extend(bench.play(&format!("complete a#{attempt}")).expect("it is under way"));
    }
    let started: Vec<&String> =
        started.iter().filter(|event| event.contains(" undo started ")).collect();
    let expected: Vec<String> = (0..600)
        .rev()
        .map(|item| format!("a[{item}]#{} undo started {item}", 601 - item))
        .collect();
    assert_eq!(started, expected.iter().collect::<Vec<_>>());
    bench.check_after("run failed");
    bench.check_after("a undone");
    assert!(largest < 4_000, "{largest} bytes of state");
}

/// A list that collects, of which `completes` says what becomes of each item, and `b`, which needs it.
fn long_list(count: u32, completes: impl Fn(u32) -> bool) -> Bench {
    let list = format!("a for_each {count} concurrency 3 collect undo ${{{{this.output}}}}");
    let mut bench = Bench::of(&format!("run undoes; {list}; b needs a"));
    bench.play("start").expect("it starts");
    for item in 0..count {
        let report = if completes(item) { "complete" } else { "fail" };
        bench.play(&format!("{report} a[{item}] {item}")).expect("it is under way");
    }
    bench
}

#[test]
fn a_long_list_of_which_all_items_failed_has_nothing_to_undo_and_can_be_retried() {
    let mut bench = long_list(300, |_| false);
    let ended = bench.play("fail b E").expect("it is under way");
    assert!(ended.contains(&"nothing to undo".to_owned()), "{ended:?}");
    bench.check_after("run failed");
    assert_eq!(bench.play("retry"), Ok(vec!["run retried".to_owned(), "b#2 started".to_owned()]));
}

#[test]
fn only_chunks_of_which_an_item_completed_are_loaded() {
    let mut bench = long_list(1_024, |item| item == 5 || item == 600);
    let before = bench.loads;
    let started = bench.play("fail b E").expect("it is under way");
    assert!(started.contains(&"a[600]#2 undo started 600".to_owned()), "{started:?}");
    assert_eq!(bench.loads - before, 2, "what came of its chunk, and the list; no later chunk");
    let next = bench.play("complete a#2").expect("it is under way");
    assert!(next.contains(&"a[5]#3 undo started 5".to_owned()), "{next:?}");
    assert_eq!(bench.loads - before, 5, "of its chunk, of the first, and the list; none between");
    bench.play("complete a#3").expect("it is under way");
    bench.check_after("a undone");
}

#[test]
fn a_chunk_that_cannot_be_read_is_an_undo_that_failed() {
    let bench = long_list(300, |_| true);
    let items = bench.run.items(bench.plan.find("a").expect("a step")).expect("its items");
    let hash = items.stored_chunk(1).expect("it is full").hash;
    let bytes = bench.store.get(&hash).expect("it is stored").clone();
    for damaged in [&bytes[..7], &crate::codec::chunks::encode_outputs([].iter()).1[..]] {
        let mut bench = reopened(&bench);
        bench.store.insert(hash, damaged.into());
        let failed = bench.play("fail b E").expect("it is under way");
        assert_eq!(failed.last().map(String::as_str), Some("a undo failed NX2103"), "{failed:?}");
        bench.check_after("run compensating");
        bench.store.insert(hash, bytes.clone());
        let started = bench.play("retry").expect("it waits for somebody");
        assert_eq!(started, ["undo retried", "a[299]#2 undo started 299"]);
    }
}
