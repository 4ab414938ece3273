//! Expressions: what `decide` makes of their outcome.

use super::check;

#[test]
fn a_false_condition_skips_the_step_and_says_what_it_saw() {
    check(
        "
        workflow  a; b if steps.a.output.total > 1000; c needs b
        given     start
        when      complete a {\"total\":250}
        then      a#1 completed {\"total\":250}
                  b skipped: steps.a.output.total > 1000 is false (250); c#1 started
    ",
    );
}

#[test]
fn inputs_are_rendered_when_the_attempt_starts() {
    check(
        "
        workflow  a; b with {\"n\":\"${{ steps.a.output + 1 }}\"}; c needs a with [1]
        given     start {}
        when      complete a 41
        then      a#1 completed 41; b#1 started {\"n\":42}; c#1 started
    ",
    );
}

#[test]
fn values_are_computed_and_handed_on() {
    check("
        workflow  a set {\"x\":\"${{ inputs.n * 2 }}\"}; b set ${{ steps.a.output.x + 1 }}; run maps ${{ steps.b.output }}
        when      start {\"n\":20}
        then      run started; a#1 completed {\"x\":40}; b#1 completed 41; run completed 41
    ");
}

#[test]
fn outputs_are_mapped() {
    check(
        "
        workflow  a maps ${{ this.output.id }}; b with ${{ steps.a.output }}
        given     start
        when      complete a {\"id\":7,\"rest\":[]}
        then      a#1 completed {\"id\":7,\"rest\":[]}; a mapped 7; b#1 started 7
    ",
    );
}

#[test]
fn a_mapping_that_fails_fails_the_step() {
    check(
        "
        workflow  a maps ${{ this.output.missing.deeper }}; b needs a
        given     start
        when      complete a {}
        then      a#1 completed {}; a failed NX2102; not reached: b; run failed at a: NX2102
    ",
    );
}

#[test]
fn a_condition_that_fails_fails_the_step() {
    check(
        "
        workflow  a; b if steps.a.output.x.y > 1
        given     start
        when      complete a {}
        then      a#1 completed {}; b failed NX2102; run failed at b: NX2102
    ",
    );
}

#[test]
fn an_input_that_fails_fails_the_step_and_cancels_what_was_about_to_start() {
    check(
        "
        workflow  a; b needs a; c with ${{ steps.a.output.x.y }}; d needs a
        given     start
        when      complete a {}
        then      a#1 completed {}; b#1 started; c failed NX2102; cancelled: b; not reached: d
                  run failed at c: NX2102
    ",
    );
}

#[test]
fn an_input_that_fails_frees_its_slot() {
    check(
        "
        workflow  a; b continue with ${{ steps.a.output.x.y }}; c needs a; d needs b
        given     start
        when      complete a {} slots=1
        then      a#1 completed {}; b failed NX2102, continued; c#1 started
        after     ready d
    ",
    );
}

#[test]
fn values_that_fail_fail_the_step() {
    check(
        "
        workflow  a; b set ${{ steps.a.output.x.y }} continue
        given     start
        when      complete a {}
        then      a#1 completed {}; b failed NX2102, continued; run completed
    ",
    );
}

#[test]
fn an_output_of_the_run_that_fails_fails_the_run() {
    check(
        "
        workflow  run maps ${{ steps.a.output.x.y }}; a
        given     start
        when      complete a {}
        then      a#1 completed {}; run failed: NX2102
        after     a completed
    ",
    );
}

#[test]
fn the_time_of_a_sleep_is_computed() {
    check(
        "
        workflow  a; b sleep ${{ steps.a.output }}; c sleep ${{ 0 - 5 }}
        given     start
        when      complete a @1s \"15m\"
        then      a#1 completed \"15m\"; b sleeps t1@901s
        after     c completed
    ",
    );
}
