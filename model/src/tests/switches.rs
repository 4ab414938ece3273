//! Routers: the way that is taken, and those that are not.

use super::check;
use crate::plan::Plan;

#[test]
fn the_first_case_that_holds_is_taken() {
    check(
        r#"
        workflow  r switch inputs>5:a inputs>3:b else:c; a; b; c
        when      start 4
        then      run started; r takes 1, not a c: inputs>5 is false (4); inputs>3 is true (4)
                  r#1 completed {"case":1,"then":["b"]}; b#1 started
        after     a skipped; c skipped; b running
    "#
        .replace("; inputs>3 is", "| inputs>3 is")
        .replace('|', ";")
        .as_str(),
    );
}

#[test]
fn the_default_is_taken_if_no_case_holds() {
    check(
        r#"
        workflow  r switch inputs>5:a else:c; a; c
        when      start 4
        then      run started; r takes default, not a: inputs>5 is false (4)
                  r#1 completed {"case":null,"then":["c"]}; c#1 started
    "#,
    );
}

#[test]
fn what_begins_at_its_first_need_waits_for_its_router_all_the_same() {
    check(
        r#"
        workflow  a; e; r switch inputs>5:b else:c needs e; b needs a any_ok; c needs a any_ok
        when      start 4
        then      run started; a#1 started; e#1 started
        when      complete a
        then      a#1 completed
        when      complete e
        then      e#1 completed; r takes default, not b: inputs>5 is false (4)
                  r#1 completed {"case":null,"then":["c"]}; c#1 started
        after     b skipped
    "#,
    );
}

#[test]
fn a_router_is_not_the_need_that_lets_begin() {
    check(
        r#"
        workflow  a; d; r switch inputs>5:b; b needs a,d any_ok
        when      start 9
        then      run started; r takes 0: inputs>5 is true (9); r#1 completed {"case":0,"then":["b"]}
                  a#1 started; d#1 started
        when      complete a
        then      a#1 completed; b#1 started
        when      complete d
        then      d#1 completed
    "#,
    );
}

#[test]
fn without_a_default_no_way_may_be_taken() {
    check(
        r#"
        workflow  r switch inputs>5:a; a; b needs a
        when      start 4
        then      run started; r takes default, not a: inputs>5 is false (4)
                  r#1 completed {"case":null,"then":[]}; r goes around: b; run completed
    "#,
    );
}

#[test]
fn a_case_may_take_several_steps() {
    check(
        r#"
        workflow  r switch inputs>5:a,b else:b,c; a; b; c
        when      start 6
        then      run started; r takes 0, not c: inputs>5 is true (6)
                  r#1 completed {"case":0,"then":["a","b"]}; a#1 started; b#1 started
    "#,
    );
}

#[test]
fn what_needs_only_what_is_not_taken_is_skipped_with_it() {
    check(
        r"
        workflow  r switch inputs:a else:b; a; a2 needs a; b; b2 needs b; join needs a2,b2
        given     start true; complete a
        when      complete a2; complete join
        then      a2#1 completed; join#1 started
                  join#1 completed; run completed
        after     b skipped; b2 skipped
    ",
    );
}

#[test]
fn a_step_that_was_not_taken_is_skipped_before_its_other_needs_settle() {
    check(
        r"
        workflow  x; r switch inputs:a else:b; a needs x; b
        given     start false
        when      complete b; complete x
        then      b#1 completed
                  x#1 completed; run completed
        after     a skipped
    ",
    );
}

#[test]
fn a_router_that_was_skipped_takes_no_way() {
    check(
        r"
        workflow  r switch inputs:a else:b if false; a; b; c needs b
        when      start true
        then      run started; r skipped: false is false; r goes around: a b; r goes around: c; run completed
    ",
    );
}

#[test]
fn a_router_that_fails_fails_the_run_or_takes_no_way() {
    check(
        r"
        workflow  r switch inputs.x.y>1:a else:b; a; b
        when      start {}
        then      run started; r failed NX2102; not reached: a b; run failed at r: NX2102
    ",
    );
    check(
        r"
        workflow  r switch inputs.x.y>1:a else:b continue; a; b; c
        when      start {}
        then      run started; r failed NX2102, continued; r goes around: a b; c#1 started
    ",
    );
}

#[test]
fn a_router_on_a_way_that_is_not_taken_takes_none_itself() {
    check(
        r"
        workflow  r switch inputs:a else:s; a; s switch inputs:b else:c; b; c; d needs b
        given     start true
        when      complete a
        then      a#1 completed; run completed
        after     s skipped; b skipped; c skipped; d skipped
    ",
    );
}

#[test]
fn steps_for_any_end_run_on_a_way_that_is_not_taken() {
    check(
        r#"
        workflow  r switch inputs:a else:b; a; b; last needs b all_done
        when      start true
        then      run started; r takes 0, not b: inputs is true (true); r#1 completed {"case":0,"then":["a"]}
                  a#1 started; last#1 started
    "#,
    );
}

#[test]
fn a_retried_run_stays_on_the_way_it_took() {
    check(
        r"
        workflow  x; r switch inputs:a else:b; a needs x; b needs x
        given     start true; fail x E
        when      retry; complete x
        then      run retried; x#2 started
                  x#2 completed; a#1 started
        after     b skipped
    ",
    );
}

#[test]
fn a_router_is_cancelled_with_its_run() {
    check(
        r"
        workflow  x; r needs x switch inputs:a else:b; a; b
        given     start true
        when      cancel; complete x
        then      cancel requested; stop: x; not reached: r a b
                  x#1 completed; run cancelled
    ",
    );
}

#[test]
fn routers_that_cannot_be_are_refused() {
    let refused = |workflow: &str| {
        let items: Vec<&str> = workflow.split(';').map(str::trim).collect();
        let errors = Plan::compile(super::notation::definition(&items)).unwrap_err();
        errors
            .iter()
            .map(|e| format!("{} {}: {}", e.code, e.path.join("."), e.message))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        refused("r switch true:z; a"),
        ["NX1104 steps.r.switch.cases.0.then: there is no step `z`"]
    );
    assert_eq!(
        refused("r switch true:r"),
        ["NX1105 steps.r.switch.cases.0.then: step `r` chooses itself: r → r"]
    );
    assert_eq!(
        refused("r switch else:a; a"),
        ["NX1161 steps.r.switch.cases: a router needs at least one case"]
    );
    assert_eq!(
        refused("r switch true:a; s switch true:a; a"),
        ["NX1160 steps.s.switch: step `a` is chosen by `r` and `s`"]
    );
    assert_eq!(
        refused("a; r needs a switch true:a"),
        ["NX1105 steps.a: these steps wait for each other: a → r → a"]
    );
    assert!(refused("r switch inputs.:a; a")[0].starts_with("NX2001 steps.r.switch.cases.0.when"));
}
