//! A definition as YAML, in one canonical spelling.
//!
//! Invariant: what [`read`](crate::read) accepted, it reads back as the same definition. Three things have no spelling of
//! their own: defaults of the file and what a group says are written at each step, and a sleep given in milliseconds without
//! a unit gets it.

mod breaker;
mod limits;
mod scalar;
mod starts;
mod updates;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nexus_model::definition::{
    Approval, Definition, EventTrigger, ForEach, InputSpec, OnEnd, ROUNDS_DEFAULT, Repeat, Retry,
    Step, StepKind, Trigger,
};
use nexus_model::expression::duration_ms;
use nexus_model::plan::EMIT_HANDLER;
use nexus_model::schedule::Timing;
use nexus_model::topic::event_of;
use serde_json::{Map, Value, json};

use crate::check::duration as has_unit;
use scalar::{flow, inline};

/// Writes `definition` as a `*.workflow.yaml`.
pub fn write(definition: &Definition) -> String {
    let mut sheet = Sheet(String::new());
    sheet.entry(0, "nexus", &json!("v1"));
    sheet.entry(0, "name", &json!(definition.name));
    sheet.optional(0, "description", definition.description.as_ref());
    sheet.optional(0, "version", definition.version.as_ref());
    sheet.section("labels", &json!(definition.labels));
    sheet.section("inputs", &inputs(definition));
    sheet.section("run", &run(definition));
    sheet.section("env", &json!(definition.env));
    sheet.changed(0, "encrypt", &definition.encrypt);
    if !definition.secrets.is_empty() {
        sheet.0.push('\n');
        sheet.entry(0, "secrets", &json!(definition.secrets));
    }
    if definition.on_failure != OnEnd::Keep || definition.on_cancel != OnEnd::Keep {
        sheet.0.push('\n');
    }
    sheet.changed(0, "on_failure", &definition.on_failure);
    sheet.changed(0, "on_cancel", &definition.on_cancel);
    if !definition.triggers.is_empty() || !definition.event_triggers.is_empty() {
        sheet.0.push('\n');
        let by_event = definition.event_triggers.iter().map(event_trigger);
        let triggers: Vec<Value> =
            definition.triggers.iter().map(trigger).chain(by_event).collect();
        sheet.entry(0, "triggers", &json!(triggers));
    }
    sheet.0.push_str("\nsteps:\n");
    for (at, step) in definition.steps.iter().enumerate() {
        if at > 0 {
            sheet.0.push('\n');
        }
        sheet.step(step);
    }
    sheet.section("outputs", definition.outputs.as_ref().unwrap_or(&Value::Null));
    sheet.section("queries", &json!(definition.queries));
    sheet.0
}

fn inputs(definition: &Definition) -> Value {
    if definition.input_is_value {
        return json!("any");
    }
    let inputs = definition.inputs.iter().map(|(name, spec)| (name.clone(), input(spec)));
    Value::Object(inputs.collect())
}

/// The short form if the type says all.
fn input(spec: &InputSpec) -> Value {
    let mut long = serde_json::to_value(spec).unwrap_or_default();
    match long.as_object_mut() {
        Some(map) if map.len() == 1 => map.remove("type").unwrap_or_default(),
        _ => long,
    }
}

fn trigger(trigger: &Trigger) -> Value {
    let mut keys = Map::new();
    let mut key = |name: &str, value: Value| keys.insert(name.to_owned(), value);
    match &trigger.timing {
        Timing::Cron { expression, zone } => {
            key("cron", json!(expression));
            key("timezone", json!(zone));
        }
        Timing::Every { ms } => {
            key("every", duration(*ms));
        }
    }
    key("catch_up", json!(trigger.catch_up.word()));
    key("overlap", json!(trigger.overlap.word()));
    if let Some(name) = &trigger.name {
        key("name", json!(name));
    }
    if let Some(input) = &trigger.input {
        key("with", input.clone());
    }
    Value::Object(keys)
}

