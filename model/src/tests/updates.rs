//! Updates: accepted, refused, late, twice, in a pause, and in every round of a loop.

use super::bench::Bench;
use super::check;
use crate::run::UPDATE_IDS_MAX;

#[test]
fn an_accepted_update_is_the_output_of_the_step() {
    check(
        r#"
        workflow  a takes qty accepts=update.n>0 reply=${{update.n*2}}; b needs a
        given     start
        when      update qty {"n":3}
        then      a accepts qty {"n":3} answers 6; a#1 completed {"n":3}; b#1 started
    "#,
    );
}

#[test]
fn a_run_that_waits_is_parked_and_holds_nothing_but_its_timer() {
    check(
        "
        workflow  a takes qty within=60s
        when      start @5s
        then      run started; a takes update qty t1@65s
        after     a waiting; parked true; timers t1@65s
    ",
    );
}

#[test]
fn one_that_is_not_accepted_leaves_no_event() {
    check(
        r#"
        workflow  a takes qty accepts=update.n>0
        given     start
        when      update qty {"n":0}
        then      rejected: step `a` refuses update `qty`: update.n>0 is false (0)
        after     a waiting
    "#,
    );
    check(
        r#"
        workflow  a takes qty accepts=update.n>0 message=too_few:_${{update.n}}
        given     start
        when      update qty#u1 {"n":0}; update qty#u1 {"n":1}
        then      rejected: step `a` refuses update `qty`: too_few:_0
                  a accepts qty {"n":1} answers; a#1 completed {"n":1}; run completed
    "#,
    );
}

