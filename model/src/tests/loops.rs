//! Loops: another round, the end, the limit, and what happens in between.

use super::bench::Bench;
use super::check;
use crate::plan::Plan;

#[test]
fn a_loop_goes_back_until_it_is_done() {
    check(
        r#"
        workflow  a; b needs a; r needs b repeat a until=steps.b.output==1; c needs r
        given     start; complete a
        when      complete b 0; complete a; complete b 1
        then      b#1 completed 0; r begins round 2: steps.b.output==1 is false (0); a#2 started
                  a#2 completed; b#2 started
                  b#2 completed 1; r#1 completed {"rounds":2}; c#1 started
    "#,
    );
}

#[test]
fn a_loop_that_is_done_at_once_has_one_round() {
    check(
        r#"
        workflow  a; r needs a repeat a until=true
        given     start
        when      complete a
        then      a#1 completed; r#1 completed {"rounds":1}; run completed
    "#,
    );
}

#[test]
fn the_limit_fails_the_loop_with_its_reason() {
    check(
        "
        workflow  a; r needs a repeat a until=steps.a.output==1 limit=2; c needs r
        given     start
        when      complete a 7; complete a 8
        then      a#1 completed 7; r begins round 2: steps.a.output==1 is false (7); a#2 started
                  a#2 completed 8; r failed NX3036 not done after 2 rounds: steps.a.output==1 is false (8); not reached: c
                  run failed at r: NX3036 not done after 2 rounds: steps.a.output==1 is false (8)
    ",
    );
}

#[test]
fn the_next_round_sees_what_the_last_one_left() {
    check(
        r#"
        workflow  a with {"n":"${{round.number}}","last":"${{round.carry}}"}; r needs a repeat a until=steps.a.output>1 carry=${{steps.a.output}}
        given
        when      start; complete a 0; complete a 1; complete a 2
        then      run started; a#1 started {"last":null,"n":1}
                  a#1 completed 0; r begins round 2 0: steps.a.output>1 is false (0); a#2 started {"last":0,"n":2}
                  a#2 completed 1; r begins round 3 1: steps.a.output>1 is false (1); a#3 started {"last":1,"n":3}
                  a#3 completed 2; r#1 completed {"rounds":3}; run completed
    "#,
    );
}

#[test]
fn every_round_has_a_key_of_its_own() {
    check(
        r#"
        workflow  x with ${{step.key}}; a needs x with ${{step.key}}; r needs a repeat a until=steps.a.output>0
        when      start; complete x; complete a 0
        then      run started; x#1 started "07070707070707070707070707070707/x"
                  x#1 completed; a#1 started "07070707070707070707070707070707/a"
                  a#1 completed 0; r begins round 2: steps.a.output>0 is false (0); a#2 started "07070707070707070707070707070707/a~2"
    "#,
    );
}

#[test]
fn a_side_branch_belongs_to_the_round_and_is_waited_for() {
    check(
        "
        workflow  a; b needs a; side needs a; r needs b repeat a until=steps.b.output==1
        given     start; complete a
        when      complete b 0; complete side
        then      b#1 completed 0
                  side#1 completed; r begins round 2: steps.b.output==1 is false (0); a#2 started
        after     side pending; b pending
    ",
    );
}

#[test]
fn what_was_skipped_in_one_round_may_run_in_the_next() {
    check(
        "
        workflow  a; b needs a if steps.a.output>1; r needs b repeat a until=steps.b.output==5
        given     start
        when      complete a 1; complete a 2; complete b 5
        then      a#1 completed 1; b skipped: steps.a.output>1 is false (1)
                  r begins round 2: steps.b.output==5 is false (null); a#2 started
                  a#2 completed 2; b#1 started
                  b#1 completed 5; r#1 completed {\"rounds\":2}; run completed
    ",
    );
}

#[test]
fn a_failure_in_a_round_fails_the_run_and_retry_goes_on_with_the_round() {
    check(
        "
        workflow  a; b needs a; r needs b repeat a until=steps.b.output==1
        given     start; complete a; complete b 0; complete a; fail b E
        when      retry; complete b 1
        then      run retried; b#3 started
                  b#3 completed 1; r#1 completed {\"rounds\":2}; run completed
    ",
    );
}

