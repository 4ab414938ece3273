//! What a step takes as an update.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{InputSpec, OnSignalTimeout, is_default};

/// A request that a step takes, checks and answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// Its name.
    pub name: String,
    /// What it carries, by name; checked like the inputs of a run. Empty: anything.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub form: BTreeMap<String, InputSpec>,
    /// Expression (without `${{ }}`) over `update`, what it carries; one for which it is false is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepts: Option<String>,
    /// Template of what the sender of a refused one is told.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub message: serde_json::Value,
    /// Template of what the sender of an accepted one is answered.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub reply: serde_json::Value,
    /// How long the step waits, in milliseconds; `None`: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What happens when that time is over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_timeout: OnSignalTimeout,
}