fn event_trigger(trigger: &EventTrigger) -> Value {
    let EventTrigger { event, matches, input, name } = trigger;
    let mut keys = Map::from_iter([("event".to_owned(), json!(event))]);
    keys.extend(matches.iter().map(|matches| ("match".to_owned(), condition(matches))));
    keys.extend(name.iter().map(|name| ("name".to_owned(), json!(name))));
    keys.extend(input.iter().map(|input| ("with".to_owned(), input.clone())));
    Value::Object(keys)
}

/// What an `emit` says: the event, and what it carries.
fn emitted(uses: &str, with: &Value) -> Option<(String, Value)> {
    let map = with.as_object().filter(|map| uses == EMIT_HANDLER && map.len() == 2)?;
    Some((map.get("event")?.as_str()?.to_owned(), map.get("data")?.clone()))
}

fn run(definition: &Definition) -> Value {
    let mut run = Map::new();
    run.extend(definition.run_id.iter().map(|id| ("id".to_owned(), json!(id))));
    run.extend(definition.timeout_ms.iter().map(|ms| ("timeout".to_owned(), duration(*ms))));
    let limit = definition.concurrency.iter().map(limits::concurrency);
    run.extend(limit.map(|limit| ("concurrency".to_owned(), limit)));
    run.extend(starts::rules(definition));
    Value::Object(run)
}

/// A duration in the largest units that keep it whole.
fn duration(ms: u64) -> Value {
    const UNITS: [(u64, &str); 5] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut rest = ms;
    let mut text = String::new();
    for (unit, name) in UNITS {
        if rest >= unit {
            let _ = write!(text, "{}{name}", rest / unit);
            rest %= unit;
        }
    }
    json!(if text.is_empty() { "0s" } else { &text })
}

/// One id as a text, several as a list.
fn ids(ids: &[String]) -> Value {
    match ids {
        [one] => json!(one),
        several => json!(several),
    }
}

/// An expression in its braces.
fn condition(expression: &str) -> Value {
    match expression {
        "true" => json!(true),
        "false" => json!(false),
        expression => json!(format!("${{{{ {expression} }}}}")),
    }
}

/// A sleep as the reader takes it: milliseconds, as a number or in a text without a unit, get theirs.
fn sleep(value: &Value) -> Value {
    let is_taken =
        value.as_str().is_some_and(|text| text.contains("${{") || has_unit(text).is_some());
    match duration_ms(value) {
        Ok(ms) if !is_taken => duration(ms),
        Ok(_) | Err(_) => value.clone(),
    }
}

struct Sheet(String);

impl Sheet {
    /// A key of the top level with an empty line above; nothing if there is nothing in it.
    fn section(&mut self, key: &str, value: &Value) {
        let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        if !empty || (key == "outputs" && !value.is_null()) {
            self.0.push('\n');
            self.entry(0, key, value);
        }
    }

