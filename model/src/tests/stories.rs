//! Whole runs from start to end.

use super::check;

#[test]
fn a_chain_of_handlers_completes() {
    check(
        "
        workflow  a; b needs a; c needs b
        when      start; complete a 1; complete b 2; complete c 3
        then      run started; a#1 started
                  a#1 completed 1; b#1 started
                  b#1 completed 2; c#1 started
                  c#1 completed 3; run completed
        after     run completed; timers none; parked true
        ",
    );
}

#[test]
fn a_diamond_joins_when_both_sides_are_done() {
    check(
        "
        workflow  a; b needs a; c needs a; d needs b,c
        given     start; complete a
        when      complete c; complete b
        then      c#1 completed; b#1 completed; d#1 started
        after     effects run d#1
        ",
    );
}

#[test]
fn pure_steps_complete_in_the_transition_that_reaches_them() {
    check(
        "
        workflow  a; b set [1] needs a; c set [2] needs b; d needs c
        given     start
        when      complete a
        then      a#1 completed; b#1 completed [1]; c#1 completed [2]; d#1 started
        ",
    );
}

#[test]
fn a_run_of_pure_steps_ends_in_its_first_transition() {
    check(
        "
        workflow  a set 1; b set 2 needs a
        when      start slots=0
        then      run started; a#1 completed 1; b#1 completed 2; run completed
        ",
    );
}
