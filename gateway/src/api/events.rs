//! Events between workflows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::By;

/// An event to emit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmitEvent {
    /// What it carries.
    #[serde(default)]
    pub data: Value,
    /// What makes it count once; left out: it is another event each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who asks.
    #[serde(default)]
    pub by: By,
}

/// An event that was emitted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EmittedView {
    /// `event/v1`.
    pub kind: String,
    /// Its name.
    pub event: String,
    /// What makes it count once.
    pub id: String,
    /// Whether it had been emitted before; then nothing was recorded.
    pub existing: bool,
}

/// All events, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TopicPage {
    /// `topics/v1`.
    pub kind: String,
    /// They.
    pub topics: Vec<TopicView>,
}

/// The events of one name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TopicView {
    /// `topic/v1`.
    pub kind: String,
    /// Their name.
    pub event: String,
    /// How many were emitted.
    pub emitted: u64,
    /// When the last was.
    pub last: Option<String>,
    /// How many were not delivered yet.
    pub undelivered: u64,
    /// How many steps wait for one.
    pub waiting: u64,
    /// How many runs they have started.
    pub started: u64,
    /// What starts runs.
    pub triggers: Vec<TriggerView>,
    /// Why a run was not started, the last time one was not.
    pub failure: Option<String>,
}

/// What starts a run for an event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TriggerView {
    /// Its name.
    pub name: String,
    /// The workflow.
    pub workflow: String,
    /// Hash of the definition.
    pub definition: String,
    /// Whether it starts the version that is current then.
    #[serde(default)]
    pub follows: bool,
    /// Why it starts nothing at present; `null`: it starts what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<String>,
}

/// A workflow whose triggers for events are set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetTriggers {
    /// The definition; `null`: the one that `workflow` names.
    #[serde(default)]
    pub definition: Value,
    /// Which definition: `NAME` (at each start the version that is current then), `NAME@3`, or its hash. Either this or `definition`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The definitions it calls, directly or not, as far as the store does not have them.
    #[serde(default)]
    pub callees: Vec<Value>,
    /// Where scripts of the runs work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Who asks.
    #[serde(default)]
    pub by: By,
}

/// What was done to triggers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TriggersActed {
    /// `triggers_acted/v1`.
    pub kind: String,
    /// They.
    pub triggers: Vec<TriggerActed>,
}

/// What was done to a trigger.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TriggerActed {
    /// Its name.
    pub name: String,
    /// The event.
    pub event: String,
    /// `set`, `unchanged` or `deleted`.
    pub action: String,
}
