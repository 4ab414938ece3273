//! Interprets a document whose shape was checked: every value that is looked at here has the shape of its key.

mod breaker;
mod limits;
mod starts;

mod triggers;

use std::collections::BTreeMap;

use nexus_model::definition::{
    Approval, Backoff, CircuitBreaker, Compensate, Concurrency, Definition, ForEach, InputKind,
    InputSpec, OnEnd, OnError, OnItemError, OnSignalTimeout, ROUNDS_DEFAULT, Repeat, Retry, Step,
    StepKind, Switch, SwitchCase, Update, WhenNeeds,
};
use nexus_model::plan::EMIT_HANDLER;
use nexus_model::topic::signal_name;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::check::{condition_of, duration};
use crate::yaml::{Node, Tree};

/// What the document says.
pub(crate) fn interpret(tree: &Tree) -> Definition {
    let top = &tree.value;
    let run = top.get("run").map(|run| &run.value);
    let (inputs, input_is_value) = inputs(top);
    Definition {
        name: text(top, "name").unwrap_or_default(),
        description: text(top, "description"),
        version: count(top, "version"),
        labels: entries(top, "labels", |value| value.text().unwrap_or_default().to_owned()),
        inputs,
        input_is_value,
        env: entries(top, "env", Node::to_value),
        secrets: texts(top, "secrets"),
        code: false,
        encrypt: flag(top, "encrypt").unwrap_or_default(),
        run_id: run.and_then(|run| text(run, "id")),
        timeout_ms: run.and_then(|run| duration_ms(run, "timeout")),
        concurrency: run.and_then(limits::concurrency),
        dedupe: run.and_then(starts::dedupe),
        debounce: run.and_then(starts::debounce),
        on_failure: choice::<OnEnd>(top, "on_failure"),
        on_cancel: choice::<OnEnd>(top, "on_cancel"),
        triggers: triggers::triggers(top),
        event_triggers: triggers::event_triggers(top),
        steps: steps(top),
        outputs: template(top, "outputs"),
        queries: entries(top, "queries", Node::to_value),
    }
}

fn inputs(top: &Node) -> (BTreeMap<String, InputSpec>, bool) {
    let is_value = top.get("inputs").and_then(|inputs| inputs.value.text()).is_some();
    (entries(top, "inputs", input), is_value)
}

fn input(node: &Node) -> InputSpec {
    if node.text().is_some() {
        return InputSpec { kind: word(node).unwrap_or_default(), ..InputSpec::default() };
    }
    let default = node.get("default").map(|default| default.value.to_value());
    let optional = default.as_ref().is_some_and(Value::is_null);
    InputSpec {
        kind: choice::<InputKind>(node, "type"),
        default: default.filter(|default| !default.is_null()),
        required: flag(node, "required").or_else(|| optional.then_some(false)),
        options: node
            .get("enum")
            .map(|list| list.value.items().iter().map(|item| item.value.to_value()).collect())
            .unwrap_or_default(),
        pattern: text(node, "pattern"),
        min: number(node, "min"),
        max: number(node, "max"),
        description: text(node, "description"),
    }
}

/// What `defaults` gives to steps that make attempts.
#[derive(Default)]
struct Defaults {
    retry: Option<Retry>,
    timeout_ms: Option<u64>,
    concurrency: Option<Concurrency>,
    breaker: Option<CircuitBreaker>,
}

fn steps(top: &Node) -> Vec<Step> {
    let defaults = top.get("defaults").map_or_else(Defaults::default, |defaults| Defaults {
        retry: defaults.value.get("retry").map(|value| retry(&value.value)),
        timeout_ms: duration_ms(&defaults.value, "timeout"),
        concurrency: limits::concurrency(&defaults.value),
        breaker: breaker::breaker(&defaults.value),
    });
    let sequence = text(top, "mode").is_some_and(|mode| mode == "sequence");
    let mut steps: Vec<Step> = Vec::new();
    for (id, node) in top.get("steps").map(|steps| steps.value.entries()).unwrap_or_default() {
        let mut step = step(&id.value, &node.value, &defaults);
        let above = steps.last().filter(|_| sequence).map(|above| above.id.clone());
        step.needs.extend(above.filter(|above| !step.needs.contains(above)));
        steps.push(step);
    }
    steps
}

