//! Cases: inputs, mocks, what is done from outside, and what is expected.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::reader::Reader;
use super::{Act, Case, Deed, Expect, MockAnswer, MockFailure, Point, Real, StepExpect};
use crate::check::duration;
use crate::source::range_of;
use crate::suggest::{any_of, nearest};
use crate::yaml::{Key, Node, Tree};

const CASE: &[&str] = &["extends", "inputs", "mock", "real", "starts", "at", "expect"];
const EXPECT: &[&str] =
    &["status", "error", "steps", "outputs", "queries", "calls", "takes", "runs"];
const STEP: &[&str] = &["status", "attempts", "error", "output"];
const DEEDS: &[&str] = &[
    "signal", "update", "emit", "approve", "reject", "pause", "resume", "cancel", "retry", "crash",
    "down", "migrate",
];
const DETAILS: &[&str] = &["with", "id", "reply", "refused", "by", "note", "form", "groups"];
const FAILURE: &[&str] = &["error", "code", "fatal", "takes"];

/// How a run can stand at the end of a case.
const STATUSES: &[&str] = &["completed", "failed", "cancelled", "waiting", "paused", "running"];
/// How a step can stand at the end of a case.
const STEP_STATUSES: &[&str] = &[
    "completed",
    "failed",
    "skipped",
    "not reached",
    "cancelled",
    "pending",
    "running",
    "sleeping",
    "waiting",
    "retrying",
    "undone",
    "undo failed",
];

