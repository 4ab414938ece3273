//! Races: who is first, and what becomes of the others.

use super::check;
use crate::plan::Plan;

#[test]
fn the_first_wins_and_the_others_are_told_to_stop() {
    check(
        r#"
        workflow  a; b; r race a,b; c needs r
        given     start
        when      complete b 7; fail a E; complete c
        then      b#1 completed 7; r is won by b; stop: a; r#1 completed {"output":7,"winner":"b"}; c#1 started
                  a#1 attempt failed E; cancelled: a
                  c#1 completed; run completed
    "#,
    );
}

#[test]
fn who_waits_or_sleeps_or_asks_is_cancelled_at_once() {
    check(
        r#"
        workflow  a; s sleep 60s; w wait_for paid; p approve dana; r race a,s,w,p
        given     start
        when      complete a
        then      a#1 completed; r is won by a; cancelled: s w p; r#1 completed {"output":null,"winner":"a"}; run completed
        after     timers none
    "#,
    );
}

#[test]
fn a_time_may_win() {
    check(
        r#"
        workflow  a; s sleep 60s; r race a,s; late needs r if steps.r.output.winner=='s'
        given     start
        when      fire t1 @60s
        then      t1 fired; s#1 completed; r is won by s; stop: a; r#1 completed {"output":null,"winner":"s"}; late#1 started
    "#,
    );
}

#[test]
fn what_only_leads_to_a_loser_ends_with_it() {
    check(
        r#"
        workflow  x; a needs x; a2 needs a; b needs x; b2 needs b; r race a2,b2
        given     start; complete x; complete a
        when      complete a2; fail b E
        then      a2#1 completed; r is won by a2; stop: b; cancelled: b2; r#1 completed {"output":null,"winner":"a2"}
                  b#1 attempt failed E; cancelled: b; run completed
    "#,
    );
}

#[test]
fn a_list_that_loses_is_stopped_once_and_cancelled_at_once_if_nothing_of_it_is_at_work() {
    check(
        r#"
        workflow  a for_each 3 concurrency 2; b; r race a,b
        given     start
        when      complete b; fail a[0] S; fail a[1] S
        then      b#1 completed; r is won by b; stop: a; r#1 completed {"output":null,"winner":"b"}
                  a[0]#1 attempt failed S
                  a[1]#1 attempt failed S; cancelled: a; run completed
    "#,
    );
    check(
        r#"
        workflow  a for_each 3 concurrency 1 retry 2; b; r race a,b
        given     start; fail a[0] E
        when      complete b
        then      b#1 completed; r is won by b; cancelled: a; r#1 completed {"output":null,"winner":"b"}; run completed
    "#,
    );
    check(
        r#"
        workflow  a for_each 3 concurrency 2; b; r race a,b
        given     start; fail a[0] E
        when      complete b; fail a[1] S
        then      b#1 completed; r is won by b; r#1 completed {"output":null,"winner":"b"}
                  a[1]#1 attempt failed S; a failed E, continued; run completed
    "#,
    );
}

#[test]
fn a_loser_is_ended_also_if_others_need_it() {
    check(
        r#"
        workflow  a; b; r race a,b; c needs b
        given     start
        when      complete a; fail b E
        then      a#1 completed; r is won by a; stop: b; r#1 completed {"output":null,"winner":"a"}
                  b#1 attempt failed E; cancelled: b; not reached: c; run completed
    "#,
    );
}

#[test]
fn what_others_need_before_a_loser_goes_on() {
    check(
        r#"
        workflow  a; x; b needs x; c needs x; r race a,b
        given     start
        when      complete a; complete x
        then      a#1 completed; r is won by a; cancelled: b; r#1 completed {"output":null,"winner":"a"}
                  x#1 completed; c#1 started
    "#,
    );
}

