//! Whether one order of the requests explains all answers: linearizability, run by run.
//!
//! Each request takes effect at one moment between its sending and its answer. One whose answer was lost may take effect at any
//! later moment or never; one whose token is nowhere in the history never did. What a run does by itself, such as coming to its end, may
//! happen whenever its requests allow it, and is seen from then on.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use super::{Evidence, Verdict, Wrong, number, text};

/// Steps of the search for one run.
const STEPS_MAX: u64 = 200_000;
/// Stack for the search, which goes one call deeper for each request.
const STACK_BYTES: usize = 1 << 30;
/// Where the threads of requests without an answer begin: they are tried last.
const OPEN_ENDED: u64 = 1_000_000;

pub(super) fn check(evidence: &Evidence, verdict: &mut Verdict) {
    std::thread::scope(|scope| {
        let search = std::thread::Builder::new().stack_size(STACK_BYTES);
        let search = search.spawn_scoped(scope, || check_all(evidence, verdict));
        search.expect("a thread can be started").join().expect("the search ends");
    });
}

fn check_all(evidence: &Evidence, verdict: &mut Verdict) {
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
                verdict.find(
                    Wrong::Inconsistent,
                    run,
                    format!("no order of its {} requests explains the answers", calls.len()),
                );
            }
            None => verdict.undecided += 1,
        }
    }
}

/// Whether there is an order; `None` if looking for one took too long.
fn explain(calls: &[&Value], goal: u64) -> Option<bool> {
    let steps = Rc::new(Cell::new(0));
    let work = calls.first().map(|call| text(&call["work"]).to_owned()).unwrap_or_default();
    let mut tester = LinearizabilityTester::new(Model {
        work,
        goal,
        steps: Rc::clone(&steps),
        ..Model::default()
    });
    for (_, is_return, at) in moments(calls) {
        let call = calls[at];
        let is_open_ended = text(&call["outcome"]) == "unknown";
        let thread = if is_open_ended { OPEN_ENDED + at as u64 } else { number(&call["client"]) };
        let told = if is_return {
            tester.on_return(thread, call.clone()).map(|_| ())
        } else {
            tester.on_invoke(thread, call.clone()).map(|_| ())
        };
        told.expect("a client has one request at a time");
    }
    let is_consistent = tester.is_consistent();
    (is_consistent || steps.get() < STEPS_MAX).then_some(is_consistent)
}

/// When requests were sent and answered, in this order; at the same time the sending comes first, which allows more.
fn moments(calls: &[&Value]) -> Vec<(u64, bool, usize)> {
    let mut moments = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        moments.push((number(&call["invoked"]), false, at));
        if text(&call["outcome"]) != "unknown" {
            moments.push((number(&call["returned"]), true, at));
        }
    }
    // A client that is answered and asks again in the same microsecond does so in this order.
    moments.sort_by_key(|(time, is_return, at)| (*time, *at, *is_return));
    moments
}

/// A run as its clients may see it. The line of the log is the request as well as the answer.
#[derive(Clone, Debug, Default)]
struct Model {
    work: String,
    goal: u64,
    steps: Rc<Cell<u64>>,
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

impl SequentialSpec for Model {
    type Op = Value;
    type Ret = Value;

    /// What a request does whose answer nobody got.
    fn invoke(&mut self, call: &Value) -> Value {
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
        call.clone()
    }

    fn is_valid_step(&mut self, call: &Value, _: &Value) -> bool {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > STEPS_MAX {
            return false;
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
}

impl Model {
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
