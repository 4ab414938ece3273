use serde_json::json;

use super::*;

/// Requests, one a line: client, sent, answered (`?`: never), request, its key or number, the answer; `NX7007:is_paused_already` is a
/// refusal with what was said.
fn calls(work: &str, text: &str) -> Vec<Value> {
    let mut calls = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [client, sent, answered, op, what, answer] = words[..] else {
            panic!("six words: {line}")
        };
        let (outcome, code) = match answer {
            "?" => ("unknown", ""),
            code if code.starts_with("NX") => ("refused", code),
            _ => ("done", ""),
        };
        let (code, said) = code.split_once(':').unwrap_or((code, ""));
        let answer = match (op, answer) {
            _ if outcome == "refused" => json!(said.replace('_', " ")),
            ("start" | "letter", answer) => json!({"existing": answer == "known"}),
            ("add", sum) => {
                json!({"existing": sum.starts_with('='), "total": sum.trim_matches('=').parse::<u64>().ok()})
            }
            ("total", sum) => json!(sum.parse::<u64>().ok()),
            ("get", text) => {
                let (status, outputs) = text.split_once(':').unwrap_or((text, ""));
                json!({"status": status, "outputs": outputs.replace(',', " ")})
            }
            _ => Value::Null,
        };
        calls.push(json!({
            "work": work, "client": client.parse::<u64>().expect("a number"), "op": op, "outcome": outcome, "code": code,
            "invoked": sent.parse::<u64>().expect("a number"), "returned": answered.parse::<u64>().ok(), "answer": answer,
            "key": if matches!(op, "letter" | "add") { format!("{op}-{what}") } else { String::new() },
            "data": if op == "start" { json!({"other": what == "other"}) } else { json!(what.parse::<u64>().ok()) },
        }));
    }
    calls.sort_by_key(|call| call["returned"].as_u64().unwrap_or(u64::MAX));
    calls
}

/// Some order of these requests explains their answers.
fn accepted(work: &str, text: &str) {
    assert_eq!(explained(work, text), Some(true), "{text}");
}

/// No order of these requests does.
fn rejected(work: &str, text: &str) {
    assert_eq!(explained(work, text), Some(false), "{text}");
}

fn explained(work: &str, text: &str) -> Option<bool> {
    explain(&calls(work, text).iter().collect::<Vec<_>>(), work, 2, STEPS_MAX)
}

#[test]
fn what_one_order_explains_is_accepted() {
    accepted(
        "tally",
        "1 0 9 start - new\n 2 1 8 start - known\n 2 10 19 add 3 3\n 1 11 20 total - 0",
    );
    accepted("tally", "1 0 1 start - new\n 1 2 9 add 1 4\n 2 2 9 add 3 3");
    accepted(
        "tally",
        "1 0 1 start - new\n 1 2 ? add 5 ?\n 2 3 4 total - 0\n 2 5 6 total - 5\n 2 7 8 add 5 =5=",
    );
    accepted("tally", "1 0 ? start - ?\n 2 5 6 get - NX7011\n 2 7 8 get - waiting");
    accepted(
        "mailbox",
        "1 0 1 start - new\n 1 2 9 letter 1 new\n 2 2 9 letter 2 new\n 1 10 11 get - completed:2,1,",
    );
    accepted(
        "order",
        "1 0 1 start - new\n 2 2 3 start other NX7003\n 1 2 3 cancel - done\n 1 4 5 get - cancelled",
    );
}

#[test]
fn a_start_that_counted_twice_is_rejected() {
    rejected("order", "1 0 1 start - new\n 2 2 3 start - new");
    rejected("order", "1 0 1 start - new\n 2 2 3 start other known");
}

#[test]
fn a_run_that_was_there_and_is_not_is_rejected() {
    rejected("order", "1 0 1 start - new\n 2 2 3 get - NX7011");
    rejected("order", "1 0 1 start - known");
}

#[test]
fn a_stale_sum_is_rejected() {
    rejected("tally", "1 0 1 start - new\n 1 2 3 add 3 3\n 2 4 5 total - 0");
}

#[test]
fn sums_that_exclude_each_other_are_rejected() {
    rejected("tally", "1 0 1 start - new\n 1 2 9 add 1 1\n 2 2 9 add 3 3");
    rejected("tally", "1 0 1 start - new\n 1 2 3 add 1 1\n 2 4 5 add 1 2");
    rejected("tally", "1 0 1 start - new\n 1 2 3 add 1 1\n 2 4 5 add 2 3\n 3 6 7 add 3 6");
}

#[test]
fn a_lost_answer_does_not_excuse_a_sum_that_goes_back() {
    rejected("tally", "1 0 1 start - new\n 1 2 ? add 5 ?\n 2 3 4 total - 5\n 2 5 6 total - 0");
}

