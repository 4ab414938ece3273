//! What decides whether and when a run is started.

use serde::{Deserialize, Serialize};

/// Starts whose key was seen lately start nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dedupe {
    /// Template of the key.
    pub key: String,
    /// How long a key counts, in milliseconds.
    pub within_ms: u64,
}

/// A start is kept until it has been quiet for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Debounce {
    /// Template of the key; `None`: all starts of the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How long it has to be quiet, in milliseconds.
    pub wait_ms: u64,
    /// How long after the first start it begins at the latest, in milliseconds; `None`: it may be put off for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_ms: Option<u64>,
}
