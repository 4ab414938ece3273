//! Whether one order of the requests explains all answers: linearizability, run by run.
//!
//! Each request takes effect at one moment between its sending and its answer. One whose answer was lost may take effect at any
//! later moment or never; one whose token is nowhere in the history never did. What a run does by itself, such as coming to its end, may
//! happen whenever its requests allow it, and is seen from then on.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{Hash, Hasher};

use serde_json::Value;

use super::{Evidence, Verdict, Wrong, number, text};

/// Steps of the search for one run.
const STEPS_MAX: usize = 1_000_000;

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
    for (run, calls) in runs {
        match explain(&calls, goal) {
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
fn explain(calls: &[&Value], goal: u64) -> Option<bool> {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| number(&call["invoked"]));
    let work = calls.first().map(|call| text(&call["work"]).to_owned()).unwrap_or_default();
    let model = Model { work, goal, ..Model::default() };
    let mut left = Left::of(&calls);
    let mut path = vec![Place { choices: left.choices(), chosen: None, model }];
    let mut known = HashSet::new();
    for _ in 0..STEPS_MAX {
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
    is_left: Vec<bool>,
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
        Self { is_left: vec![true; times.len()], times, answered }
    }

    /// What may come next: those that were answered before those whose answer was lost, as these may never happen.
    fn choices(&self) -> Vec<usize> {
        let first = self.is_left.iter().position(|is_left| *is_left).unwrap_or(self.times.len());
        let (mut choices, mut open_ended, mut until) = (Vec::new(), Vec::new(), u64::MAX);
        for at in (first..self.times.len()).filter(|at| self.is_left[*at]) {
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
        self.is_left[at] = false;
        self.answered -= usize::from(self.times[at].1.is_some());
    }

    fn put_back(&mut self, at: usize) {
        self.is_left[at] = true;
        self.answered += usize::from(self.times[at].1.is_some());
    }

    fn fingerprint(&self, model: &Model) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.is_left.hash(&mut hasher);
        model.hash(&mut hasher);
        hasher.finish()
    }
}

/// A run as its clients may see it. The line of the log is the request as well as the answer.
#[derive(Clone, Debug, Default, Hash)]
struct Model {
    work: String,
    goal: u64,
    /// Whether it was started with the other input.
    started: Option<bool>,
    is_cancelled: bool,
    is_decided: bool,
    letters: Vec<String>,
    /// Updates that were taken: id, number, sum.
    adds: Vec<(String, u64, u64)>,
    /// Its end, once somebody has seen it.
    end: Option<(String, Value)>,
}

impl Model {
    /// Lets a request take effect; whether it may have been answered as it was.
    fn takes_effect(&mut self, call: &Value) -> bool {
        if text(&call["outcome"]) == "unknown" {
            self.does_unseen(call);
            return true;
        }
        let code = text(&call["code"]);
        // No room, and views that cannot be written.
        if matches!(code, "NX6007" | "NX6011" | "NX7006" | "NX4168") {
            return true;
        }
        if text(&call["op"]) == "start" {
            return self.start(call);
        }
        if code == "NX7011" || self.started.is_none() {
            return code == "NX7011" && self.started.is_none();
        }
        if text(&call["outcome"]) == "refused" { self.refuses(call) } else { self.does(call) }
    }

    /// What a request does whose answer nobody got.
    fn does_unseen(&mut self, call: &Value) {
        let key = text(&call["key"]).to_owned();
        match text(&call["op"]) {
            "start" if self.started.is_none() => self.started = Some(call["data"]["other"] == true),
            _ if self.started.is_none() => {}
            "letter" if !self.letters.contains(&key) => self.letters.push(key),
            "add" if self.takes() && self.add(&key).is_none() => {
                self.take(key, number(&call["data"]))
            }
            "cancel" => self.is_cancelled = true,
            "approve" | "reject" => self.is_decided = true,
            _ => {}
        }
    }

    fn start(&mut self, call: &Value) -> bool {
        let other = call["data"]["other"] == true;
        let existing = call["answer"]["existing"].as_bool();
        match self.started {
            None => {
                self.started = Some(other);
                existing == Some(false)
            }
            Some(is) if is == other => existing == Some(true),
            Some(_) => text(&call["code"]) == "NX7003",
        }
    }

    fn add(&self, id: &str) -> Option<&(String, u64, u64)> {
        self.adds.iter().find(|(other, _, _)| other == id)
    }

    fn sum(&self) -> u64 {
        self.adds.last().map(|(_, _, sum)| *sum).unwrap_or_default()
    }

    fn take(&mut self, id: String, n: u64) {
        let sum = self.sum() + n;
        self.adds.push((id, n, sum));
    }

    fn takes(&self) -> bool {
        (self.adds.len() as u64) < self.goal && !self.is_cancelled && self.end.is_none()
    }

    /// Whether it may have come to its end.
    fn may_end(&self) -> bool {
        let done = match self.work.as_str() {
            "refund" => self.is_decided,
            "mailbox" => self.letters.len() as u64 >= self.goal,
            "tally" => self.adds.len() as u64 >= self.goal,
            _ => true,
        };
        done || self.is_cancelled
    }

    fn does(&mut self, call: &Value) -> bool {
        let (answer, key) = (&call["answer"], text(&call["key"]));
        let is_known = answer["existing"] == true;
        match text(&call["op"]) {
            "get" => self.looks(text(&answer["status"]), &answer["outputs"]),
            "total" => answer.as_u64() == Some(self.sum()),
            "letter" if is_known => self.letters.iter().any(|letter| letter == key),
            "letter" => {
                let is_new = self.end.is_none() && !self.letters.iter().any(|letter| letter == key);
                self.letters.push(key.to_owned());
                is_new
            }
            "add" => {
                let n = number(&call["data"]);
                let known = self.add(key).cloned();
                if known.is_none() && self.takes() && !is_known {
                    self.take(key.to_owned(), n);
                    return answer["total"].as_u64() == Some(self.sum());
                }
                known.is_some_and(|(_, number, sum)| {
                    is_known && number == n && answer["total"].as_u64() == Some(sum)
                })
            }
            "cancel" => {
                self.is_cancelled = true;
                self.end.is_none()
            }
            "approve" | "reject" => {
                !std::mem::replace(&mut self.is_decided, true) && self.end.is_none()
            }
            "pause" | "resume" => self.end.is_none(),
            _ => true,
        }
    }

    /// How it looks: open until somebody has seen its end, and then the same for ever.
    fn looks(&mut self, status: &str, outputs: &Value) -> bool {
        if !matches!(status, "completed" | "failed" | "cancelled") {
            return self.end.is_none();
        }
        if let Some((end, ended)) = &self.end {
            return end == status && ended == outputs;
        }
        self.end = Some((status.to_owned(), outputs.clone()));
        let fits = match (status, self.work.as_str()) {
            ("cancelled", _) => self.is_cancelled,
            ("failed", work) => work == "order",
            (_, "tally") => outputs.as_u64() == Some(self.sum()),
            (_, "mailbox") => {
                let taken =
                    self.letters.iter().take(usize::try_from(self.goal).unwrap_or(usize::MAX));
                let names =
                    taken.map(|letter| format!("{} ", letter.trim_start_matches("letter-")));
                outputs.as_str() == Some(&names.collect::<String>())
            }
            _ => true,
        };
        fits && self.may_end()
    }

    /// Whether it may refuse what it refused.
    fn refuses(&self, call: &Value) -> bool {
        let key = text(&call["key"]);
        match text(&call["op"]) {
            "get" | "history" | "total" => false,
            "letter" | "cancel" => self.may_end(),
            "add" => match self.add(key) {
                Some((_, n, _)) => *n != number(&call["data"]),
                None => !self.takes(),
            },
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