fn step(id: &str, node: &Node, defaults: &Defaults) -> Step {
    let kind = kind(node);
    let attempts = matches!(kind, StepKind::Action { .. } | StepKind::Script { .. });
    let default_retry = || defaults.retry.clone().filter(|_| attempts).unwrap_or_default();
    Step {
        id: id.to_owned(),
        name: text(node, "name"),
        kind,
        needs: texts(node, "needs"),
        when_needs: choice::<WhenNeeds>(node, "when_needs"),
        condition: node.get("if").and_then(|value| condition(&value.value)),
        retry: node.get("retry").map_or_else(default_retry, |value| retry(&value.value)),
        timeout_ms: duration_ms(node, "timeout")
            .or_else(|| defaults.timeout_ms.filter(|_| attempts)),
        concurrency: limits::concurrency(node)
            .or_else(|| defaults.concurrency.clone().filter(|_| attempts)),
        breaker: breaker::breaker(node).or_else(|| defaults.breaker.clone().filter(|_| attempts)),
        deadline_ms: duration_ms(node, "deadline"),
        heartbeat_ms: duration_ms(node, "heartbeat"),
        start_within_ms: duration_ms(node, "start_within"),
        on_error: choice::<OnError>(node, "on_error"),
        for_each: for_each(node),
        outputs: template(node, "outputs"),
        compensate: node.get("compensate").map(|undo| Box::new(compensate(&undo.value))),
    }
}

fn compensate(node: &Node) -> Compensate {
    Compensate {
        kind: kind(node),
        retry: node.get("retry").map(|value| retry(&value.value)),
        timeout_ms: duration_ms(node, "timeout"),
    }
}

fn for_each(node: &Node) -> Option<ForEach> {
    let items = node.get("for_each")?.value.to_value();
    Some(ForEach {
        items,
        name: text(node, "as").unwrap_or_else(|| ForEach::NAME.to_owned()),
        concurrency: count(node, "concurrency")
            .or_else(|| count(&node.get("concurrency")?.value, "items"))
            .unwrap_or(ForEach::CONCURRENCY),
        on_item_error: choice::<OnItemError>(node, "on_item_error"),
    })
}

fn kind(node: &Node) -> StepKind {
    if let Some(uses) = text(node, "uses") {
        return StepKind::Action { uses, with: template(node, "with").unwrap_or_default() };
    }
    if let Some(event) = text(node, "emit") {
        let data = template(node, "with").unwrap_or_default();
        let with = json!({"event": event, "data": data});
        return StepKind::Action { uses: EMIT_HANDLER.to_owned(), with };
    }
    if let Some(run) = text(node, "run") {
        return StepKind::Script {
            run,
            shell: text(node, "shell"),
            env: entries(node, "env", Node::to_value),
        };
    }
    if let Some(values) = node.get("set") {
        return StepKind::Set { values: values.value.to_value() };
    }
    if let Some(wait) = node.get("wait_for") {
        let wait = &wait.value;
        if let Some(name) = text(wait, "update") {
            return StepKind::Update(Box::new(update(name, wait)));
        }
        return StepKind::WaitFor {
            signal: match text(wait, "event") {
                Some(event) => signal_name(&event),
                None => text(wait, "signal").unwrap_or_default(),
            },
            matches: wait.get("match").and_then(|value| condition(&value.value)),
            timeout_ms: duration_ms(wait, "timeout"),
            on_timeout: choice::<OnSignalTimeout>(wait, "on_timeout"),
        };
    }
    if let Some(workflow) = text(node, "call") {
        return StepKind::Call {
            workflow,
            version: text(node, "version")
                .or_else(|| count(node, "version").map(|version| version.to_string())),
            definition: None,
            with: template(node, "with").unwrap_or_default(),
        };
    }
    if let Some(repeat) = node.get("repeat") {
        let node = &repeat.value;
        return StepKind::Repeat(Box::new(Repeat {
            from: text(node, "from").unwrap_or_default(),
            until: node.get("until").and_then(|value| condition(&value.value)).unwrap_or_default(),
            limit: count(node, "limit").unwrap_or(ROUNDS_DEFAULT),
            delay_ms: duration_ms(node, "delay").unwrap_or_default(),
            carry: template(node, "carry").unwrap_or_default(),
        }));
    }
    if node.get("race").is_some() {
        return StepKind::Race { of: texts(node, "race") };
    }
    if let Some(switch) = node.get("switch") {
        return StepKind::Switch(Box::new(self::switch(&switch.value)));
    }
    if let Some(asked) = node.get("approve") {
        return StepKind::Approve(Box::new(approval(&asked.value)));
    }
    if let Some(time) = template(node, "sleep_until") {
        return StepKind::SleepUntil { time };
    }
    StepKind::Sleep { duration: template(node, "sleep").unwrap_or_default() }
}

