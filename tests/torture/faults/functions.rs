//! Faults of functions.

use nexus_tests::torture::checker::{Evidence, Line, Wrong};
use serde_json::{Value, json};

use super::{Fault, find, renumber, repeat};

/// All of them.
pub(super) const FAULTS: [Fault; 18] = [
    ("calls of a function are recorded twice", Wrong::Duplicated, |evidence| {
        repeat(evidence, "calls.made")
    }),
    ("a step begins that no function has called", Wrong::Reordered, |evidence| {
        take_away(evidence, |event| event["event"] == "calls.made" && calls(event, "hold"))
    }),
    ("a function knows of what is not recorded", Wrong::Reordered, |evidence| {
        alter(evidence, |event| calls(event, "charge"), |event| event["data"]["turn"] = json!(77))
    }),
    ("a function says something in a turn that is over", Wrong::Duplicated, |evidence| {
        alter(evidence, |event| calls(event, "charge"), |event| event["data"]["turn"] = json!(0))
    }),
    ("a function says something after it has returned", Wrong::Duplicated, |evidence| {
        copy(evidence, |event| is_returned(event, false))
    }),
    ("a round ends twice", Wrong::Reordered, |evidence| {
        copy(evidence, |event| is_returned(event, true) && event["data"]["turn"] != 0)
    }),
    ("a round leaves a signal that nobody took", Wrong::Reordered, |evidence| {
        alter(
            evidence,
            |event| is_returned(event, true),
            |event| event["data"]["left"] = json!([{"number": 77, "name": "letter"}]),
        )
    }),
    ("a run completes whose function has not returned", Wrong::Broken, |evidence| {
        take_away(evidence, |event| {
            is_returned(event, false) && event["data"]["output"]["sum"].is_u64()
        })
    }),
    ("a function returns another sum", Wrong::Broken, |evidence| {
        comes_to(evidence, |output| output["sum"].is_u64(), |output| output["sum"] = json!(1))
    }),
    ("a function is given another output than is recorded", Wrong::Broken, |evidence| {
        let completes =
            |events: &[Value]| events.last().is_some_and(|end| end["event"] == "run.completed");
        alter_in(
            evidence,
            completes,
            |event| is_done(event, "price"),
            |event| event["data"]["output"] = json!(0),
        )
    }),
    ("of two that race the other one counts", Wrong::Broken, |evidence| {
        let is_raced = |output: &Value| output.get("raced").is_some();
        comes_to(evidence, is_raced, |output| {
            output["raced"] = if output["raced"].is_null() { json!(1) } else { Value::Null };
        })
    }),
    ("what was computed once is something else", Wrong::Broken, |evidence| {
        comes_to(evidence, |output| output["once"].is_u64(), |output| output["once"] = json!(0))
    }),
    ("what was computed once is computed again in a later life", Wrong::Duplicated, |evidence| {
        let later = evidence.lives.last().map(|(life, _)| *life).unwrap_or_default() + 1;
        again(evidence, |line| line.key.starts_with("once:"), later)
    }),
    ("what is recorded as computed was computed by nobody", Wrong::Lost, |evidence| {
        let all = evidence.lines.len();
        evidence.lines.retain(|line| !line.key.starts_with("once:"));
        evidence.lines.len() < all
    }),
    ("a step of a function is carried out again in a later life", Wrong::Duplicated, |evidence| {
        let Some((run, _)) = find(evidence, |event| is_done(event, "hold")) else { return false };
        let later = evidence.lives.last().map(|(life, _)| *life).unwrap_or_default() + 1;
        again(evidence, |line| line.run == run && line.key.ends_with("/hold"), later)
    }),
    ("what a function did first is undone first", Wrong::Reordered, |evidence| {
        let undoes =
            |event: &Value, step| event["event"] == "undo.started" && event["step"] == step;
        let Some((run, line)) = find(evidence, |event| undoes(event, "line")) else { return false };
        let Some(events) = evidence.histories.get_mut(&run) else { return false };
        let hold = events.iter().position(|event| undoes(event, "hold"));
        hold.is_some_and(|hold| {
            let early = events.remove(hold);
            events.insert(line, early);
            renumber(events);
            true
        })
    }),
    ("a function is told of another decision", Wrong::Broken, |evidence| {
        comes_to(evidence, Value::is_boolean, |output| *output = json!(*output != true))
    }),
    ("a letter is lost between rounds", Wrong::Broken, |evidence| {
        let is_letters = |events: &[Value]| events[0]["data"]["workflow"] == "letters";
        let ends = |event: &Value| event["event"] == "run.completed";
        alter_in(evidence, is_letters, ends, |event| event["data"]["output"] = json!("0 "))
    }),
];

fn calls(event: &Value, step: &str) -> bool {
    let calls = event["data"]["calls"].as_array();
    calls.into_iter().flatten().any(|call| call["step"] == step)
}

fn is_returned(event: &Value, again: bool) -> bool {
    event["event"] == "function.returned" && event["data"]["again"] == again
}

fn is_done(event: &Value, step: &str) -> bool {
    event["event"] == "step.completed" && event["step"] == step
}

fn take_away(evidence: &mut Evidence, is_it: impl Fn(&Value) -> bool) -> bool {
    change(evidence, is_it, |events, at| drop(events.remove(at)))
}

fn copy(evidence: &mut Evidence, is_it: impl Fn(&Value) -> bool) -> bool {
    change(evidence, is_it, |events, at| events.insert(at, events[at].clone()))
}

/// Changes the history with the first event that is meant.
fn change(
    evidence: &mut Evidence,
    is_it: impl Fn(&Value) -> bool,
    change: impl FnOnce(&mut Vec<Value>, usize),
) -> bool {
    let Some((run, at)) = find(evidence, is_it) else { return false };
    let Some(events) = evidence.histories.get_mut(&run) else { return false };
    change(events, at);
    renumber(events);
    true
}

fn alter(
    evidence: &mut Evidence,
    is_it: impl Fn(&Value) -> bool,
    change: impl FnOnce(&mut Value),
) -> bool {
    alter_in(evidence, |_| true, is_it, change)
}

/// Changes the first event that is meant, of a run that is.
fn alter_in(
    evidence: &mut Evidence,
    is_run: impl Fn(&[Value]) -> bool,
    is_it: impl Fn(&Value) -> bool,
    change: impl FnOnce(&mut Value),
) -> bool {
    let runs = evidence.histories.values_mut().filter(|events| is_run(events));
    let mut found = runs.filter_map(|events| events.iter_mut().find(|event| is_it(event)));
    found.next().map(change).is_some()
}

/// Changes what the function of a run returned, and the run with it.
fn comes_to(
    evidence: &mut Evidence,
    is_it: impl Fn(&Value) -> bool,
    change: impl Fn(&mut Value),
) -> bool {
    let is_end =
        |event: &Value| event["event"] == "run.completed" && is_it(&event["data"]["output"]);
    let is_run = |events: &&mut Vec<Value>| {
        events.iter().any(|event| is_returned(event, false)) && events.last().is_some_and(is_end)
    };
    let Some(events) = evidence.histories.values_mut().find(is_run) else { return false };
    let says = |event: &&mut Value| is_returned(event, false) || event["event"] == "run.completed";
    events.iter_mut().filter(says).for_each(|event| change(&mut event["data"]["output"]));
    true
}

/// One more line like one that is there, of this life.
fn again(evidence: &mut Evidence, is_it: impl Fn(&Line) -> bool, life: u64) -> bool {
    let line = evidence.lines.iter().find(|line| is_it(line)).cloned();
    line.map(|line| evidence.lines.push(Line { life, ..line })).is_some()
}
