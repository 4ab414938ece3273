//! Definitions: what may happen in a run of a workflow.
//!
//! A [`Definition`] is the document that is stored, by the hash of its canonical JSON, and never changes. It is checked and
//! made executable by [`Plan::compile`](crate::plan::Plan::compile).
//!
//! Templates are JSON values whose strings may hold `${{ expression }}`: a string that is one expression and nothing else
//! becomes the expression's value with its type, an expression inside other text becomes text.

mod triggers;

use std::collections::BTreeMap;
use std::fmt::Write;

pub use triggers::{EventTrigger, Trigger};

use serde::{Deserialize, Serialize};

use crate::id::DefinitionHash;

mod approval;
mod breaker;
mod hash_as_text;
mod repeat;
mod retry;
mod start_rule;
mod switch;
mod update;

pub use approval::{Approval, OnApprovalTimeout};
pub use breaker::{CircuitBreaker, WhileOpen};
pub use repeat::{ROUNDS_DEFAULT, Repeat};
pub use retry::{Backoff, Retry};
pub use start_rule::{Debounce, Dedupe};
pub use switch::{Switch, SwitchCase};
pub use update::Update;

/// A workflow definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The workflow's name.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The author's version number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Labels every run of it gets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What a run takes, by name. An undeclared input is refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, InputSpec>,
    /// Whether a run takes one value of any kind instead of named inputs (definitions built in Rust).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub input_is_value: bool,
    /// Environment of its scripts, and `env` in expressions: templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, serde_json::Value>,
    /// Names of the secrets its steps may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Whether its steps are the calls of a function, made as a run goes on; it has none of its own then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub code: bool,
    /// Whether the values of its runs are encrypted in the store, each with a key of its own that can be deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypt: bool,
    /// Template of the run's name, if the caller gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Longest time from start to end of a run, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How many of its runs may run at one time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Which starts start nothing because their key was seen lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedupe: Option<Dedupe>,
    /// How long a start is kept for further ones to take its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debounce: Option<Debounce>,
    /// What happens to completed steps when a run fails.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_failure: OnEnd,
    /// What happens to completed steps when a run is cancelled.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_cancel: OnEnd,
    /// What starts runs of it by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// Events that start runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_triggers: Vec<EventTrigger>,
    /// The steps, in the order of the file. The order is part of the hash.
    pub steps: Vec<Step>,
    /// Template of the run's output; `None` is `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<serde_json::Value>,
    /// What can be asked of a run, by name: templates over its state.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub queries: BTreeMap<String, serde_json::Value>,
}

impl Definition {
    /// The canonical JSON: what is stored and hashed. Keys of maps are sorted, absent values are left out.
    pub fn to_canonical_json(&self) -> Vec<u8> {
        // Step by step, because the tree of a large definition takes many times the memory of its text.
        let Ok(serde_json::Value::Object(head)) = serde_json::to_value(self.without_steps()) else {
            return Vec::new();
        };
        let mut json = String::from("{");
        for (key, value) in &head {
            let comma = if json.len() > 1 { "," } else { "" };
            let _ = write!(json, "{comma}{}:", serde_json::Value::from(key.as_str()));
            let _ = match key.as_str() {
                "steps" => write_steps(&mut json, &self.steps),
                _ => write!(json, "{value}"),
            };
        }
        json.push('}');
        json.into_bytes()
    }

    pub(crate) fn without_steps(&self) -> Self {
        Self {
            name: self.name.clone(),
            description: self.description.clone(),
            version: self.version,
            labels: self.labels.clone(),
            inputs: self.inputs.clone(),
            input_is_value: self.input_is_value,
            env: self.env.clone(),
            secrets: self.secrets.clone(),
            code: self.code,
            encrypt: self.encrypt,
            run_id: self.run_id.clone(),
            timeout_ms: self.timeout_ms,
            concurrency: self.concurrency.clone(),
            dedupe: self.dedupe.clone(),
            debounce: self.debounce.clone(),
            on_failure: self.on_failure,
            on_cancel: self.on_cancel,
            triggers: self.triggers.clone(),
            event_triggers: self.event_triggers.clone(),
            steps: Vec::new(),
            outputs: self.outputs.clone(),
            queries: self.queries.clone(),
        }
    }

    /// Reads canonical JSON back.
    ///
    /// # Errors
    /// What the JSON reader says, if the document is of a newer program or damaged.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The content hash.
    pub fn hash(&self) -> DefinitionHash {
        DefinitionHash(*blake3::hash(&self.to_canonical_json()).as_bytes())
    }
}