fn switch(node: &Node) -> Switch {
    let case = |node: &Node| SwitchCase {
        when: node.get("when").and_then(|value| condition(&value.value)).unwrap_or_default(),
        then: texts(node, "then"),
    };
    let cases = node.get("cases").map(|cases| cases.value.items()).unwrap_or_default();
    let cases = cases.iter().map(|item| case(&item.value)).collect();
    Switch { cases, default: texts(node, "default") }
}

fn approval(node: &Node) -> Approval {
    Approval {
        by: template(node, "by").unwrap_or_default(),
        message: template(node, "message").unwrap_or_default(),
        form: entries(node, "form", input),
        timeout_ms: duration_ms(node, "timeout"),
        on_timeout: choice(node, "on_timeout"),
    }
}

fn update(name: String, node: &Node) -> Update {
    Update {
        name,
        form: entries(node, "form", input),
        accepts: node.get("accepts").and_then(|value| condition(&value.value)),
        message: template(node, "message").unwrap_or_default(),
        reply: template(node, "reply").unwrap_or_default(),
        timeout_ms: duration_ms(node, "timeout"),
        on_timeout: choice(node, "on_timeout"),
    }
}

fn condition(node: &Node) -> Option<String> {
    match node {
        Node::Bool(flag) => Some(flag.to_string()),
        Node::Text(text) => condition_of(text).map(|(_, expression)| expression.to_owned()),
        Node::Null | Node::Number(_) | Node::List(_) | Node::Map(_) => None,
    }
}

fn retry(node: &Node) -> Retry {
    let default = Retry::default();
    if let Node::Number(number) = node {
        let attempts = number.as_u64().and_then(|attempts| u32::try_from(attempts).ok());
        return Retry { max_attempts: attempts.unwrap_or(1), ..default };
    }
    Retry {
        max_attempts: count(node, "max_attempts").unwrap_or(1),
        backoff: choice::<Backoff>(node, "backoff"),
        initial_ms: duration_ms(node, "initial").unwrap_or(default.initial_ms),
        factor: number(node, "factor").unwrap_or(default.factor),
        max_ms: duration_ms(node, "max").unwrap_or(default.max_ms),
        jitter: flag(node, "jitter").unwrap_or(default.jitter),
        retry_on: texts(node, "retry_on"),
        give_up_on: texts(node, "give_up_on"),
    }
}

fn entries<T>(node: &Node, key: &str, read: impl Fn(&Node) -> T) -> BTreeMap<String, T> {
    let entries = node.get(key).map(|map| map.value.entries()).unwrap_or_default();
    entries.iter().map(|(name, value)| (name.value.clone(), read(&value.value))).collect()
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key)?.value.text().map(str::to_owned)
}

fn texts(node: &Node, key: &str) -> Vec<String> {
    let Some(value) = node.get(key) else { return Vec::new() };
    let one = value.value.text().into_iter();
    one.chain(value.value.items().iter().filter_map(|item| item.value.text()))
        .map(str::to_owned)
        .collect()
}

/// The value, if it is not `null`.
fn template(node: &Node, key: &str) -> Option<Value> {
    node.get(key).map(|value| value.value.to_value()).filter(|value| !value.is_null())
}

fn scalar(node: &Node, key: &str) -> Option<Value> {
    node.get(key).map(|value| value.value.to_value())
}

fn count(node: &Node, key: &str) -> Option<u32> {
    scalar(node, key)?.as_u64().and_then(|count| u32::try_from(count).ok())
}

fn number(node: &Node, key: &str) -> Option<f64> {
    scalar(node, key)?.as_f64()
}

fn flag(node: &Node, key: &str) -> Option<bool> {
    scalar(node, key)?.as_bool()
}

fn duration_ms(node: &Node, key: &str) -> Option<u64> {
    duration(node.get(key)?.value.text()?)
}

fn choice<T: Default + DeserializeOwned>(node: &Node, key: &str) -> T {
    node.get(key).and_then(|value| word(&value.value)).unwrap_or_default()
}

/// The words of the format are those of the model.
fn word<T: DeserializeOwned>(node: &Node) -> Option<T> {
    serde_json::from_value(node.to_value()).ok()
}
