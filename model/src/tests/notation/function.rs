//! What functions say, in the notation of stories.

use serde_json::Value;

use super::{Bench, failure, payload, step};
use crate::code::{CallMade, CallsMade, FunctionReturned, LeftSignal};
use crate::command::Command;
use crate::definition::StepKind;
use crate::id::StepIndex;

/// `calls 0 a retry 2 | b#2 with {"x":1} | nap sleep 5000 | dice gives 4 | patch p`: the calls of a turn.
/// `returns 3 {"x":1}`, `returns 3 fails E_CARD`: the end of a function. `again 3 {"x":1} left 2 go 7`: the end of a
/// round that has not heard of signal number 2.
pub(super) fn command(bench: &mut Bench, words: &[&str]) -> Option<Command> {
    let turn = || words[1].parse().expect("the number of a turn");
    let round = bench.run.code.as_ref().map_or(0, |code| code.round);
    let rest = words.get(2..).unwrap_or_default().join(" ");
    match words[0] {
        "calls" => {
            let mut made = CallsMade { round, turn: turn(), ..CallsMade::default() };
            for item in rest.split('|').map(str::trim).filter(|item| !item.is_empty()) {
                match item.strip_prefix("patch ") {
                    Some(name) => made.patches.push(name.to_owned()),
                    None => made.calls.push(call(bench, item)),
                }
            }
            Some(Command::MakeCalls(Box::new(made)))
        }
        "returns" | "again" => {
            let again = words[0] == "again";
            let (rest, left) = match rest.split_once(" left ") {
                Some((rest, left)) => (rest.to_owned(), vec![left_signal(bench, left)]),
                None => (rest, Vec::new()),
            };
            let failed = rest.strip_prefix("fails ");
            let failure = failed.map(|code| failure(&[code, "fatal"]));
            let output = if failure.is_some() { "" } else { &rest };
            let output = payload(bench, output);
            let turn = turn();
            let returned = FunctionReturned {
                round,
                turn,
                output,
                again,
                failure,
                left,
                ..Default::default()
            };
            Some(Command::ReturnFunction(Box::new(returned)))
        }
        _ => None,
    }
}

fn left_signal(bench: &mut Bench, text: &str) -> LeftSignal {
    let mut words = text.splitn(3, ' ');
    let mut next = || words.next().expect("the number, the name and the payload of a signal");
    let (number, name) = (next().parse().expect("a number"), next().to_owned());
    LeftSignal { number, name, payload: payload(bench, next()) }
}

fn call(bench: &mut Bench, item: &str) -> CallMade {
    let (item, output) = match item.split_once(" gives ") {
        Some((item, output)) => (item, Some(payload(bench, output))),
        None => (item, None),
    };
    let mut does = step(item);
    let (name, count) = match does.id.split_once('#') {
        Some((name, number)) => {
            (name.to_owned(), number.parse::<u32>().expect("the number of a call") - 1)
        }
        None => (does.id.clone(), 0),
    };
    let mut input = String::new();
    if let StepKind::Action { with, .. } | StepKind::Call { with, .. } = &mut does.kind {
        let with = std::mem::take(with);
        if !with.is_null() {
            input = with.to_string();
        }
    }
    if output.is_some() {
        does.kind = StepKind::Set { values: Value::Null };
    }
    does.id = String::new();
    let does = serde_json::to_string(&does).expect("a step is JSON");
    let input = payload(bench, &input);
    let step = StepIndex(999);
    CallMade { step, round: 0, name, count, does, input, output, needs: Vec::new() }
}
