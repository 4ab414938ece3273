//! What a case expects, compared with what came of it.

use nexus_definitions::cases::{Expect, StepExpect};
use nexus_model::plan::SCRIPT_HANDLER;
use nexus_model::run::Run;
use serde_json::Value;

use super::super::call::Call;
use super::super::ending::{RunEnding, StepEnding, last_calls};
use super::super::engine::TestEngine;
use super::play::Played;

/// What is not as expected, a line for each. In a storm only ends count.
pub(super) fn unmet(
    engine: &TestEngine,
    played: &Played,
    expect: &Expect,
    storm: bool,
) -> Vec<String> {
    let Some(run) = played.run else {
        let is_expected = expect.runs == Some(0) || played.refused.is_some();
        let line = "none of its starts led to a run".to_owned();
        return if is_expected { Vec::new() } else { vec![line] };
    };
    let mut lines = Vec::new();
    if let Some(wanted) = expect.runs {
        let found = engine.runs_of(engine.load(run).0.definition().name.as_str()).len() as u64;
        if found != wanted {
            lines.push(format!("there are {found} runs, expected {wanted}"));
        }
    }
    let (_, state) = engine.load(run);
    let ending = engine.ending_of(run);
    status(expect, &state, &ending, &mut lines);
    if let Some(code) = &expect.error {
        let found = ending.failure.as_ref().map(|failure| failure.code.as_str());
        differs("the error", found, Some(code.as_str()), &mut lines);
    }
    if let Some(outputs) = &expect.outputs
        && let Some(difference) = misfit(outputs, &ending.output, "")
    {
        lines.push(format!("the output is {}, expected {outputs}{difference}", ending.output));
    }
    for (name, wanted) in &expect.queries {
        match engine.query(run, name) {
            Ok(found) => lines.extend(misfit(wanted, &found, "").map(|difference| {
                format!("query `{name}` says {found}, expected {wanted}{difference}")
            })),
            Err(error) => lines.push(format!("query `{name}` has no answer: {error}")),
        }
    }
    for (id, expect) in &expect.steps {
        if let Some(step) = ending.steps.get(id) {
            step_unmet(id, step, expect, storm, &mut lines);
        }
    }
    if storm {
        return lines;
    }
    if let Some(calls) = &expect.calls {
        let made: Vec<String> = last_calls(engine.calls()).map(called).collect();
        if made != *calls {
            lines.push(format!(
                "the calls are [{}], expected [{}]",
                made.join(", "),
                calls.join(", ")
            ));
        }
    }
    if let Some(ms) = expect.takes_ms {
        let took = state.ended_at.unwrap_or_else(|| engine.now()).ms_since(played.began);
        if took != ms {
            lines.push(format!("it takes {took} ms, expected {ms} ms"));
        }
    }
    lines
}

/// Without a word about it, a run is expected to complete, or to fail if an error is expected.
fn status(expect: &Expect, state: &Run, ending: &RunEnding, lines: &mut Vec<String>) {
    let usual = if expect.error.is_some() { "failed" } else { "completed" };
    let wanted = expect.status.as_deref().unwrap_or(usual);
    let is_open = !state.status.is_terminal();
    let fits = match wanted {
        "running" => is_open,
        "paused" => is_open && state.paused,
        "waiting" => is_open && !state.paused && state.is_parked(),
        status => ending.status == status,
    };
    if fits {
        return;
    }
    let why =
        ending.failure.as_ref().map(|failure| format!(": {} {}", failure.code, failure.message));
    let open: Vec<&str> = ending
        .steps
        .iter()
        .filter(|(_, step)| is_open && !matches!(step.status, "completed" | "skipped" | "pending"))
        .map(|(id, _)| id.as_str())
        .collect();
    let at = if open.is_empty() { String::new() } else { format!(" at {}", open.join(", ")) };
    lines.push(format!(
        "the run is {}{at}{}, expected {wanted}",
        ending.status,
        why.unwrap_or_default()
    ));
}

fn step_unmet(
    id: &str,
    step: &StepEnding,
    expect: &StepExpect,
    storm: bool,
    lines: &mut Vec<String>,
) {
    if let Some(status) = &expect.status {
        differs(&format!("step `{id}`"), Some(step.status), Some(status), lines);
    }
    if let Some(attempts) =
        expect.attempts.filter(|attempts| !storm && *attempts != u64::from(step.attempts))
    {
        lines.push(format!("step `{id}` took {} attempts, expected {attempts}", step.attempts));
    }
    if let Some(code) = &expect.error {
        let found = step.failure.as_ref().map(|failure| failure.code.as_str());
        differs(&format!("the error of step `{id}`"), found, Some(code), lines);
    }
    if let Some(output) = &expect.output
        && let Some(difference) = misfit(output, &step.output, "")
    {
        lines.push(format!(
            "the output of step `{id}` is {}, expected {output}{difference}",
            step.output
        ));
    }
}

fn differs(what: &str, found: Option<&str>, wanted: Option<&str>, lines: &mut Vec<String>) {
    if found != wanted {
        let (found, wanted) = (found.unwrap_or("none"), wanted.unwrap_or("none"));
        lines.push(format!("{what} is {found}, expected {wanted}"));
    }
}

/// Where a value is not as expected: of maps the keys that are named count, of everything else the whole.
pub(super) fn misfit(wanted: &Value, found: &Value, path: &str) -> Option<String> {
    let Value::Object(map) = wanted else {
        let place = if path.is_empty() { String::new() } else { format!(" (at {path})") };
        return (wanted != found).then_some(place);
    };
    map.iter().find_map(|(key, wanted)| {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match found.get(key) {
            Some(found) => misfit(wanted, found, &path),
            None => Some(format!(" (at {path})")),
        }
    })
}

/// What a call is called in a list of calls: the action, or the step of a script.
fn called(call: &Call) -> String {
    let undo = if call.undo { "/undo" } else { "" };
    if call.uses == SCRIPT_HANDLER { format!("{}{undo}", call.step) } else { call.uses.clone() }
}
