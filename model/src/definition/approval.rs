//! What a step asks of people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{InputSpec, is_default};

/// A decision that a person makes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Template of who may decide: a text or a list of texts. `user:dana` is a person, `group:ops` a group, a bare word either.
    pub by: serde_json::Value,
    /// Template of what they are asked.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub message: serde_json::Value,
    /// What they fill in, by name; checked like the inputs of a run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub form: BTreeMap<String, InputSpec>,
    /// How long it waits, in milliseconds; `None`: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What happens when that time is over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_timeout: OnApprovalTimeout,
}

/// What happens when nobody decided in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnApprovalTimeout {
    /// The step fails, and what that means is said by `on_error`.
    #[default]
    Fail,
    /// It counts as rejected.
    Reject,
    /// The step fails and the run goes on; the output is `null`.
    Continue,
}