#[test]
fn an_update_that_is_refused_without_a_reason_is_rejected() {
    rejected("tally", "1 0 1 start - new\n 2 2 3 add 1 NX4127");
    rejected("tally", "1 0 1 start - new\n 2 2 3 add 1 1\n 1 4 5 add 1 NX4130");
}

#[test]
fn letters_that_change_places_are_rejected() {
    rejected(
        "mailbox",
        "1 0 1 start - new\n 1 2 3 letter 1 new\n 1 4 5 letter 2 new\n 2 6 7 get - completed:2,1,",
    );
    rejected("mailbox", "1 0 1 start - new\n 1 2 3 letter 1 new\n 1 4 5 letter 1 new");
}

#[test]
fn an_end_that_is_taken_back_is_rejected() {
    rejected("order", "1 0 1 start - new\n 2 2 3 get - completed\n 1 4 5 get - waiting");
    rejected("order", "1 0 1 start - new\n 2 2 3 get - cancelled");
    rejected("mailbox", "1 0 1 start - new\n 1 2 3 letter 1 new\n 2 6 7 get - completed:1,");
}

const STARTED: &str = "1 0 1 start - new\n";

#[test]
fn a_refusal_that_the_state_explains_is_accepted() {
    for (work, text) in [
        ("refund", "1 2 3 approve - NX4105\n 1 4 5 approve - done\n 2 6 7 reject - NX4104"),
        ("refund", "1 2 3 get - waiting\n 1 4 5 cancel - done\n 2 6 7 approve - NX4105"),
        ("refund", "1 2 9 approve - done\n 2 2 9 reject - NX4104"),
        ("order", "1 2 3 pause - done\n 2 4 5 pause - NX7007:is_paused_already"),
        ("order", "1 2 3 resume - NX7007:is_not_paused\n 1 4 5 pause - done\n 1 6 7 resume - done"),
        ("order", "1 2 3 pause - done\n 1 4 5 cancel - done\n 1 6 7 resume - NX7007:is_not_paused"),
        ("order", "1 2 ? pause - ?\n 2 3 4 pause - NX7007:is_paused_already"),
        ("order", "1 2 3 cancel - done\n 2 4 5 cancel - NX7007:is_being_cancelled_already"),
        ("order", "1 2 3 pause - NX7007:the_run_has_ended\n 2 4 5 get - completed"),
        ("mailbox", "1 2 3 letter 1 new\n 1 4 5 letter 2 new\n 1 6 7 letter 3 NX4002"),
        ("tally", "1 2 3 add 1 1\n 1 4 5 add 2 3\n 1 6 7 add 3 NX4127"),
        ("order", "1 2 3 pause - NX6007"),
    ] {
        accepted(work, &format!("{STARTED}{text}"));
    }
}

#[test]
fn a_refusal_that_no_state_explains_is_rejected() {
    for (work, text) in [
        // Nobody has decided before, or somebody has.
        ("refund", "1 2 3 approve - NX4104"),
        ("refund", "1 2 3 approve - done\n 2 4 5 approve - NX4105"),
        ("refund", "1 2 3 approve - done\n 2 4 5 reject - done"),
        ("refund", "1 2 3 get - waiting\n 1 4 5 approve - NX4105"),
        ("refund", "1 2 3 cancel - done\n 1 4 5 approve - done"),
        // It is not paused, or it is.
        ("order", "1 2 3 pause - NX7007:is_paused_already"),
        ("order", "1 2 3 pause - done\n 1 4 5 resume - NX7007:is_not_paused"),
        ("order", "1 2 3 pause - done\n 1 4 5 pause - done"),
        ("order", "1 2 3 resume - done"),
        ("order", "1 2 3 get - paused"),
        // It is not being cancelled, or it is, or it has not ended.
        ("order", "1 2 3 cancel - NX7007:is_being_cancelled_already"),
        ("order", "1 2 3 cancel - done\n 1 4 5 cancel - done"),
        ("order", "1 2 3 pause - NX7007:the_run_has_ended\n 1 4 5 get - running"),
        ("order", "1 2 3 get - completed\n 1 4 5 pause - done"),
        ("mailbox", "1 2 3 letter 1 new\n 1 4 5 letter 2 NX4002"),
        // It is about something else, or about nothing.
        ("tally", "1 2 3 add 1 NX4105"),
        ("tally", "1 2 3 add 1 1\n 1 4 5 add 1 NX4127"),
        ("order", "1 2 3 pause - NX7007"),
        ("order", "1 2 3 pause - NX4180"),
        ("order", "1 2 3 cancel - NX7006"),
        ("order", "1 2 3 get - NX7007:the_run_has_ended"),
    ] {
        rejected(work, &format!("{STARTED}{text}"));
    }
}

#[test]
fn a_search_that_takes_too_long_says_nothing() {
    let calls = calls("order", "1 0 1 start - new\n 1 2 3 get - running");
    assert_eq!(explain(&calls.iter().collect::<Vec<_>>(), "order", 2, 1), None);
}
