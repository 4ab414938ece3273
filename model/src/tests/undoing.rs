//! Undoing: what a run did is taken back when it fails or is cancelled, if its definition says so.

use super::bench::Bench;
use super::check;

#[test]
fn nothing_is_undone_unless_the_definition_says_so() {
    check(
        "
        workflow  a undo; b needs a
        given     start; complete a
        when      fail b E
        then      b#1 attempt failed E; b failed E; run failed at b: E
        after     a completed; undone none
    ",
    );
}

#[test]
fn steps_are_undone_in_reverse_order_one_after_the_other() {
    check(
        "
        workflow  run undoes; a undo; b needs a undo; c needs b
        given     start; complete a; complete b
        when      fail c E; complete b#2; complete a#2
        then      c#1 attempt failed E; c failed E; undo: a b; b#2 undo started
                  b#2 undone; a#2 undo started
                  a#2 undone; run failed at c: E
        after     run failed; a undone; b undone; c failed; undone a b
    ",
    );
}

#[test]
fn the_branches_of_a_diamond_are_undone_in_parallel_and_its_root_last() {
    check(
        "
        workflow  run undoes; a undo; b needs a undo; c needs a undo; d needs b,c undo; e needs d
        given     start; complete a; complete b; complete c; complete d; fail e E
        when      complete d#2; complete b#2; complete c#2; complete a#2
        then      d#2 undone; b#2 undo started; c#2 undo started
                  b#2 undone
                  c#2 undone; a#2 undo started
                  a#2 undone; run failed at e: E
    ",
    );
}

#[test]
fn a_step_without_undo_passes_the_order_on() {
    check(
        "
        workflow  run undoes; a undo; b needs a; c needs b undo; d needs c
        given     start; complete a; complete b; complete c
        when      fail d E; complete c#2
        then      d#1 attempt failed E; d failed E; undo: a c; c#2 undo started
                  c#2 undone; a#2 undo started
        after     run compensating; a undoing; b completed; c undone; effects undo a#2
    ",
    );
}

#[test]
fn only_what_completed_is_undone() {
    check(
        "
        workflow  run undoes; a undo; b undo if false; c undo continue; d undo; e undo needs d
        given     start; complete a; fail c
        when      fail d E; complete a#2
        then      d#1 attempt failed E; d failed E; not reached: e; undo: a; a#2 undo started
                  a#2 undone; run failed at d: E
        after     b skipped; c failed; d failed; e not reached
    ",
    );
}

#[test]
fn a_run_that_did_nothing_has_nothing_to_undo() {
    check(
        "
        workflow  run undoes; a; b needs a undo
        given     start
        when      fail a E
        then      a#1 attempt failed E; a failed E; not reached: b; nothing to undo
                  run failed at a: E
    ",
    );
}

#[test]
fn undoing_begins_when_what_runs_has_stopped_and_includes_what_completed_meanwhile() {
    check(
        "
        workflow  run undoes; a undo; b undo; c
        given     start; complete a
        when      fail c E; complete b
        then      c#1 attempt failed E; c failed E; stop: b
                  b#1 completed; undo: a b; a#2 undo started; b#2 undo started
        after     run compensating; effects undo a#2, undo b#2
    ",
    );
}

#[test]
fn what_runs_last_runs_after_the_undos_and_can_say_what_was_undone() {
    check(
        r#"
        workflow  run undoes; a undo; b needs a; log needs b all_done with "${{ run.undone }}"
                  alarm needs b any_failed
        given     start; complete a
        when      fail b E; complete a#2; complete log; complete alarm
        then      b#1 attempt failed E; b failed E; undo: a; a#2 undo started
                  a#2 undone; log#1 started ["a"]; alarm#1 started
                  log#1 completed
                  alarm#1 completed; run failed at b: E
    "#,
    );
}

#[test]
fn pure_steps_that_run_last_wait_for_the_undos_too() {
    check(
        r#"
        workflow  run undoes; a undo; b needs a; note needs b all_done set "${{ run.undone }}"
        given     start; complete a; fail b E
        when      complete a#2
        then      a#2 undone; note#1 completed ["a"]; run failed at b: E
    "#,
    );
}

#[test]
fn an_undo_reads_the_output_of_its_step_and_has_a_key_of_its_own() {
    check(
        r#"
        workflow  run undoes; a undo {"hold": "${{ this.output.id }}", "key": "${{ step.key }}"}; b needs a
        given     start; complete a {"id":7}
        when      fail b E
        then      b#1 attempt failed E; b failed E; undo: a
                  a#2 undo started {"hold":7,"key":"07070707070707070707070707070707/a/undo"}
    "#,
    );
}

