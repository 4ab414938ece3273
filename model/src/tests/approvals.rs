//! Approvals: granted, rejected, too late, twice, by the wrong person, and with a form that does not fit.

use super::bench::Bench;
use super::check;
use crate::command::{ApprovalAnswer, Command};
use crate::id::StepIndex;

#[test]
fn a_step_asks_and_waits_with_nothing_but_its_timer() {
    check(
        "
        workflow  a approve dana,ops within=60s ask=Score_7; b needs a
        when      start @5s
        then      run started; a asks dana,ops \"Score_7\" t1@65s
        after     a waiting; b pending; parked true; timers t1@65s
    ",
    );
}

#[test]
fn an_approval_is_the_output_of_the_step() {
    check(
        r#"
        workflow  a approve dana within=60s; b needs a
        given     start
        when      approve a dana @5s -- known customer
        then      a approved by dana as dana {}
                  a#1 completed {"approved":true,"at":"1970-01-01T00:00:05Z","by":"dana","form":{},"note":"known customer"}
                  b#1 started
        after     timers none
    "#,
    );
}

#[test]
fn a_rejection_fails_the_step() {
    check(
        "
        workflow  a approve dana; b needs a
        given     start
        when      reject a dana -- too risky
        then      a rejected by dana as dana; a failed NX4101 rejected by dana: too risky; not reached: b
                  run failed at a: NX4101 rejected by dana: too risky
    ",
    );
}

#[test]
fn a_rejection_is_a_result_where_the_run_goes_on() {
    check(
        r#"
        workflow  a approve dana continue; b needs a if steps.a.output.approved
        given     start
        when      reject a dana
        then      a rejected by dana as dana
                  a#1 completed {"approved":false,"at":"1970-01-01T00:00:00Z","by":"dana","form":null,"note":null}
                  b skipped: steps.a.output.approved is false (false)
                  run completed
    "#,
    );
}

#[test]
fn people_are_meant_by_name_and_by_group() {
    for (by, who, role) in [
        ("user:dana", "dana", "user:dana"),
        ("group:ops", "erin+ops", "group:ops"),
        ("dana,ops", "erin+dev+ops", "ops"),
        ("ops", "ops", "ops"),
    ] {
        check(&format!(
            "
            workflow  a approve {by}
            given     start
            when      reject a {who}
            then      a rejected by {} as {role}; a failed NX4101 rejected by {0}; run failed at a: NX4101 rejected by {0}
        ",
            who.split('+').next().unwrap()
        ));
    }
}

#[test]
fn others_are_refused() {
    for (by, who) in [
        ("user:dana", "erin"),
        ("user:ops", "erin+ops"),
        ("group:dana", "dana"),
        ("dana,group:ops", "erin+dev"),
        ("role:dana", "dana"),
    ] {
        check(&format!(
            "
            workflow  a approve {by}
            given     start
            when      approve a {who}
            then      rejected: `{}` may not decide about step `a`; it asks {}
            after     a waiting
        ",
            who.split('+').next().unwrap(),
            by.replace(',', ", "),
        ));
    }
}

#[test]
fn a_second_answer_is_refused() {
    for (first, settings) in [("approve", ""), ("reject", ""), ("reject", "continue")] {
        check(&format!(
            "
            workflow  a approve dana {settings}; b
            given     start; {first} a dana
            when      approve a dana
            then      rejected: step `a` was decided already
        "
        ));
    }
}

#[test]
fn a_second_answer_is_refused_also_after_the_end() {
    check(
        "
        workflow  a approve dana
        given     start; approve a dana
        when      reject a dana
        then      rejected: step `a` was decided already
        after     run completed
    ",
    );
}

#[test]
fn only_a_step_that_asks_can_be_answered() {
    for (step, given, status) in [
        ("w", "start", "running"),
        ("b", "start", "pending"),
        ("w", "start; complete w", "completed"),
        ("zzz", "start", "unknown"),
    ] {
        let name = if step == "zzz" { "number 999" } else { step };
        check(&format!(
            "
            workflow  w; v; b needs v approve dana
            given     {given}
            when      approve {step} dana
            then      rejected: step `{name}` does not wait for an approval, it is {status}
        "
        ));
    }
}