/// A declared input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// What it must be.
    #[serde(rename = "type", default)]
    pub kind: InputKind,
    /// Used when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// `false`: `null` when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// The values it may have; empty: any.
    #[serde(rename = "enum", default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<serde_json::Value>,
    /// Regular expression a string must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The type of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Any JSON value.
    #[default]
    Any,
    /// Text.
    String,
    /// A number without a fraction, 64 bits.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A map.
    Map,
}

/// One step of a definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its id: a letter or `_`, then letters, digits, `_` and `-`; at most 64 characters.
    /// Imported graphs may use any text without control characters up to 200 characters.
    pub id: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does.
    pub kind: StepKind,
    /// Ids of steps that come before it. References in its expressions add to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// When the needs let it run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when_needs: WhenNeeds,
    /// Expression (without `${{ }}`); false skips the step.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// How often and when it is tried again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retry: Retry,
    /// Longest time of one attempt, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How many of its attempts may be under way at one time, over all runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// The circuit breaker it asks before each attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<CircuitBreaker>,
    /// Longest time of all attempts together, in milliseconds, from the start of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Longest time between two heartbeats of an attempt, in milliseconds; `None`: it need not give any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<u64>,
    /// Longest time it is ready and waits for its first attempt to start, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_within_ms: Option<u64>,
    /// What a failure means for the run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_error: OnError,
    /// What it is done for, once for each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// Template of the step's output over `this.output`, with `for_each` of each item's; `None`: what the handler returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<serde_json::Value>,
    /// How it is undone, if the run ends in a way that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensate: Option<Box<Compensate>>,
}

impl Step {
    /// A step with nothing but an id and what it does: no needs, one attempt, no limits.
    pub fn new(id: impl Into<String>, kind: StepKind) -> Self {
        Self {
            id: id.into(),
            name: None,
            kind,
            needs: Vec::new(),
            when_needs: WhenNeeds::default(),
            condition: None,
            retry: Retry::default(),
            timeout_ms: None,
            concurrency: None,
            breaker: None,
            deadline_ms: None,
            heartbeat_ms: None,
            start_within_ms: None,
            on_error: OnError::default(),
            for_each: None,
            outputs: None,
            compensate: None,
        }
    }
}

/// How a step is undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compensate {
    /// What undoes it: an action or a script. In its templates `this.output` is what the step brought.
    pub kind: StepKind,
    /// How often and when it is tried again; `None`: until it succeeds, after at most a minute each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Longest time of one attempt, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// What happens to completed steps when a run ends without having completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnEnd {
    /// What they did stays.
    #[default]
    Keep,
    /// Those with a `compensate` are undone.
    Compensate,
}

/// What a step is done for, once for each item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForEach {
    /// Template of a list.
    pub items: serde_json::Value,
    /// The name of an item in expressions; its number is this name with `_index`.
    #[serde(rename = "as", default = "item_name", skip_serializing_if = "is_item_name")]
    pub name: String,
    /// How many items are under way at a time, 1 to [`CONCURRENCY_MAX`](Self::CONCURRENCY_MAX).
    #[serde(default = "item_concurrency", skip_serializing_if = "is_item_concurrency")]
    pub concurrency: u32,
    /// What the failure of an item means for the step.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_item_error: OnItemError,
}

/// What the failure of an item means for its step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnItemError {
    /// The step fails; what is under way is stopped.
    #[default]
    Fail,
    /// The other items go on; the output is `{ok: […], failed: […]}`.
    Collect,
}

impl ForEach {
    /// The name of an item, if the definition gives it none.
    pub const NAME: &str = "item";
    /// How many items are under way at a time, if the definition does not say.
    pub const CONCURRENCY: u32 = 16;
    /// The most items that can be under way at a time.
    pub const CONCURRENCY_MAX: u32 = 1_000;
}

/// A limit that runs, or attempts of a step, share: those with the same key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// Template of the key; `None`: all runs of the workflow share one limit, or all attempts of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Who shares a key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scope: ConcurrencyScope,
    /// How many at one time; `None`: as many as the rate allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many begin in a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<ConcurrencyRate>,
    /// Template of the key under which slots are shared fairly: each key with somebody waiting gets the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fairness_key: Option<String>,
    /// Template of a number, or a number; higher comes first, 0 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<serde_json::Value>,
}