#[test]
fn what_it_carries_has_the_declared_shape_and_is_complete() {
    let takes =
        r#"a takes qty form={"n":{"type":"integer"},"why":{"default":"-"}} reply=${{update.why}}"#;
    for (given, wrong) in [
        (r#"{"n":"x"}"#, "n: \"x\" is not an integer"),
        ("{}", "n is missing"),
        (r#"{"n":1,"m":2}"#, "there is no `m`"),
        ("7", "a map is wanted"),
    ] {
        let mut bench = Bench::of(takes);
        bench.play("start").unwrap();
        let said = bench.play(&format!("update qty {given}")).unwrap_err().to_string();
        assert!(said.starts_with("update `qty` does not fit step `a`: "), "{wrong}: {said}");
        assert_eq!(bench.run.revision, 2, "nothing was recorded");
    }
    check(&format!(
        r#"
        workflow  {takes}
        given     start
        when      update qty {{"n":1}}
        then      a accepts qty {{"n":1,"why":"-"}} answers "-"; a#1 completed {{"n":1,"why":"-"}}; run completed
    "#
    ));
}

#[test]
fn an_update_that_no_step_waits_for_is_refused_and_not_kept() {
    check(
        "
        workflow  a; b needs a takes qty; c wait_for paid; d approve dana
        given     start
        when      update qty 1; complete a
        then      rejected: no step waits for update `qty`; the run waits for signal `paid`, an approval of `d`
                  a#1 completed; b takes update qty
    ",
    );
    check(
        "
        workflow  a
        given     start
        when      update qty 1
        then      rejected: no step waits for update `qty`; the run waits for nothing from outside
    ",
    );
}

#[test]
fn the_first_step_that_accepts_it_takes_it() {
    check(
        "
        workflow  a takes qty accepts=update==1; b takes qty accepts=update==2
        given     start
        when      update qty 2; update qty 3; update qty 1
        then      b accepts qty 2 answers; b#1 completed 2
                  rejected: step `a` refuses update `qty`: update==1 is false (3)
                  a accepts qty 1 answers; a#1 completed 1; run completed
    ",
    );
}

#[test]
fn the_same_id_counts_once() {
    check(
        "
        workflow  a takes qty; b needs a takes qty
        given     start
        when      update qty#u1 1; update qty#u1 1; update qty#u1 2; update qty#u2 2; update qty#u2 2
        then      a accepts qty 1 answers; a#1 completed 1; b takes update qty
                  rejected: update `u1` was accepted already
                  rejected: update `u1` was accepted already
                  b accepts qty 2 answers; b#1 completed 2; run completed
                  rejected: update `u2` was accepted already
    ",
    );
}

#[test]
fn a_step_in_a_loop_takes_one_in_every_round() {
    check(
        r#"
        workflow  a takes qty reply=${{round.number}}; r needs a repeat a until=steps.a.output==0
        given     start
        when      update qty 5; update qty 0; update qty 1
        then      a accepts qty 5 answers 1; a#1 completed 5; r begins round 2: steps.a.output==0 is false (5); a takes update qty
                  a accepts qty 0 answers 2; a#2 completed 0; r#1 completed {"rounds":2}; run completed
                  rejected: the run has ended (completed)
    "#,
    );
}

#[test]
fn an_expression_that_fails_refuses_it() {
    for (setting, code) in [("accepts=update.n>0", "NX2102"), ("reply=${{update.n}}", "NX2102")] {
        let mut bench = Bench::of(&format!("a takes qty {setting}"));
        bench.play("start").unwrap();
        let said = bench.play(r#"update qty {"m":1}"#).unwrap_err().to_string();
        let wanted = format!("step `a` cannot answer update `qty`: {code} `update.n` is missing");
        assert!(said.starts_with(&wanted), "{said}");
        assert_eq!(bench.run.step(crate::id::StepIndex(0)).word(), "waiting");
    }
}

#[test]
fn a_step_whose_update_does_not_come_fails() {
    check(
        "
        workflow  a takes qty within=60s; b needs a
        given     start
        when      fire t1 @60s; update qty 1
        then      t1 fired; a failed NX4132 update `qty` did not come within 60000 ms; not reached: b
                  run failed at a: NX4132 update `qty` did not come within 60000 ms
                  rejected: the run has ended (failed)
    ",
    );
    check(
        "
        workflow  a takes qty within=60s go_on; b needs a
        given     start
        when      fire t1 @60s
        then      t1 fired; a failed NX4132 update `qty` did not come within 60000 ms, continued; b#1 started
    ",
    );
}

#[test]
fn a_step_that_waits_is_cancelled() {
    check(
        "
        workflow  a takes qty
        given     start
        when      cancel; update qty 1
        then      cancel requested; cancelled: a; run cancelled
                  rejected: the run has ended (cancelled)
    ",
    );
}

#[test]
fn a_paused_run_takes_it_and_goes_on_later() {
    check(
        "
        workflow  a takes qty; b needs a
        given     start; pause
        when      update qty 1; resume
        then      a accepts qty 1 answers; a#1 completed 1
                  resumed; b#1 started
    ",
    );
}

#[test]
fn a_large_one_is_stored_once_and_looked_into() {
    let mut bench = Bench::of("a takes qty accepts=(update|length)>70000 reply=${{update|length}}");
    bench.play("start").unwrap();
    assert!(bench.play("update qty \"x\"").is_err());
    let events = bench.play("update qty bigger").unwrap();
    assert_eq!(events[0], "a accepts qty <80002 bytes> answers 80000");
    assert_eq!(events[1], "a#1 completed <80002 bytes>");
}

#[test]
fn a_retried_run_waits_anew_and_knows_what_it_took() {
    check(
        "
        workflow  a takes qty; b needs a
        given     start; update qty#u1 1; fail b E fatal
        when      retry; update qty#u1 1; update qty 1
        then      run retried; b#2 started
                  rejected: update `u1` was accepted already
                  rejected: no step waits for update `qty`; the run waits for nothing from outside
    ",
    );
}

#[test]
fn the_ids_of_the_oldest_are_forgotten() {
    let mut bench =
        Bench::of("a takes qty; r needs a repeat a until=steps.a.output==0 limit=4000000000");
    bench.play("start").unwrap();
    for at in 0..=UPDATE_IDS_MAX {
        bench.play(&format!("update qty#u{at} 1")).unwrap();
    }
    assert_eq!(bench.run.updates.len(), UPDATE_IDS_MAX);
    let again = bench.play("update qty#u1 1").unwrap_err().to_string();
    assert_eq!(again, "update `u1` was accepted already");
    // One that is forgotten is a new one.
    assert!(bench.play("update qty#u0 1").is_ok());
    assert!(bench.play("update qty#u1 1").is_ok());
}