#[test]
fn attempts_count_anew_in_every_round() {
    check(
        "
        workflow  a retry 2; r needs a repeat a until=steps.a.output==1
        given     start; fail a E; fire t1 @1s; complete a 0
        when      fail a E; fire t2 @2s; fail a E
        then      a#3 attempt failed E; a#4 retry t2@2s
                  t2 fired; a#4 started
                  a#4 attempt failed E; a failed E; not reached: r; run failed at a: E
    ",
    );
}

#[test]
fn a_retried_run_may_go_round_as_often_as_at_first() {
    check(
        "
        workflow  a; r needs a repeat a until=steps.a.output==1 limit=1
        given     start; complete a 0
        when      retry; complete a 1
        then      run retried; r begins round 2: steps.a.output==1 is false (0); a#2 started
                  a#2 completed 1; r#1 completed {\"rounds\":2}; run completed
    ",
    );
}

#[test]
fn a_loop_waits_between_rounds() {
    check(
        "
        workflow  a; r needs a repeat a until=steps.a.output==1 delay=5s
        given     start; complete a 0 @1s
        when      fire t1 @6s; complete a 1
        then      t1 fired; r begins round 2: steps.a.output==1 is false (0); a#2 started
                  a#2 completed 1; r#2 completed {\"rounds\":2}; run completed
        after     timers none
    ",
    );
}

#[test]
fn a_loop_that_waits_is_cancelled() {
    check(
        "
        workflow  a; r needs a repeat a until=steps.a.output==1 delay=5s; c needs r
        given     start; complete a 0
        when      cancel
        then      cancel requested; cancelled: r; not reached: c; run cancelled
        after     timers none
    ",
    );
}

#[test]
fn a_cancelled_round_ends_the_loop() {
    check(
        "
        workflow  a; b needs a; r needs b repeat a until=steps.b.output==1
        given     start; complete a; complete b 0
        when      cancel; complete a
        then      cancel requested; stop: a; not reached: b r
                  a#2 completed; run cancelled
    ",
    );
}

#[test]
fn a_stale_report_of_an_earlier_round_is_refused() {
    check(
        "
        workflow  a; r needs a repeat a until=steps.a.output==1
        given     start; complete a 0
        when      complete a#1 1
        then      rejected: ignored: stale attempt 1 of step `a`
    ",
    );
}

#[test]
fn a_stale_report_of_an_item_of_an_earlier_round_is_refused() {
    check(
        "
        workflow  a for_each [7,8] retry 2; r needs a repeat a until=round.number==2
        given     start; complete a[0] 0; fail a[1]; fire t1 @1s; complete a[1]#2 0
        when      complete a[0]#1 1
        then      rejected: ignored: stale attempt 1 of step `a[0]`
    ",
    );
}

#[test]
fn a_loop_in_a_loop_begins_anew_in_every_round() {
    check(
        r#"
        workflow  a; b needs a with ${{step.key}}; i needs b repeat b until=steps.b.output>0 limit=2; o needs i repeat a until=steps.b.output>1
        given     start; complete a
        when      complete b 0; complete b 1; complete a; complete b 0; complete b 2
        then      b#1 completed 0; i begins round 2: steps.b.output>0 is false (0); b#2 started "07070707070707070707070707070707/b~1.2"
                  b#2 completed 1; i#1 completed {"rounds":2}; o begins round 2: steps.b.output>1 is false (1); a#2 started
                  a#2 completed; b#3 started "07070707070707070707070707070707/b~2.1"
                  b#3 completed 0; i begins round 2: steps.b.output>0 is false (0); b#4 started "07070707070707070707070707070707/b~2.2"
                  b#4 completed 2; i#2 completed {"rounds":2}; o#1 completed {"rounds":2}; run completed
    "#,
    );
}

#[test]
fn a_loop_without_a_handler_goes_on_in_another_transition() {
    let mut bench = Bench::of(
        "a set {\"n\":\"${{round.number}}\"}; r needs a repeat a until=steps.a.output.n>=2000 limit=5000",
    );
    let mut longest = bench.play("start").unwrap().len();
    let mut transitions = 1;
    while let Some(timer) = bench.run.timers.keys().next().copied() {
        longest = longest.max(bench.play(&format!("fire t{}", timer.0)).unwrap().len());
        transitions += 1;
    }
    assert_eq!((bench.run.status.word(), transitions), ("completed", 4));
    assert!(longest < 1_100, "{longest}");
}