/// Who shares a key of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConcurrencyScope {
    /// Runs of the same workflow.
    #[default]
    Workflow,
    /// All runs of the store.
    Global,
}

/// So many in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConcurrencyRate {
    /// How many.
    pub limit: u32,
    /// In how many milliseconds.
    pub per_ms: u64,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StepKind {
    /// Calls a handler.
    Action {
        /// Name of the handler or built-in action.
        uses: String,
        /// Template of its input.
        #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
        with: serde_json::Value,
    },
    /// Runs a script.
    Script {
        /// Template of its text.
        run: String,
        /// The program that reads it, `sh` by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shell: Option<String>,
        /// Environment variables: templates.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        env: BTreeMap<String, serde_json::Value>,
    },
    /// Computes values; the output is the map of them.
    Set {
        /// Template.
        values: serde_json::Value,
    },
    /// Waits.
    Sleep {
        /// Template of a duration: text such as `15m`, or a number of milliseconds.
        duration: serde_json::Value,
    },
    /// Waits for a point in time, by the wall clock.
    SleepUntil {
        /// Template of a time: text in RFC 3339.
        time: serde_json::Value,
    },
    /// Waits for a signal.
    WaitFor {
        /// The signal's name.
        signal: String,
        /// Expression (without `${{ }}`) over `signal`, the payload; a signal for which it is false is left for others.
        #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
        matches: Option<String>,
        /// How long it waits, in milliseconds; `None`: for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
        /// What happens when that time is over.
        #[serde(default, skip_serializing_if = "is_default")]
        on_timeout: OnSignalTimeout,
    },
    /// Waits for the decision of a person.
    Approve(Box<Approval>),
    /// Waits for an update.
    Update(Box<Update>),
    /// Calls another workflow: a run of its own, whose output is the step's.
    Call {
        /// The called workflow: a file beside this one, or the name of a published workflow.
        workflow: String,
        /// Which version of a published workflow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// The called definition, by its content; known once the calls are resolved.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "hash_as_text")]
        definition: Option<DefinitionHash>,
        /// Template of its input.
        #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
        with: serde_json::Value,
    },
    /// Takes the first of several steps that completes, and ends the others.
    Race {
        /// Their ids.
        of: Vec<String>,
    },
    /// Goes back to an earlier step until something holds.
    Repeat(Box<Repeat>),
    /// Says which of other steps run; those need it, and the others are skipped with all that needs only them.
    Switch(Box<Switch>),
}

/// Whether the text of a `call` names a file; else it is the name of a published workflow.
pub fn is_file(workflow: &str) -> bool {
    let ends = |ending| std::path::Path::new(workflow).extension().is_some_and(|it| it == ending);
    ends("yaml") || ends("yml") || workflow.contains('/')
}

/// What happens when no signal came in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnSignalTimeout {
    /// The step fails, and what that means is said by `on_error`.
    #[default]
    Fail,
    /// The step fails and the run goes on; the output is `null`.
    Continue,
}

/// When the needs of a step let it run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenNeeds {
    /// Every need completed or was skipped by its own condition (a failure with `on_error: continue` counts as completed).
    #[default]
    AllOk,
    /// The first need that completes; the others go on and are ignored. If none completes, a need that was skipped by its own
    /// condition, or that failed with `on_error: continue`, is enough when all have settled.
    AnyOk,
    /// Every need settled, however. Runs also when the run fails or is cancelled, last.
    AllDone,
    /// At least one need failed. Runs when the run fails, last.
    AnyFailed,
}

/// What the failure of a step means for the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The run fails.
    #[default]
    Fail,
    /// The run goes on; the output is `null`.
    Continue,
}

fn write_steps(json: &mut String, steps: &[Step]) -> std::fmt::Result {
    json.push('[');
    for (at, step) in steps.iter().enumerate() {
        let step = serde_json::to_value(step).map_err(|_| std::fmt::Error)?;
        write!(json, "{}{step}", if at > 0 { "," } else { "" })?;
    }
    json.push(']');
    Ok(())
}

fn item_name() -> String {
    ForEach::NAME.to_owned()
}

fn is_item_name(name: &str) -> bool {
    name == ForEach::NAME
}

fn item_concurrency() -> u32 {
    ForEach::CONCURRENCY
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_item_concurrency(concurrency: &u32) -> bool {
    *concurrency == ForEach::CONCURRENCY
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests;