#[test]
fn an_undo_is_tried_again_without_limit() {
    check(
        "
        workflow  run undoes; a undo undo_retry 4294967295; b needs a
        given     start; complete a; fail b E
        when      fail a#2 X; fire t1 @1s; fail a#3 X; fire t2 @3s; complete a#4
        then      a#2 undo attempt failed X; a#3 undo retry t1@1s
                  t1 fired; a#3 undo started
                  a#3 undo attempt failed X; a#4 undo retry t2@3s
                  t2 fired; a#4 undo started
                  a#4 undone; run failed at b: E
        after     timers none
    ",
    );
}

#[test]
fn by_default_the_delay_ends_at_a_minute_and_the_attempts_do_not() {
    let mut bench = Bench::of("run undoes; a undo; b needs a");
    for line in ["start", "complete a", "fail b E"] {
        bench.play(line).unwrap();
    }
    for timer in 1..40 {
        let failed = bench.play("fail a X").unwrap();
        assert!(failed.iter().any(|event| event.contains("undo retry")), "{failed:?}");
        bench.play(&format!("fire t{timer} @{}s", timer * 100)).unwrap();
    }
    assert_eq!(bench.run.word(), "compensating");
}

#[test]
fn an_undo_that_keeps_failing_parks_the_run_and_what_comes_before_it() {
    check(
        "
        workflow  run undoes; a undo; b needs a undo undo_retry 2; c; d needs b,c
        given     start; complete a; complete b; complete c; fail d E
        when      fail b#2 X; fire t1 @1s; fail b#3 X
        then      b#2 undo attempt failed X; b#3 undo retry t1@1s
                  t1 fired; b#3 undo started
                  b#3 undo attempt failed X; b undo failed X
        after     run compensating; parked true; effects ; timers none; b undo failed; a completed
    ",
    );
}

#[test]
fn retry_tries_failed_undos_again() {
    check(
        "
        workflow  run undoes; a undo undo_retry 1; b needs a
        given     start; complete a; fail b E; fail a#2 X
        when      retry; fail a#3 X; retry; complete a#4; retry
        then      undo retried; a#3 undo started
                  a#3 undo attempt failed X; a undo failed X
                  undo retried; a#4 undo started
                  a#4 undone; run failed at b: E
                  rejected: a retry would keep the results of `a`, but they were undone
        after     run failed
    ",
    );
}

#[test]
fn a_fatal_failure_of_an_undo_parks_the_run_at_once() {
    check(
        "
        workflow  run undoes; a undo; b needs a
        given     start; complete a; fail b E
        when      fail a#2 X fatal; complete a#2
        then      a#2 undo attempt failed X; a undo failed X
                  rejected: ignored: stale attempt 2 of step `a`
        after     parked true
    ",
    );
}

#[test]
fn an_input_that_cannot_be_rendered_parks_the_run() {
    check(
        r#"
        workflow  run undoes; a undo "${{ this.output.id + 1 }}"; b needs a
        given     start; complete a {"id":"x"}
        when      fail b E
        then      b#1 attempt failed E; b failed E; undo: a; a undo failed NX2103
        after     parked true; run compensating
    "#,
    );
}

#[test]
fn giving_up_undoing_ends_the_run() {
    check(
        "
        workflow  run undoes; a undo; b needs a undo; c needs b; clean needs c all_done
        given     start; complete a; complete b; fail c E; fail b#2 X fatal
        when      waive by hand; complete clean; retry slots=0
        then      undo waived; clean#1 started; clean#1 completed; run cancelled; run retried
        after     a completed; b completed; undone none
    ",
    );
}

#[test]
fn giving_up_stops_running_undos_first() {
    check(
        "
        workflow  run undoes; a undo; b undo; c; d needs a,b,c
        given     start; complete a; complete b; fail c E
        when      waive; waive; complete a#2; fail b#2 X
        then      undo waived; rejected: the run is being cancelled already
                  a#2 undone
                  b#2 undo attempt failed X; run cancelled
        after     undone a; b completed
    ",
    );
}

#[test]
fn a_stopping_undo_that_is_cut_off_is_given_up() {
    check(
        "
        workflow  run undoes; a undo; b
        given     start; complete a; fail b E; waive
        when      interrupt a#2
        then      interrupted: a#2; run cancelled
    ",
    );
}