#[test]
fn the_state_of_a_long_loop_does_not_grow() {
    let mut bench =
        Bench::of("a; b needs a; r needs b repeat a until=steps.b.output==1 limit=4000000000");
    bench.play("start").unwrap();
    let mut sizes = Vec::new();
    for round in 0..300 {
        bench.play("complete a").unwrap();
        bench.play("complete b 0").unwrap();
        if round % 100 == 99 {
            sizes.push(crate::codec::encode_run(&bench.plan, &bench.run).len());
        }
    }
    assert!(sizes.iter().max().unwrap() - sizes[0] < 16, "{sizes:?}");
}

#[test]
fn loops_that_cannot_be_are_refused() {
    let refused = |workflow: &str| {
        let items: Vec<&str> = workflow.split(';').map(str::trim).collect();
        let errors = Plan::compile(super::notation::definition(&items)).unwrap_err();
        let line = |e: &crate::plan::DefinitionError| {
            format!("{} {}: {}", e.code, e.path.join("."), e.message)
        };
        errors.iter().map(line).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        refused("a; r needs a repeat z until=true"),
        "NX1104 steps.r.repeat.from: there is no step `z`"
    );
    assert_eq!(
        refused("a; b; r needs a repeat b until=true"),
        "NX1162 steps.r.repeat.from: step `r` does not come after `b`"
    );
    assert_eq!(
        refused("a; r needs a repeat r until=true"),
        "NX1162 steps.r.repeat.from: step `r` does not come after `r`"
    );
    assert_eq!(
        refused("a; r needs a repeat a until=true limit=0"),
        "NX1207 steps.r.repeat.limit: `limit` is 0, but the first round has gone already"
    );
    assert_eq!(
        refused("a; r needs a all_done repeat a until=true"),
        "NX1163 steps.r.when_needs: a loop runs when all its needs are ok"
    );
    assert!(
        refused("a; r needs a repeat a until=steps.").starts_with("NX2001 steps.r.repeat.until")
    );
    assert_eq!(
        refused("a; r needs a repeat a until=true; s needs a repeat a until=true"),
        "NX1105 steps.r: these steps wait for each other: r → s → r"
    );
}

#[test]
fn of_two_loops_that_cross_each_counts_its_own_rounds() {
    check(
        r#"
        workflow  a; b needs a; r needs b repeat a until=round.number==2; s needs r repeat b until=round.number==2
        given     start; complete a
        when      complete b; complete a; complete b; complete b
        then      b#1 completed; r begins round 2: round.number==2 is false (1); a#2 started
                  a#2 completed; b#2 started
                  b#2 completed; r#1 completed {"rounds":2}; s begins round 2: round.number==2 is false (1); b#3 started
                  b#3 completed; r begins round 2: round.number==2 is false (1); a#3 started
    "#,
    );
}

#[test]
fn a_retry_of_the_run_gives_a_loop_as_many_rounds_as_at_first() {
    check(
        "
        workflow  a; r needs a repeat a until=false limit=2
        given     start; complete a; complete a
        when      retry; retry
        then      run retried; r begins round 3: false is false; a#3 started
                  rejected: the run is running; only a failed or cancelled run can be retried
        after     run running
    ",
    );
    check(
        "
        workflow  a; r needs a repeat a until=false limit=2
        given     start; complete a; complete a; retry
        when      complete a; complete a
        then      a#3 completed; r begins round 4: false is false; a#4 started
                  a#4 completed; r failed NX3036 not done after 4 rounds: false is false; run failed at r: NX3036 not done after 4 rounds: false is false
    ",
    );
}

#[test]
fn what_a_step_had_reached_in_a_round_is_nothing_to_the_next() {
    check(
        "
        workflow  a; r needs a repeat a until=false limit=2
        given     start; beat a 5
        when      complete a
        then      a#1 completed; r begins round 2: false is false; a#2 started
        after     effects run a#2
    ",
    );
}

#[test]
fn only_steps_of_a_loop_that_has_gone_back_are_marked_with_its_round() {
    let mut bench =
        Bench::of("a; r needs a repeat a until=false; x; y needs x repeat x until=false");
    let marks = |bench: &Bench| {
        let marks = bench.plan.steps().map(|step| bench.run.round_mark(&bench.plan, step));
        marks.collect::<Vec<_>>().join(" ")
    };
    bench.play("start").unwrap();
    assert_eq!(marks(&bench), "   ");
    bench.play("complete a").unwrap();
    assert_eq!(marks(&bench), "~2 ~2  ");
}
