//! One history after the other: nothing missing, everything in its order, each attempt with one outcome, and an end that follows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Verdict, Wrong, base, end, number, text};

/// More items than any step has here.
const ITEMS_MAX: usize = 8;

/// What the histories say of executions, by idempotency key.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// Attempts that were begun.
    pub(super) begun: BTreeSet<(String, u64)>,
    /// The same in their order, with the numbers of the events.
    pub(super) beginnings: BTreeMap<String, Vec<(u64, u64)>>,
    /// Attempts that were recorded as failed.
    pub(super) failed: BTreeSet<(String, u64)>,
    /// Which attempt was recorded as done, when, of which run, and whether a script did it.
    pub(super) done: BTreeMap<String, Done>,
}

impl Attempts {
    /// The last attempt that was begun in the first `n` events of its run.
    pub(super) fn last_begun(&self, key: &str, n: u64) -> Option<u64> {
        let beginnings = self.beginnings.get(key)?.iter();
        beginnings.rev().find(|(at, _)| *at <= n).map(|(_, attempt)| *attempt)
    }
}

/// An attempt that was recorded as done.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) run: String,
    pub(super) attempt: u64,
    pub(super) at: String,
    /// The number of the event.
    pub(super) n: u64,
    pub(super) is_script: bool,
    /// A remote worker did it.
    pub(super) is_remote: bool,
    /// The token that its output names. An undo has none.
    token: Option<u64>,
    is_undo: bool,
}

impl Done {
    /// Whether it was done by this attempt under this token, as far as the event says.
    pub(super) fn is_of(&self, attempt: u64, token: u64) -> bool {
        self.attempt == attempt && (self.is_undo || self.token == Some(token))
    }
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open(u64),
    Failed(u64),
    Done,
}

/// The fold over the events of one run.
struct Fold<'a> {
    run: &'a str,
    stream: &'a str,
    workflow: &'a str,
    told: &'a Value,
    attempts: &'a mut Attempts,
    verdict: &'a mut Verdict,
    standings: BTreeMap<String, Standing>,
    settled: BTreeSet<String>,
    rounds: BTreeMap<String, u64>,
    ids: BTreeSet<(String, String)>,
    signals: u64,
    taken: BTreeSet<u64>,
}

pub(super) fn check(
    run: &str,
    events: &[Value],
    told: &Value,
    attempts: &mut Attempts,
    verdict: &mut Verdict,
) {
    let Some(first) = events.first() else {
        return verdict.find(Wrong::Lost, run, "the run has no events");
    };
    if text(&first["event"]) != "run.started" {
        verdict.find(Wrong::Reordered, run, format!("begins with {}", first["event"]));
    }
    numbered(run, events, verdict);
    let data = &first["data"];
    let mut fold = Fold {
        run,
        stream: text(&data["run"]),
        workflow: text(&data["workflow"]),
        told,
        attempts,
        verdict,
        standings: BTreeMap::new(),
        settled: BTreeSet::new(),
        rounds: BTreeMap::new(),
        ids: BTreeSet::new(),
        signals: 0,
        taken: BTreeSet::new(),
    };
    for event in events {
        fold.event(event);
    }
    fold.ended(events);
}

/// Events are numbered from 1 without a hole, and stand in the log in this order.
fn numbered(run: &str, events: &[Value], verdict: &mut Verdict) {
    let mut before = None;
    for (at, event) in events.iter().enumerate() {
        if number(&event["n"]) != at as u64 + 1 {
            verdict.find(
                Wrong::Reordered,
                run,
                format!("event {} has the number {}", at + 1, event["n"]),
            );
            return;
        }
        let position = event["position"].as_u64();
        if position <= before {
            verdict.find(
                Wrong::Reordered,
                run,
                format!("event {} stands before the one before it", at + 1),
            );
        }
        before = position;
    }
}

