//! What runs share: limits, of which no more attempts may be under way at one time than they allow, and schedules, of which every due
//! time has a run.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Evidence, Verdict, Wrong, end, number, text};

pub(super) fn check(evidence: &Evidence, verdict: &mut Verdict) {
    for (workflow, limit) in evidence.told["limits"].as_object().into_iter().flatten() {
        limited(evidence, workflow, number(limit), verdict);
    }
    for (workflow, every) in evidence.told["scheduled"].as_object().into_iter().flatten() {
        scheduled(evidence, workflow, number(every), verdict);
    }
}

/// Goes through the events of all runs of a workflow in the order of the log, and counts the attempts that are under way.
fn limited(evidence: &Evidence, workflow: &str, limit: u64, verdict: &mut Verdict) {
    let is_of = |events: &&Vec<Value>| {
        events.first().is_some_and(|event| event["data"]["workflow"] == workflow)
    };
    let runs = evidence.histories.iter().filter(|(_, events)| is_of(events));
    let mut events: Vec<(u64, &str, &Value)> = runs
        .flat_map(|(run, events)| events.iter().map(move |event| (run.as_str(), event)))
        .map(|(run, event)| (number(&event["position"]), run, event))
        .collect();
    events.sort_by_key(|(position, _, _)| *position);
    let mut under_way: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (position, run, event) in events {
        let step = (run, text(&event["data"]["step"]));
        match text(&event["event"]) {
            "step.started" => {
                under_way.insert(step, position);
            }
            "step.completed" | "attempt.failed" | "step.failed" => {
                under_way.remove(&step);
            }
            _ if end(event).is_some() => under_way.retain(|(of, _), _| *of != run),
            _ => {}
        }
        if under_way.len() as u64 > limit {
            let what =
                format!("{} are under way, and {limit} may be: {under_way:?}", under_way.len());
            return verdict.find(Wrong::Broken, run, what);
        }
    }
}

/// The name of a run says when it was due.
fn scheduled(evidence: &Evidence, workflow: &str, every_s: u64, verdict: &mut Verdict) {
    let begins = format!("{workflow}@");
    let mut dues: Vec<DateTime<Utc>> = Vec::new();
    for run in evidence.histories.keys().filter_map(|run| run.strip_prefix(&begins)) {
        match run.parse() {
            Ok(due) => dues.push(due),
            Err(_) => verdict.find(Wrong::Broken, run, "the name of a scheduled run says no time"),
        }
    }
    dues.sort();
    for pair in dues.windows(2) {
        let missing =
            (pair[1] - pair[0]).num_milliseconds() - i64::try_from(every_s * 1_000).unwrap_or(0);
        if missing != 0 {
            let what = format!("nothing was started between {} and {}", pair[0], pair[1]);
            verdict.find(Wrong::Lost, workflow, what);
        }
    }
    if dues.is_empty() {
        verdict.find(Wrong::Lost, workflow, "its schedule has started nothing");
    }
}