#[test]
fn the_number_after_the_last_is_no_step() {
    let mut bench = Bench::of("a; b approve dana");
    bench.play("start").expect("it starts");
    for of in ["", "c"] {
        let answer = ApprovalAnswer { of: of.to_owned(), ..ApprovalAnswer::default() };
        let command = Command::AnswerApproval { step: StepIndex(2), answer: Box::new(answer) };
        let refused = bench.act(&command).expect_err("there is none").to_string();
        assert_eq!(refused, "step `number 2` does not wait for an approval, it is unknown");
    }
}

#[test]
fn nobody_answers_a_run_that_was_not_started() {
    check(
        "
        workflow  a approve dana
        when      approve a dana
        then      rejected: the run was not started
    ",
    );
}

#[test]
fn nobody_answers_after_the_time_is_over() {
    check(
        "
        workflow  a approve dana within=60s
        given     start; fire t1 @60s
        when      approve a dana
        then      rejected: step `a` does not wait for an approval, it is failed
    ",
    );
}

#[test]
fn the_form_is_checked_and_completed() {
    let workflow = r#"a approve dana form={"note":{"type":"string"},"discount":{"type":"number","max":0.5,"default":0}}"#;
    check(&format!(
        r#"
        workflow  {workflow}
        given     start
        when      approve a dana {{"note":"fine"}}
        then      a approved by dana as dana {{"discount":0,"note":"fine"}}
                  a#1 completed {{"approved":true,"at":"1970-01-01T00:00:00Z","by":"dana","form":{{"discount":0,"note":"fine"}},"note":null}}
                  run completed
    "#
    ));
    for (form, wrong) in [
        ("", "field `note` is missing"),
        (r#"{"note":1}"#, "field `note` is 1, not a text"),
        (r#"{"note":"x","discount":0.7}"#, "field `discount` is 0.7, more than 0.5"),
        (r#"{"note":"x","rebate":0.7}"#, "the form has no field `rebate`"),
        ("[1]", "the form is [1], not a map of fields by name"),
    ] {
        check(&format!(
            "
            workflow  {workflow}
            given     start
            when      approve a dana {form}
            then      rejected: the form of step `a` does not fit: {wrong}
            after     a waiting
        "
        ));
    }
}

#[test]
fn who_rejects_need_not_fill_in_the_form() {
    let workflow = r#"a approve dana form={"note":{"type":"string"}}"#;
    check(&format!(
        r#"
        workflow  {workflow}
        given     start
        when      reject a dana {{"note":1}}
        then      rejected: the form of step `a` does not fit: field `note` is 1, not a text
    "#
    ));
    check(&format!(
        "
        workflow  {workflow}
        given     start
        when      reject a dana
        then      a rejected by dana as dana; a failed NX4101 rejected by dana; run failed at a: NX4101 rejected by dana
    "
    ));
}

#[test]
fn a_large_form_is_loaded_before_it_is_checked() {
    check(
        "
        workflow  a approve dana
        given     start
        when      approve a dana big
        then      rejected: the form of step `a` does not fit: the form is \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…, not a map of fields by name
    ",
    );
}

#[test]
fn people_and_message_are_expressions() {
    check(
        r#"
        workflow  a approve ${{ inputs.who }}
        when      start {"who":["dana","group:ops"]}
        then      run started; a asks dana,group:ops
    "#,
    );
    check(
        "
        workflow  x set {\"score\":7}; a needs x approve dana ask=Score_${{steps.x.output.score}}
        when      start
        then      run started; x#1 completed {\"score\":7}; a asks dana \"Score_7\"
    ",
    );
}

#[test]
fn a_step_that_would_ask_nobody_fails() {
    for (who, wrong) in [
        ("[]", "`by` is empty"),
        ("null", "`by` has null, which names nobody"),
        (r#"["dana",7]"#, "`by` has 7, which names nobody"),
        (r#"" ""#, "`by` has \" \", which names nobody"),
    ] {
        check(&format!(
            r#"
            workflow  a approve ${{{{ inputs.who }}}}
            when      start {{"who":{who}}}
            then      run started; a failed NX4107 nobody could decide: {wrong}; run failed at a: NX4107 nobody could decide: {wrong}
        "#
        ));
    }
}

#[test]
fn a_step_fails_when_nobody_decides_in_time() {
    check(
        "
        workflow  a approve dana within=60s; b needs a
        given     start
        when      fire t1 @60s
        then      t1 fired; a failed NX4102 nobody decided within 60000 ms; not reached: b
                  run failed at a: NX4102 nobody decided within 60000 ms
        after     timers none
    ",
    );
}

#[test]
fn the_run_may_go_on_when_nobody_decides_in_time() {
    for settings in ["go_on", "continue"] {
        check(&format!(
            "
            workflow  a approve dana within=60s {settings}; b needs a
            given     start
            when      fire t1 @60s
            then      t1 fired; a failed NX4102 nobody decided within 60000 ms, continued; b#1 started
        "
        ));
    }
}

#[test]
fn silence_may_count_as_a_rejection() {
    check(
        "
        workflow  a approve dana within=60s reject
        given     start
        when      fire t1 @60s
        then      t1 fired; a failed NX4101 nobody decided within 60000 ms, which counts as rejected
                  run failed at a: NX4101 nobody decided within 60000 ms, which counts as rejected
    ",
    );
}

#[test]
fn the_timer_goes_when_somebody_decides() {
    check(
        "
        workflow  a approve dana within=60s; b needs a
        given     start; approve a dana
        when      fire t1 @60s
        then      rejected: timer 1 is not set
        after     timers none
    ",
    );
}

#[test]
fn a_step_that_asks_is_cancelled() {
    check(
        "
        workflow  a approve dana within=60s; b needs a
        given     start
        when      cancel
        then      cancel requested; cancelled: a; not reached: b; run cancelled
        after     timers none
    ",
    );
}

#[test]
fn a_step_that_asks_ends_with_a_failing_run() {
    check(
        "
        workflow  a approve dana; b
        given     start
        when      fail b E
        then      b#1 attempt failed E; b failed E; cancelled: a; run failed at b: E
    ",
    );
}

#[test]
fn a_decision_in_a_pause_counts_and_nothing_starts() {
    check(
        "
        workflow  a approve dana continue; b needs a
        given     start; pause; reject a dana
        when      resume
        then      resumed; b#1 started
    ",
    );
}

#[test]
fn a_retried_run_asks_anew() {
    check(
        "
        workflow  a approve dana within=60s
        given     start; reject a dana @5s
        when      retry @70s; reject a dana
        then      run retried; a asks dana t2@130s
                  a rejected by dana as dana; a failed NX4101 rejected by dana; run failed at a: NX4101 rejected by dana
    ",
    );
}

#[test]
fn a_step_may_be_skipped_instead_of_asking() {
    check(
        "
        workflow  a approve dana if false
        when      start
        then      run started; a skipped: false is false; run completed
    ",
    );
}

#[test]
fn the_output_of_an_approval_is_mapped() {
    check(
        "
        workflow  a approve dana maps ${{ this.output.by }}; b needs a
        given     start
        when      approve a dana
        then      a approved by dana as dana {}
                  a#1 completed {\"approved\":true,\"at\":\"1970-01-01T00:00:00Z\",\"by\":\"dana\",\"form\":{},\"note\":null}
                  a mapped \"dana\"; b#1 started
    ",
    );
}

#[test]
fn silence_that_counts_as_a_rejection_may_be_a_result() {
    check(
        r#"
        workflow  a approve dana within=60s reject continue; b needs a
        given     start
        when      fire t1 @60s
        then      t1 fired
                  a#1 completed {"approved":false,"at":"1970-01-01T00:01:00Z","by":null,"form":null,"note":"nobody decided within 60000 ms"}
                  b#1 started
    "#,
    );
}