impl Fold<'_> {
    fn find(&mut self, wrong: Wrong, event: &Value, what: &str) {
        let at = format!(
            "event {} ({} of {}): {what}",
            event["n"],
            text(&event["event"]),
            event["step"]
        );
        self.verdict.find(wrong, self.run, at);
    }

    fn event(&mut self, event: &Value) {
        let data = &event["data"];
        let step = text(&data["step"]);
        let attempt = number(&data["attempt"]);
        match text(&event["event"]) {
            "step.started" | "step.called" => {
                self.needs(event, step);
                self.begin(event, &self.key(step, false, &Value::Null), attempt);
            }
            "step.slept" | "step.waits" | "items.started" | "approval.requested"
            | "update.awaited" => self.needs(event, step),
            "item.started" => self.begin(event, &self.key(step, false, &data["item"]), attempt),
            "undo.started" | "item.undo_started" => {
                let done = self.standings.get(&self.key(step, false, &data["item"]));
                if done != Some(&Standing::Done) {
                    self.find(Wrong::Reordered, event, "undone, and was not done before");
                }
                self.begin(event, &self.key(step, true, &data["item"]), attempt);
            }
            "attempt.failed" | "item.attempt_failed" => {
                self.outcome(
                    event,
                    &self.key(step, false, &data["item"]),
                    attempt,
                    Standing::Failed(attempt),
                );
            }
            "undo.attempt_failed" => {
                self.outcome(
                    event,
                    &self.open_undo(step, attempt),
                    attempt,
                    Standing::Failed(attempt),
                );
            }
            "item.completed" => {
                self.outcome(event, &self.key(step, false, &data["item"]), attempt, Standing::Done);
            }
            "undo.completed" if self.has_items(step) => {}
            "undo.completed" | "item.undone" => {
                self.outcome(event, &self.key(step, true, &data["item"]), attempt, Standing::Done);
            }
            "step.completed" => self.completed(event, step, attempt),
            "step.failed" | "step.skipped" => {
                self.settled.insert(step.to_owned());
            }
            "steps.not_reached" | "steps.cancelled" => {
                let steps = data["steps"].as_array().into_iter().flatten();
                self.settled.extend(steps.map(|step| text(step).to_owned()));
            }
            "round.begun" => self.round(data),
            "function.returned" => self.left(event),
            "signal.received" => {
                self.signals += 1;
                self.id(event, "signal");
            }
            "update.accepted" => self.id(event, "update"),
            "signal.taken" => self.take(event, number(&data["signal"])),
            _ => {}
        }
    }

    /// The idempotency key, as handlers see it.
    fn key(&self, step: &str, undo: bool, item: &Value) -> String {
        let round = self.rounds.get(step).map(|round| format!("~{round}")).unwrap_or_default();
        let undo = if undo { "/undo" } else { "" };
        let item = item.as_u64().map(|item| format!("/{item}")).unwrap_or_default();
        format!("{}/{step}{round}{undo}{item}", self.stream)
    }

    /// The key of the undo that is under way. The event that one failed does not name its item: they are undone one after the other.
    fn open_undo(&self, step: &str, attempt: u64) -> String {
        let items = (0_u64..).map(|item| self.key(step, true, &item.into()));
        let items = items.take(if self.has_items(step) { ITEMS_MAX } else { 0 });
        let mut open =
            items.filter(|key| self.standings.get(key) == Some(&Standing::Open(attempt)));
        open.next().unwrap_or_else(|| self.key(step, true, &Value::Null))
    }

    /// Whether the step is one of the `scripts`, or of those that are `remote`.
    fn is_one_of(&self, kind: &str, step: &str) -> bool {
        let steps = self.told[kind][self.workflow].as_array();
        steps.into_iter().flatten().any(|of_kind| text(of_kind) == base(step))
    }

    fn has_items(&self, step: &str) -> bool {
        self.standings.contains_key(&self.key(step, false, &Value::from(0)))
    }

    fn needs(&mut self, event: &Value, step: &str) {
        let needs = self.told["needs"][self.workflow][base(step)].as_array();
        let missing = needs.into_iter().flatten().find(|need| !self.settled.contains(text(need)));
        if let Some(missing) = missing.map(|need| text(need).to_owned()) {
            self.find(Wrong::Reordered, event, &format!("begins before {missing} has settled"));
        }
    }

    fn begin(&mut self, event: &Value, key: &str, attempt: u64) {
        match self.standings.get(key).copied() {
            Some(Standing::Done) => {
                self.find(Wrong::Duplicated, event, "begins again after it was done");
            }
            Some(Standing::Open(other) | Standing::Failed(other)) if other >= attempt => {
                self.find(Wrong::Duplicated, event, "an attempt begins twice");
            }
            Some(Standing::Open(_)) => {
                self.find(Wrong::Duplicated, event, "begins while an attempt is open");
            }
            Some(Standing::Failed(_)) | None => {}
        }
        self.standings.insert(key.to_owned(), Standing::Open(attempt));
        self.attempts.begun.insert((key.to_owned(), attempt));
        let beginnings = self.attempts.beginnings.entry(key.to_owned()).or_default();
        beginnings.push((number(&event["n"]), attempt));
    }

    fn outcome(&mut self, event: &Value, key: &str, attempt: u64, outcome: Standing) {
        match self.standings.get(key).copied() {
            Some(Standing::Open(open)) if open == attempt => {}
            Some(Standing::Open(_)) => self.find(
                Wrong::Duplicated,
                event,
                "an outcome of another attempt than the open one",
            ),
            Some(Standing::Failed(_) | Standing::Done) => {
                self.find(Wrong::Duplicated, event, "a second outcome of an attempt");
            }
            None => self.find(Wrong::Reordered, event, "an outcome of what was not begun"),
        }
        self.standings.insert(key.to_owned(), outcome);
        if outcome == Standing::Done {
            let data = &event["data"];
            let step = text(&data["step"]);
            let done = Done {
                run: self.run.to_owned(),
                attempt,
                at: text(&event["at"]).to_owned(),
                n: number(&event["n"]),
                is_script: self.is_one_of("scripts", step),
                is_remote: self.is_one_of("remote", step),
                token: data["output"]["token"].as_u64(),
                is_undo: matches!(text(&event["event"]), "undo.completed" | "item.undone"),
            };
            self.attempts.done.insert(key.to_owned(), done);
        } else {
            self.attempts.failed.insert((key.to_owned(), attempt));
        }
    }

    /// A step is done: by its attempt, by its items, or without either.
    fn completed(&mut self, event: &Value, step: &str, attempt: u64) {
        let key = self.key(step, false, &Value::Null);
        self.needs(event, step);
        if !self.settled.insert(step.to_owned()) {
            self.find(Wrong::Duplicated, event, "settles twice");
        }
        let is_work = self.is_one_of("scripts", step) || self.is_one_of("remote", step);
        if self.standings.contains_key(&key) || (is_work && !self.has_items(step)) {
            self.outcome(event, &key, attempt, Standing::Done);
        }
    }

    fn round(&mut self, data: &Value) {
        for step in data["steps"].as_array().into_iter().flatten().map(text) {
            self.settled.remove(step);
            self.rounds.insert(step.to_owned(), number(&data["round"]));
        }
        self.settled.remove(text(&data["step"]));
    }

    fn id(&mut self, event: &Value, kind: &str) {
        let id = text(&event["data"]["id"]).to_owned();
        if !id.is_empty() && !self.ids.insert((kind.to_owned(), id)) {
            self.find(Wrong::Duplicated, event, "the same id counts twice");
        }
    }

    fn take(&mut self, event: &Value, signal: u64) {
        if signal == 0 || signal > self.signals {
            self.find(Wrong::Reordered, event, "a signal is taken that did not come");
        }
        if !self.taken.insert(signal) {
            self.find(Wrong::Duplicated, event, "a signal is taken twice");
        }
    }

    /// Signals that were taken, and of which the function has not heard: its next round takes them.
    fn left(&mut self, event: &Value) {
        for left in event["data"]["left"].as_array().into_iter().flatten() {
            if !self.taken.remove(&number(&left["number"])) {
                self.find(Wrong::Reordered, event, "a signal is left that was not taken");
            }
        }
    }

    /// The run has one end, and the right one.
    fn ended(&mut self, events: &[Value]) {
        let ends: Vec<usize> = (0..events.len()).filter(|at| end(&events[*at]).is_some()).collect();
        let Some(last) = events.last().and_then(end) else {
            let last = events.last().map(|event| text(&event["event"])).unwrap_or_default();
            return self.verdict.find(
                Wrong::Stranded,
                self.run,
                format!("open at the end, after {last}"),
            );
        };
        if ends.len() != 1 {
            self.verdict.find(Wrong::Duplicated, self.run, format!("ends {} times", ends.len()));
        }
        let is_cancelled = events.iter().any(|event| text(&event["event"]) == "cancel.requested");
        let fails = events[0]["data"]["input"]["fails"] == true;
        let expected = match (is_cancelled, fails) {
            (true, _) => "cancelled",
            (false, true) => "failed",
            (false, false) => "completed",
        };
        if last != expected {
            self.verdict.find(Wrong::Broken, self.run, format!("{last}, and should be {expected}"));
        }
        if last != "completed" {
            self.undone();
        }
    }

    /// All that was done and can be undone was undone.
    fn undone(&mut self) {
        for step in self.told["undone"][self.workflow].as_array().into_iter().flatten().map(text) {
            for item in [Value::Null, 0.into(), 1.into(), 2.into()] {
                let is_done = |key| self.standings.get(&key) == Some(&Standing::Done);
                if is_done(self.key(step, false, &item)) && !is_done(self.key(step, true, &item)) {
                    self.verdict.find(
                        Wrong::Lost,
                        self.run,
                        format!("{step} ({item}) was not undone"),
                    );
                }
            }
        }
    }
}