    fn optional<T: serde::Serialize>(&mut self, indent: usize, key: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.entry(indent, key, &json!(value));
        }
    }

    fn step(&mut self, step: &Step) {
        self.line(2, &format!("{}:", inline(&step.id)));
        self.optional(4, "name", step.name.as_ref());
        match step.needs.as_slice() {
            [] => {}
            [one] => self.entry(4, "needs", &json!(one)),
            many => self.entry(4, "needs", &json!(many)),
        }
        self.changed(4, "when_needs", &step.when_needs);
        if let Some(condition) = &step.condition {
            self.entry(4, "if", &self::condition(condition));
        }
        if let Some(each) = &step.for_each {
            self.for_each(each, step.concurrency.is_some());
        }
        self.kind(4, &step.kind);
        if let Some(value) = retry(&step.retry) {
            self.entry(4, "retry", &value);
        }
        self.optional(4, "timeout", step.timeout_ms.map(duration).as_ref());
        self.optional(4, "deadline", step.deadline_ms.map(duration).as_ref());
        let limit = step.concurrency.as_ref();
        let limit = limit.map(|limit| limits::of_step(limit, step.for_each.as_ref()));
        self.optional(4, "concurrency", limit.as_ref());
        self.optional(4, "breaker", step.breaker.as_ref().map(breaker::breaker).as_ref());
        self.optional(4, "heartbeat", step.heartbeat_ms.map(duration).as_ref());
        self.optional(4, "start_within", step.start_within_ms.map(duration).as_ref());
        self.changed(4, "on_error", &step.on_error);
        self.optional(4, "outputs", step.outputs.as_ref());
        if let Some(undo) = &step.compensate {
            self.line(4, "compensate:");
            self.kind(6, &undo.kind);
            if let Some(policy) = &undo.retry {
                self.entry(6, "retry", &retry(policy).unwrap_or_else(|| json!(1)));
            }
            self.optional(6, "timeout", undo.timeout_ms.map(duration).as_ref());
        }
    }

    /// How many items are under way stands in the limit, if there is one.
    fn for_each(&mut self, each: &ForEach, is_limited: bool) {
        let ForEach { items, name, concurrency, on_item_error } = each;
        self.entry(4, "for_each", items);
        if name != ForEach::NAME {
            self.entry(4, "as", &json!(name));
        }
        if *concurrency != ForEach::CONCURRENCY && !is_limited {
            self.entry(4, "concurrency", &json!(concurrency));
        }
        self.changed(4, "on_item_error", on_item_error);
    }

    fn kind(&mut self, indent: usize, kind: &StepKind) {
        match kind {
            StepKind::Action { uses, with } if emitted(uses, with).is_some() => {
                let (event, data) = emitted(uses, with).unwrap_or_default();
                self.entry(indent, "emit", &json!(event));
                self.optional(indent, "with", Some(&data).filter(|data| !data.is_null()));
            }
            StepKind::Action { uses, with } => {
                self.entry(indent, "uses", &json!(uses));
                if !with.is_null() {
                    self.entry(indent, "with", with);
                }
            }
            StepKind::Script { run, shell, env } => {
                self.entry(indent, "run", &json!(run));
                self.optional(indent, "shell", shell.as_ref());
                self.map(indent, "env", env);
            }
            StepKind::Set { values } => self.entry(indent, "set", values),
            StepKind::SleepUntil { time } => self.entry(indent, "sleep_until", time),
            StepKind::Sleep { duration } => self.entry(indent, "sleep", &sleep(duration)),
            StepKind::Call { workflow, version, with, .. } => {
                self.entry(indent, "call", &json!(workflow));
                let version = version.as_ref().map(|version| match version.parse::<u32>() {
                    Ok(number) => json!(number),
                    Err(_) => json!(version),
                });
                self.optional(indent, "version", version.as_ref());
                if !with.is_null() {
                    self.entry(indent, "with", with);
                }
            }
            StepKind::WaitFor { signal, matches, timeout_ms, on_timeout } => {
                self.line(indent, "wait_for:");
                match event_of(signal) {
                    Some(event) => self.entry(indent + 2, "event", &json!(event)),
                    None => self.entry(indent + 2, "signal", &json!(signal)),
                }
                self.optional(indent + 2, "match", matches.as_deref().map(condition).as_ref());
                self.optional(indent + 2, "timeout", timeout_ms.map(duration).as_ref());
                self.changed(indent + 2, "on_timeout", on_timeout);
            }
            StepKind::Approve(approval) => self.approval(approval),
            StepKind::Update(update) => self.update(update),
            StepKind::Repeat(repeat) => {
                let Repeat { from, until, limit, delay_ms, carry } = &**repeat;
                self.line(4, "repeat:");
                self.entry(6, "from", &json!(from));
                self.entry(6, "until", &condition(until));
                self.optional(6, "limit", Some(limit).filter(|limit| **limit != ROUNDS_DEFAULT));
                if *delay_ms > 0 {
                    self.entry(6, "delay", &duration(*delay_ms));
                }
                self.optional(6, "carry", Some(carry).filter(|carry| !carry.is_null()));
            }
            StepKind::Race { of } => self.entry(4, "race", &ids(of)),
            StepKind::Switch(switch) => {
                self.line(4, "switch:");
                let cases = switch
                    .cases
                    .iter()
                    .map(|case| json!({"when": condition(&case.when), "then": ids(&case.then)}));
                self.entry(6, "cases", &Value::Array(cases.collect()));
                if !switch.default.is_empty() {
                    self.entry(6, "default", &ids(&switch.default));
                }
            }
        }
    }

    fn approval(&mut self, approval: &Approval) {
        let Approval { by, message, form, timeout_ms, on_timeout } = approval;
        self.line(4, "approve:");
        self.entry(6, "by", by);
        if !message.is_null() {
            self.entry(6, "message", message);
        }
        if !form.is_empty() {
            let form = form.iter().map(|(name, spec)| (name.clone(), input(spec)));
            self.entry(6, "form", &Value::Object(form.collect()));
        }
        self.optional(6, "timeout", timeout_ms.map(duration).as_ref());
        self.changed(6, "on_timeout", on_timeout);
    }

    fn map(&mut self, indent: usize, key: &str, map: &BTreeMap<String, Value>) {
        if !map.is_empty() {
            self.entry(indent, key, &json!(map));
        }
    }

    /// Writes a word that is not the default.
    fn changed<T: serde::Serialize + Default + PartialEq>(
        &mut self,
        indent: usize,
        key: &str,
        value: &T,
    ) {
        if *value != T::default() {
            self.entry(indent, key, &json!(value));
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.0, "{:indent$}{text}", "");
    }

    /// `key: value`, with the value below the key if it does not fit beside it.
    fn entry(&mut self, indent: usize, key: &str, value: &Value) {
        let key = inline(key);
        if let Some(text) = beside(value, indent) {
            self.line(indent, &format!("{key}: {text}"));
        } else {
            self.line(indent, &format!("{key}:"));
            self.below(indent + 2, value);
        }
    }

    fn below(&mut self, indent: usize, value: &Value) {
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(key, value)| self.entry(indent, key, value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.item(indent, item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn item(&mut self, indent: usize, item: &Value) {
        if let Some(text) = beside(item, indent) {
            self.line(indent, &format!("- {text}"));
            return;
        }
        let mut nested = Self(String::new());
        nested.below(indent + 2, item);
        self.line(indent, &format!("- {}", nested.0.trim_start().trim_end_matches('\n')));
    }
}

/// The value in the line of its key, if it can stand there.
fn beside(value: &Value, indent: usize) -> Option<String> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::String(text) => Some(scalar::text(text, indent)),
        Value::Object(map) => map.is_empty().then(|| "{}".to_owned()),
        Value::Array(items) => flow(items),
    }
}

/// What differs from the default; a number if only the attempts do.
fn retry(retry: &Retry) -> Option<Value> {
    let default = Retry::default();
    if *retry == default {
        return None;
    }
    if *retry == (Retry { max_attempts: retry.max_attempts, ..default.clone() }) {
        return Some(json!(retry.max_attempts));
    }
    let mut map = Map::new();
    let mut put = |changed: bool, key: &str, value: Value| {
        if changed {
            map.insert(key.to_owned(), value);
        }
    };
    put(true, "max_attempts", json!(retry.max_attempts));
    put(retry.backoff != default.backoff, "backoff", json!(retry.backoff));
    put(retry.initial_ms != default.initial_ms, "initial", duration(retry.initial_ms));
    put(retry.factor.to_bits() != default.factor.to_bits(), "factor", json!(retry.factor));
    put(retry.max_ms != default.max_ms, "max", duration(retry.max_ms));
    put(retry.jitter != default.jitter, "jitter", json!(retry.jitter));
    put(!retry.retry_on.is_empty(), "retry_on", json!(retry.retry_on));
    put(!retry.give_up_on.is_empty(), "give_up_on", json!(retry.give_up_on));
    Some(Value::Object(map))
}