#[test]
fn who_fails_has_lost_and_the_last_failure_counts() {
    check(
        r#"
        workflow  a; b; r race a,b
        given     start
        when      fail a E; complete b 1
        then      a#1 attempt failed E; a failed E, continued
                  b#1 completed 1; r is won by b; r#1 completed {"output":1,"winner":"b"}; run completed
    "#,
    );
    check(
        "
        workflow  a; b; r race a,b
        given     start; fail a E
        when      fail b F
        then      b#1 attempt failed F; b failed F; not reached: r; run failed at b: F
    ",
    );
}

#[test]
fn a_result_of_who_was_told_to_stop_counts_but_does_not_win() {
    check(
        r"
        workflow  a; b; r race a,b
        given     start; complete a 1
        when      complete b 2
        then      b#1 completed 2; run completed
        after     r completed
    ",
    );
}

#[test]
fn steps_that_complete_at_once_win_in_the_order_of_the_race() {
    check(
        r#"
        workflow  a set {"x":1}; b set {"x":2}; c; r race b,a,c
        when      start
        then      run started; a#1 completed {"x":1}; b#1 completed {"x":2}; r is won by b; cancelled: c
                  r#1 completed {"output":{"x":2},"winner":"b"}; run completed
    "#
        .replace("cancelled: c\n                  r#1", "cancelled: c; r#1")
        .as_str(),
    );
}

#[test]
fn a_race_of_nobody_has_no_winner() {
    check(
        r#"
        workflow  a if false; b if false; r race a,b
        when      start
        then      run started; a skipped: false is false; b skipped: false is false; r is won by nobody
                  r#1 completed {"output":null,"winner":null}; run completed
    "#
        .replace("nobody\n                  r#1", "nobody; r#1")
        .as_str(),
    );
}

#[test]
fn a_cancelled_race_is_not_reached() {
    check(
        "
        workflow  a; b; r race a,b
        given     start
        when      cancel; complete a; complete b
        then      cancel requested; stop: a b; not reached: r
                  a#1 completed
                  b#1 completed; run cancelled
    ",
    );
}

#[test]
fn a_retried_run_does_not_race_again() {
    check(
        r"
        workflow  a; s sleep 60s; r race a,s; c needs r
        given     start; complete a; fail c E
        when      retry; complete c
        then      run retried; c#2 started
                  c#2 completed; run completed
        after     s cancelled
    ",
    );
}

#[test]
fn a_large_output_of_the_winner_is_loaded() {
    check(
        "
        workflow  a; b; r race a,b maps ${{this.output.output|length}}
        given     start
        when      complete a big
        then      a#1 completed <70002 bytes>; r is won by a; stop: b; r#1 completed <70026 bytes>; r mapped 70000
    ",
    );
}

#[test]
fn races_that_cannot_be_are_refused() {
    let refused = |workflow: &str| {
        let items: Vec<&str> = workflow.split(';').map(str::trim).collect();
        let errors = Plan::compile(super::notation::definition(&items)).unwrap_err();
        let line = |e: &crate::plan::DefinitionError| {
            format!("{} {}: {}", e.code, e.path.join("."), e.message)
        };
        errors.iter().map(line).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(refused("a; r race a"), "NX1164 steps.r.race: a race needs at least two steps");
    assert_eq!(refused("a; r race a,z"), "NX1104 steps.r.race.1: there is no step `z`");
    assert_eq!(refused("a; r race a,a"), "NX1164 steps.r.race.1: `a` stands twice in the race");
    assert_eq!(
        refused("a; b; c; r race a,b needs c"),
        "NX1164 steps.r.needs: a race needs the steps it names, and no others; NX1164 steps.r: race `r` refers to `c`, which is not in it"
    );
    assert_eq!(
        refused("a; b; r race a,b all_done"),
        "NX1164 steps.r.when_needs: a race begins when the first of its steps has completed"
    );
    assert_eq!(
        refused("a; b; c; r race a,b if steps.c.output"),
        "NX1164 steps.r: race `r` refers to `c`, which is not in it"
    );
}
