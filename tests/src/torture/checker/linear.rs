//! Whether one order of the requests explains all answers: linearizability, run by run.
//!
//! Each request takes effect at one moment between its sending and its answer. One whose answer was lost may take effect at any
//! later moment or never; one whose token is nowhere in the history never did. What a run does by itself, such as coming to its end, may
//! happen whenever its requests allow it, and is seen from then on.

mod model;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{Hash, Hasher};

use serde_json::Value;

use super::{Evidence, Verdict, Wrong, number, text};
use model::Model;

/// Steps of the search for one run, unless the evidence says otherwise.
const STEPS_MAX: u64 = 1_000_000;

pub(super) fn check(evidence: &Evidence, verdict: &mut Verdict) {
    let events = evidence.histories.values().flatten();
    let recorded: BTreeSet<&str> = events.map(|event| text(&event["data"]["by"]["name"])).collect();
    let mut runs: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for call in &evidence.calls {
        if text(&call["outcome"]) != "unknown" || recorded.contains(text(&call["token"])) {
            runs.entry(text(&call["run"])).or_default().push(call);
        }
    }
    let goal = number(&evidence.told["goal"]);
    let steps = evidence.told["steps_max"].as_u64().unwrap_or(STEPS_MAX);
    for (run, calls) in runs {
        let work = calls.first().map(|call| text(&call["work"])).unwrap_or_default();
        let like = evidence.told["like"][work].as_str().unwrap_or(work);
        match explain(&calls, like, goal, steps) {
            Some(true) => {}
            Some(false) => {
                let what = format!("no order of its {} requests explains the answers", calls.len());
                verdict.find(Wrong::Inconsistent, run, what);
            }
            None => verdict.undecided += 1,
        }
    }
}

/// Whether there is an order; `None` if looking for one took too long.
///
/// The search is that of Wing and Gong, with the memory of Lowe: of the requests that are left, one may be next if none of the others was
/// answered before it was sent; and what is left together with how the run stands is looked at once.
fn explain(calls: &[&Value], work: &str, goal: u64, steps: u64) -> Option<bool> {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| number(&call["invoked"]));
    let model = Model::new(work.to_owned(), goal);
    let mut left = Left::of(&calls);
    let mut path = vec![Place { choices: left.choices(), chosen: None, model }];
    let mut known = HashSet::new();
    for _ in 0..steps {
        let Some(place) = path.last_mut() else { return Some(false) };
        if let Some(chosen) = place.chosen.take() {
            left.put_back(chosen);
        }
        let Some(choice) = place.choices.pop() else {
            path.pop();
            continue;
        };
        let mut model = place.model.clone();
        if !model.takes_effect(calls[choice]) {
            continue;
        }
        place.chosen = Some(choice);
        left.take(choice);
        if left.answered == 0 {
            return Some(true);
        }
        if known.insert(left.fingerprint(&model)) {
            path.push(Place { choices: left.choices(), chosen: None, model });
        }
    }
    None
}

/// A place of the search: what may come next, the last first.
struct Place {
    choices: Vec<usize>,
    chosen: Option<usize>,
    model: Model,
}

/// The requests that have not taken effect, in the order in which they were sent.
struct Left {
    /// When each was sent, and answered, if it was.
    times: Vec<(u64, Option<u64>)>,
    waits: Vec<bool>,
    /// How many of those that were answered are left.
    answered: usize,
}

impl Left {
    fn of(calls: &[&Value]) -> Self {
        let answer =
            |call: &Value| (text(&call["outcome"]) != "unknown").then(|| number(&call["returned"]));
        let times: Vec<_> =
            calls.iter().map(|call| (number(&call["invoked"]), answer(call))).collect();
        let answered = times.iter().filter(|(_, answered)| answered.is_some()).count();
        Self { waits: vec![true; times.len()], times, answered }
    }

    /// What may come next: those that were answered before those whose answer was lost, as these may never happen.
    fn choices(&self) -> Vec<usize> {
        let first = self.waits.iter().position(|waits| *waits).unwrap_or(self.times.len());
        let (mut choices, mut open_ended, mut until) = (Vec::new(), Vec::new(), u64::MAX);
        for at in (first..self.times.len()).filter(|at| self.waits[*at]) {
            let (sent, answered) = self.times[at];
            if sent > until {
                break;
            }
            if let Some(answered) = answered {
                choices.push(at);
                until = until.min(answered);
            } else {
                open_ended.push(at);
            }
        }
        choices.reverse();
        open_ended.extend(choices);
        open_ended
    }

    fn take(&mut self, at: usize) {
        self.waits[at] = false;
        self.answered -= usize::from(self.times[at].1.is_some());
    }

    fn put_back(&mut self, at: usize) {
        self.waits[at] = true;
        self.answered += usize::from(self.times[at].1.is_some());
    }

    fn fingerprint(&self, model: &Model) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.waits.hash(&mut hasher);
        model.hash(&mut hasher);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests;