impl Reader<'_> {
    /// The cases, with what they take from those that they extend.
    pub(super) fn resolved(&mut self, entries: &[(Key, Tree)], real: &Real) -> Vec<Case> {
        let mut cases = Vec::new();
        for (key, _) in entries {
            let mut seen = BTreeSet::new();
            let mut case = self.case_of(entries, key, &mut seen, true);
            if *real == Real::All {
                case.real = Real::All;
            } else if let (Real::Named(own), Real::Named(more)) = (&mut case.real, real) {
                own.extend(more.iter().cloned());
            }
            case.name.clone_from(&key.value);
            case.range = self.key_range(key);
            cases.push(case);
        }
        cases
    }

    /// A case on top of what it extends. Only what is read for its own sake is complained about.
    fn case_of(
        &mut self,
        all: &[(Key, Tree)],
        name: &Key,
        seen: &mut BTreeSet<String>,
        is_own: bool,
    ) -> Case {
        let Some((key, value)) = all.iter().find(|(key, _)| key.value == name.value) else {
            return Case::default();
        };
        seen.insert(key.value.clone());
        let base = value
            .value
            .get("extends")
            .zip(value.value.entries().iter().find(|(key, _)| key.value == "extends"));
        let mut case = match base {
            None => Case::default(),
            Some((wanted, (extends, _))) => self.extended(all, extends, wanted, seen),
        };
        let (faults, named) = (self.faults.len(), self.named.len());
        self.own(key, value, &mut case);
        if !is_own {
            self.faults.truncate(faults);
            self.named.truncate(named);
        }
        case
    }

    fn extended(
        &mut self,
        all: &[(Key, Tree)],
        key: &Key,
        wanted: &Tree,
        seen: &mut BTreeSet<String>,
    ) -> Case {
        let Some(name) = wanted.value.text() else {
            self.wrong(key, wanted, "the name of a case");
            return Case::default();
        };
        let range = self.place(key, wanted);
        let Some((base, _)) = all.iter().find(|(key, _)| key.value == name) else {
            let hint = match nearest(name, all.iter().map(|(key, _)| key.value.as_str())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name a case of this file".to_owned(),
            };
            self.fault("NX1124", range, format!("there is no case `{name}`"), hint);
            return Case::default();
        };
        if seen.contains(name) {
            let hint = "let one of these cases stand alone";
            self.fault("NX1124", range, format!("`{name}` extends itself"), hint);
            return Case::default();
        }
        let base = self.case_of(all, base, seen, false);
        // What is expected is each case's own.
        Case { expect: Expect::default(), ..base }
    }

    fn own(&mut self, name: &Key, value: &Tree, case: &mut Case) {
        for (key, value) in self.entries(name, value, "a map") {
            match key.value.as_str() {
                "extends" => {}
                "inputs" => {
                    for (name, value) in self.entries(key, value, "a map of inputs") {
                        case.inputs.insert(name.value.clone(), value.value.to_value());
                    }
                }
                "mock" => self.mocks(key, value, case),
                "real" => case.real = self.real(key, value),
                "starts" => case.starts = self.starts(key, value),
                "at" => case.acts = self.acts(key, value),
                "expect" => case.expect = self.expect(key, value),
                _ => self.unknown(key, "a case", CASE),
            }
        }
    }

    fn mocks(&mut self, key: &Key, value: &Tree, case: &mut Case) {
        for (name, value) in self.entries(key, value, "a map of steps or actions and answers") {
            let range = self.key_range(name);
            self.mentions(Some(&name.value), &range, true);
            let answers = match &value.value {
                Node::List(items) => items.iter().map(|item| self.answer(item)).collect(),
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Map(_) => {
                    vec![self.answer(value)]
                }
            };
            case.mocks.retain(|(known, _)| *known != name.value);
            case.mocks.push((name.value.clone(), answers));
        }
    }

    /// `{ error: … }` fails, `{ output: …, takes: … }` is an output that takes time; everything else is an output.
    fn answer(&mut self, value: &Tree) -> MockAnswer {
        let entries = value.value.entries();
        let has = |key: &str| value.value.get(key).is_some();
        if has("error") {
            return self.failure(entries);
        }
        let only_these =
            entries.iter().all(|(key, _)| matches!(key.value.as_str(), "output" | "takes"));
        if !has("output") || !only_these {
            return MockAnswer { result: Ok(value.value.to_value()), takes_ms: 0 };
        }
        let output =
            value.value.get("output").map_or(Value::Null, |output| output.value.to_value());
        let takes = entries.iter().find(|(key, _)| key.value == "takes");
        let takes_ms = takes.map_or(0, |(key, value)| self.duration(key, value));
        MockAnswer { result: Ok(output), takes_ms }
    }

    fn failure(&mut self, entries: &[(Key, Tree)]) -> MockAnswer {
        let (mut failure, mut takes_ms) = (MockFailure::default(), 0);
        for (key, value) in entries {
            match key.value.as_str() {
                "error" => failure.message = self.text_of(key, value).unwrap_or_default(),
                "code" => failure.code = self.text_of(key, value),
                "fatal" => failure.fatal = self.boolean(key, value),
                "takes" => takes_ms = self.duration(key, value),
                _ => self.unknown(key, "the failure of a mock", FAILURE),
            }
        }
        MockAnswer { result: Err(failure), takes_ms }
    }

    fn starts(&mut self, key: &Key, value: &Tree) -> Vec<(u64, Map<String, Value>)> {
        let mut starts = Vec::new();
        for (when, value) in self.entries(key, value, "a map of times and inputs") {
            let range = self.key_range(when);
            let ms = match self.point(when) {
                Some(Point::Time(ms)) => ms,
                Some(Point::After(_)) => {
                    let message = "a start comes at a time, and not after a step".to_owned();
                    self.fault("NX1123", range, message, "write a time such as 30s or 23h");
                    continue;
                }
                None => continue,
            };
            let inputs = match &value.value {
                Node::List(items) => items.iter().collect(),
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Map(_) => {
                    vec![value]
                }
            };
            for inputs in inputs {
                let is_empty = matches!(inputs.value, Node::Null);
                let entries =
                    if is_empty { &[] } else { self.entries(when, inputs, "a map of inputs") };
                let input =
                    |(name, value): &(Key, Tree)| (name.value.clone(), value.value.to_value());
                starts.push((ms, entries.iter().map(input).collect()));
            }
        }
        starts.sort_by_key(|(ms, _)| *ms);
        starts
    }

    fn acts(&mut self, key: &Key, value: &Tree) -> Vec<Act> {
        let mut acts = Vec::new();
        for (when, value) in self.entries(key, value, "a map of moments and what is done then") {
            let Some(point) = self.point(when) else { continue };
            let deeds = match &value.value {
                Node::List(items) => items.iter().collect(),
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Map(_) => {
                    vec![value]
                }
            };
            for deed in deeds {
                acts.extend(self.act(when, &point, deed));
            }
        }
        acts
    }

    fn point(&mut self, when: &Key) -> Option<Point> {
        let range = self.key_range(when);
        if let Some(step) = when.value.strip_prefix("after ") {
            let step = step.trim();
            self.mentions(Some(step), &range, false);
            return Some(Point::After(step.to_owned()));
        }
        let time = duration(&when.value).or_else(|| (when.value == "0").then_some(0));
        if time.is_none() {
            let hint = "write a time since the start such as 30s or 23h, or `after STEP`";
            self.fault("NX1123", range, format!("`{}` is no moment", when.value), hint);
        }
        time.map(Point::Time)
    }

    fn act(&mut self, when: &Key, point: &Point, value: &Tree) -> Option<Act> {
        let word = value.value.text().map(str::to_owned);
        let entries = value.value.entries();
        let deeds: Vec<&(Key, Tree)> =
            entries.iter().filter(|(key, _)| DEEDS.contains(&key.value.as_str())).collect();
        for (key, _) in entries {
            if !DEEDS.contains(&key.value.as_str()) && !DETAILS.contains(&key.value.as_str()) {
                let known: Vec<&str> = DEEDS.iter().chain(DETAILS).copied().collect();
                self.unknown(key, "what is done", &known);
            }
        }
        let detail = |name: &str| entries.iter().find(|(key, _)| key.value == name);
        let by = detail("by").and_then(|(key, value)| self.text_of(key, value)).unwrap_or_default();
        let what = match (word.as_deref(), deeds.as_slice()) {
            (Some("pause"), _) => Deed::Pause,
            (Some("resume"), _) => Deed::Resume,
            (Some("cancel"), _) => Deed::Cancel,
            (Some("retry"), _) => Deed::Retry,
            (Some("crash"), _) => Deed::Crash(0),
            (None, [(key, value)]) => self.deed(key, value, entries)?,
            _ => {
                let range = if entries.is_empty() {
                    self.key_range(when)
                } else {
                    range_of(&value.defined, self.text)
                };
                let message = "exactly one thing is done at a time".to_owned();
                self.fault(
                    "NX1128",
                    range,
                    message,
                    format!("write one of {}; several as a list", any_of(DEEDS)),
                );
                return None;
            }
        };
        Some(Act { when: point.clone(), what, by })
    }

    fn deed(&mut self, key: &Key, value: &Tree, entries: &[(Key, Tree)]) -> Option<Deed> {
        let detail = |name: &str| entries.iter().find(|(key, _)| key.value == name);
        let json =
            |name: &str| detail(name).map_or(Value::Null, |(_, value)| value.value.to_value());
        let mut text = |name: &str| detail(name).and_then(|(key, value)| self.text_of(key, value));
        Some(match key.value.as_str() {
            "signal" => {
                let (id, payload) = (text("id"), json("with"));
                Deed::Signal { name: self.text_of(key, value)?, payload, id }
            }
            "update" => {
                let (id, refused, data) = (text("id"), text("refused"), json("with"));
                let reply = detail("reply").map(|(_, value)| value.value.to_value());
                Deed::Update { name: self.text_of(key, value)?, data, id, reply, refused }
            }
            "emit" => {
                let (id, data) = (text("id"), json("with"));
                Deed::Emit { event: self.text_of(key, value)?, data, id }
            }
            "approve" | "reject" => {
                let note = text("note").unwrap_or_default();
                let groups = detail("groups").map(|(key, value)| self.texts(key, value));
                let step = self.text_of(key, value)?;
                self.mentions(Some(&step), &self.place(key, value), false);
                let (approved, form) = (key.value == "approve", json("form"));
                Deed::Answer { step, approved, note, form, groups: groups.unwrap_or_default() }
            }
            "pause" => Deed::Pause,
            "resume" => Deed::Resume,
            "cancel" => Deed::Cancel,
            "retry" => Deed::Retry,
            "crash" => Deed::Crash(0),
            "migrate" => {
                let refused = text("refused");
                Deed::Migrate { file: self.text_of(key, value)?, refused }
            }
            _ => Deed::Crash(self.duration(key, value)),
        })
    }

    fn expect(&mut self, key: &Key, value: &Tree) -> Expect {
        let mut expect = Expect::default();
        for (key, value) in self.entries(key, value, "a map") {
            match key.value.as_str() {
                "status" => expect.status = self.word(key, value, STATUSES),
                "error" => expect.error = self.text_of(key, value),
                "steps" => expect.steps = self.expect_steps(key, value),
                "outputs" => expect.outputs = Some(value.value.to_value()),
                "queries" => {
                    let entries = self.entries(key, value, "a map of queries and what they say");
                    let said =
                        |(name, value): &(Key, Tree)| (name.value.clone(), value.value.to_value());
                    expect.queries = entries.iter().map(said).collect();
                }
                "calls" => expect.calls = Some(self.texts(key, value)),
                "runs" => expect.runs = self.count(key, value),
                "takes" => expect.takes_ms = Some(self.duration(key, value)),
                _ => self.unknown(key, "what is expected", EXPECT),
            }
        }
        expect
    }

    fn expect_steps(&mut self, key: &Key, value: &Tree) -> Vec<(String, StepExpect)> {
        let mut steps = Vec::new();
        for (id, value) in self.entries(key, value, "a map of steps") {
            let range = self.key_range(id);
            self.mentions(Some(&id.value), &range, false);
            let expect = match &value.value {
                Node::Map(entries) => self.expect_step(entries),
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                    StepExpect {
                        status: self.word(id, value, STEP_STATUSES),
                        ..StepExpect::default()
                    }
                }
            };
            steps.push((id.value.clone(), expect));
        }
        steps
    }

    fn expect_step(&mut self, entries: &[(Key, Tree)]) -> StepExpect {
        let mut expect = StepExpect::default();
        for (key, value) in entries {
            match key.value.as_str() {
                "status" => expect.status = self.word(key, value, STEP_STATUSES),
                "attempts" => expect.attempts = self.count(key, value),
                "error" => expect.error = self.text_of(key, value),
                "output" => expect.output = Some(value.value.to_value()),
                _ => self.unknown(key, "what is expected of a step", STEP),
            }
        }
        expect
    }
}