#[test]
fn a_cancelled_run_undoes_what_it_did_if_its_definition_says_so() {
    check(
        "
        workflow  run undoes_cancelled; a undo; b needs a
        given     start; complete a
        when      cancel; fail b STOPPED; complete a#2
        then      cancel requested; stop: b
                  b#1 attempt failed STOPPED; cancelled: b; undo: a; a#2 undo started
                  a#2 undone; run cancelled
        after     undone a
    ",
    );
}

#[test]
fn a_cancelled_run_undoes_nothing_when_it_is_told_not_to() {
    check(
        "
        workflow  run undoes_cancelled; a undo; b needs a
        given     start; complete a
        when      waive; fail b STOPPED
        then      undo waived; stop: b; b#1 attempt failed STOPPED; cancelled: b; run cancelled
        after     undone none; a completed
    ",
    );
}

#[test]
fn a_cancelled_run_that_undoes_can_be_told_to_stop_that() {
    check(
        "
        workflow  run undoes_cancelled; a undo; b needs a undo; c needs b
        given     start; complete a; complete b; cancel; fail c S
        when      waive; waive; complete b#2
        then      undo waived; rejected: the run is being cancelled already; b#2 undone; run cancelled
    ",
    );
    check(
        "
        workflow  run undoes_cancelled; a undo; b needs a
        given     start; complete a; waive
        when      waive; cancel
        then      rejected: the run is being cancelled already; rejected: the run is being cancelled already
    ",
    );
}

#[test]
fn what_runs_last_begins_when_a_held_run_is_cancelled() {
    for undoes in ["run undoes_cancelled;", ""] {
        check(&format!(
            "
            workflow  {undoes} a; clean needs a all_done; b
            given     start; pause; complete a
            when      waive; fail b S; complete clean
            then      cancel requested; stop: b; clean#1 started; b#1 attempt failed S; cancelled: b; clean#1 completed; run cancelled
        "
        ));
        check(&format!(
            "
            workflow  {undoes} a; clean needs a all_done; b
            given     start; pause_step clean; complete a
            when      waive; fail b S; complete clean
            then      cancel requested; stop: b; clean#1 started; b#1 attempt failed S; cancelled: b; clean#1 completed; run cancelled
        "
        ));
    }
}

#[test]
fn without_anything_to_undo_giving_up_is_cancelling() {
    check(
        "
        workflow  a; b needs a
        given     start; complete a
        when      waive; fail b STOPPED
        then      cancel requested; stop: b; b#1 attempt failed STOPPED; cancelled: b; run cancelled
    ",
    );
}

#[test]
fn cancelling_a_run_that_undoes_goes_on_undoing() {
    check(
        "
        workflow  run undoes; a undo; b needs a undo; c needs b
        given     start; complete a; complete b; fail c E
        when      cancel; complete b#2; complete a#2
        then      cancel requested; b#2 undone; a#2 undo started; a#2 undone; run cancelled
    ",
    );
}

#[test]
fn a_run_that_times_out_undoes_as_one_that_fails() {
    check(
        "
        workflow  run undoes timeout 5s; a undo; b needs a
        given     start; complete a
        when      fire t1 @5s; fail b S; complete a#2
        then      t1 fired; stop: b
                  b#1 attempt failed S; cancelled: b; undo: a; a#2 undo started
                  a#2 undone; run failed: NX3010 run timed out after 5000 ms
    ",
    );
}

#[test]
fn an_undo_that_is_cut_off_runs_again_and_completes_once() {
    check(
        "
        workflow  run undoes; a undo; b needs a
        given     start; complete a; fail b E
        when      interrupt a#2; complete a#2; complete a#2
        then      interrupted: a#2; a#2 undone may repeat; run failed at b: E
                  rejected: the run has ended (failed)
    ",
    );
}

#[test]
fn an_undo_that_ends_the_process_again_and_again_runs_alone_and_then_parks_the_run() {
    check(
        "
        workflow  run undoes; a undo; b needs a
        given     start; complete a; fail b E; interrupt a#2; take_up a#2
        when      interrupt a#2
        then      interrupted: a#2
        after     effects resume a#2 alone
    ",
    );
    check(
        "
        workflow  run undoes; a undo; b needs a
        given     start; complete a; fail b E; interrupt a#2; take_up a#2; interrupt a#2
        when      interrupt a#2; take_up a#2; interrupt a#2
        then      interrupted: a#2; taken up: a#2; interrupted: a#2
                  a undo failed NX3013 the engine's process ended 3 times while this step ran
        after     parked true
    ",
    );
}

