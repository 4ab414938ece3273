//! What came of the runs beside what the oracle says, or what the function does when it is carried out plainly.

use std::collections::{BTreeMap, BTreeSet};

use nexus_engine::testkit::{Call, RunEnding, TestEngine};
use serde_json::Value;

use super::definitions::Made;
use super::functions::Coded;
use super::handlers::Moods;
use super::oracle::{CallOf, Fate, Oracle};
use super::people::Planned;
use super::plainly::{Plainly, plainly};

/// What is different from what it should be.
pub(super) fn differences_of(
    engine: &TestEngine,
    planned: &[Planned],
    made: &[Made],
    moods: Moods,
) -> Vec<String> {
    let ending = engine.ending();
    let mut wrong = Vec::new();
    for planned in planned {
        let made = &made[planned.of];
        let Some(is) = ending.runs.get(&planned.name) else {
            wrong.push(format!("{} is not there", planned.name));
            continue;
        };
        let calls: Vec<&Call> =
            engine.calls().iter().filter(|call| call.run_name == planned.name).collect();
        let lines = match &made.coded {
            Some(coded) => of_function(coded, (planned, made), is, &calls, moods),
            None => of_definition((planned, made), is, &calls, moods),
        };
        let of = |line| format!("{} of {}: {line}", planned.name, is.workflow);
        wrong.extend(lines.into_iter().map(of));
    }
    wrong
}

fn of_definition(
    (planned, made): (&Planned, &Made),
    is: &RunEnding,
    calls: &[&Call],
    moods: Moods,
) -> Vec<String> {
    let oracle = Oracle {
        definition: made.plan.definition(),
        callees: made.callees.iter().map(|callee| callee.definition()).collect(),
        signals: &made.signals,
        input: &planned.input,
        moods,
        is_chain: made.is_chain,
    };
    let calls = calls.iter().map(|call| {
        let input = call.input().to_string();
        (call.step.clone(), call.item, call.undo, call.attempt, input)
    });
    differences(&oracle.fate(), is, &calls.collect(), made.is_chain)
}

fn of_function(
    coded: &Coded,
    (planned, made): (&Planned, &Made),
    is: &RunEnding,
    calls: &[&Call],
    moods: Moods,
) -> Vec<String> {
    let should = plainly(&coded.program, &planned.input, &made.signals, moods);
    let mut wrong = Vec::new();
    if is.status != should.status {
        wrong.push(format!("it is {}, and should be {}", is.status, should.status));
    }
    if is.output != should.output {
        wrong.push(format!("its output is {}, and should be {}", is.output, should.output));
    }
    let (mut called, mut undone) = (BTreeMap::new(), BTreeMap::new());
    // A call that a crash has cut off is made again.
    let mut seen = BTreeSet::new();
    for call in calls {
        if !seen.insert((&call.step, call.undo, call.attempt)) {
            continue;
        }
        let input = call.input().to_string();
        if call.undo {
            // How often that is tried is not the function's.
            if call.outcome.result.is_ok() {
                *undone.entry((call.uses.clone(), input)).or_default() += 1;
            }
        } else {
            *called.entry((call.uses.clone(), call.attempt, input)).or_default() += 1;
        }
    }
    let Plainly { calls, perhaps, undone: to_undo, perhaps_undone, .. } = &should;
    wrong.extend(counts("called", &called, calls, perhaps));
    wrong.extend(counts("undone", &undone, to_undo, perhaps_undone));
    wrong
}

/// Where there is less than there should be, or more than there may be.
fn counts<T: Ord + std::fmt::Debug>(
    what: &str,
    are: &BTreeMap<T, u32>,
    should: &BTreeMap<T, u32>,
    perhaps: &BTreeMap<T, u32>,
) -> Vec<String> {
    let all: BTreeSet<&T> = are.keys().chain(should.keys()).collect();
    let of = |counts: &BTreeMap<T, u32>, it: &T| counts.get(it).copied().unwrap_or(0);
    let wrong = all.into_iter().filter_map(|it| {
        let (is, least) = (of(are, it), of(should, it));
        let most = least + of(perhaps, it);
        let is_wrong = is < least || is > most;
        is_wrong.then(|| format!("{it:?} was {what} {is} times, and should be {least} to {most}"))
    });
    wrong.collect()
}

/// What is different from what the oracle says.
fn differences(
    fate: &Fate,
    is: &RunEnding,
    calls: &BTreeSet<CallOf>,
    is_chain: bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    if is.status != fate.status {
        wrong.push(format!("it is {}, and should be {}", is.status, fate.status));
    }
    if is.output != fate.output {
        wrong.push(format!("its output is {}, and should be {}", is.output, fate.output));
    }
    let is_exact = is_chain || fate.status == "completed";
    for (id, (word, output)) in &fate.steps {
        let Some(step) = is.steps.get(id) else { continue };
        let was_undone = fate.calls.iter().any(|call| call.0 == *id && call.2);
        let cut_short = !is_exact && ["cancelled", "not reached"].contains(&step.status);
        if was_undone || cut_short || fate.unsure.contains(id) {
            continue;
        }
        if step.status != *word || !is_same(&step.output, output) {
            wrong.push(format!(
                "{id} is {} with {}, and should be {word} with {output}",
                step.status, step.output
            ));
        }
    }
    for call in calls.difference(&fate.calls).filter(|call| !fate.unsure.contains(&call.0)) {
        wrong.push(format!("{call:?} was called, and should not be"));
    }
    for call in fate.calls.difference(calls).filter(|_| is_exact) {
        wrong.push(format!("{call:?} was not called, and should be"));
    }
    wrong
}

/// Whether two outputs are the same; of items that failed only their number is known.
fn is_same(is: &Value, expected: &Value) -> bool {
    match expected.get("failed").and_then(Value::as_u64) {
        Some(failed) => {
            let count = is.get("failed").and_then(Value::as_array).map(Vec::len);
            count == usize::try_from(failed).ok() && is.get("ok") == expected.get("ok")
        }
        None => is == expected,
    }
}