#[test]
fn undos_wait_for_room_and_for_the_end_of_a_pause() {
    check(
        "
        workflow  run undoes; a undo; b undo; c needs a,b
        given     start; complete a; complete b; pause
        when      fail c E; resume slots=1; complete a#2 slots=0; offer slots=1
        then      c#1 attempt failed E; c failed E; undo: a b
                  resumed; a#2 undo started
                  a#2 undone
                  slots offered; b#2 undo started
    ",
    );
}

#[test]
fn a_late_report_of_the_step_is_not_taken_for_one_of_its_undo() {
    check(
        "
        workflow  run undoes; a undo; b needs a
        given     start; complete a; fail b E
        when      complete a#1; fail a#1; complete a#3
        then      rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 1 of step `a`
                  rejected: ignored: stale attempt 3 of step `a`
    ",
    );
}

#[test]
fn the_first_failure_stays_the_reason() {
    check(
        "
        workflow  run undoes; a undo; b needs a; clean needs b all_done
        given     start; complete a; fail b FIRST; fail a#2 X fatal; retry; complete a#3
        when      fail clean SECOND
        then      clean#1 attempt failed SECOND; clean failed SECOND; run failed at b: FIRST
    ",
    );
}

#[test]
fn a_crash_at_any_event_of_a_saga_leads_to_the_same_end() {
    let workflow = "run undoes; a undo; b needs a undo; c needs a undo; d needs b,c undo; e needs d; log needs e all_done";
    let lines = ["start", "complete a", "complete b", "complete c", "complete d", "fail e E"];
    let finish = |bench: &mut Bench, crash_at: Option<usize>| {
        let mut undone = Vec::new();
        let mut played = 0;
        let mut play = |bench: &mut Bench, line: &str| {
            let events = bench.play(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            undone.extend(events.into_iter().filter(|event| event.contains(" undone")));
        };
        let mut step = |bench: &mut Bench, line: &str| {
            if crash_at == Some(played) && bench.run.running_count() > 0 {
                let running: Vec<_> =
                    bench.run.running().map(|step| bench.plan.id(step).to_owned()).collect();
                play(bench, &format!("interrupt {}", running.join(" ")));
            }
            played += 1;
            play(bench, line);
        };
        for line in lines {
            step(bench, line);
        }
        while !bench.run.status.is_terminal() {
            let next = bench.run.running().next().expect("something runs");
            let line = format!("complete {}", bench.plan.id(next));
            step(bench, &line);
        }
        (undone, played)
    };
    let (plain, count) = finish(&mut Bench::of(workflow), None);
    assert_eq!(plain, ["d#2 undone", "b#2 undone", "c#2 undone", "a#2 undone"]);
    for crash_at in 0..count {
        let mut bench = Bench::of(workflow);
        let (undone, _) = finish(&mut bench, Some(crash_at));
        let undone: Vec<String> =
            undone.iter().map(|event| event.replace(" may repeat", "")).collect();
        assert_eq!(undone, plain, "crash before line {crash_at}");
        bench.check_after("run failed");
        bench.check_after("undone a b c d");
        bench.check_after("log completed");
    }
}

#[test]
fn attempts_that_others_made_under_its_number_do_not_count_for_an_undo() {
    check(
        "
        workflow  run undoes; x retry 9; a undo undo_retry 2; b needs a
        other     run undoes; a undo undo_retry 2; x retry 9; b needs a
        given     start; complete a; fail x @1s; fire t1 @2s; fail x @2s; fire t2 @9s; fail x @9s; migrate; fail b E fatal
        when      fail a#4 E @10s
        then      a#4 undo attempt failed E; a#5 undo retry t4@11s
    ",
    );
}

#[test]
fn a_retry_counts_the_attempts_of_an_undo_anew() {
    check(
        "
        workflow  run undoes; a undo undo_retry 2; b needs a
        given     start; complete a; fail b E; fail a#2 X; fire t1 @1s; fail a#3 X @1s
        when      retry; fail a#4 X @2s; fire t2 @9s; fail a#5 X
        then      undo retried; a#4 undo started
                  a#4 undo attempt failed X; a#5 undo retry t2@3s
                  t2 fired; a#5 undo started
                  a#5 undo attempt failed X; a undo failed X
    ",
    );
}
