//! Pauses of the store, as they are asked for and shown.

use serde::{Deserialize, Serialize};

use super::By;

/// What is paused: everything, a workflow, or a label. Exactly one of the fields is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseScope {
    /// Every run.
    #[serde(default)]
    pub engine: bool,
    /// The runs of this workflow.
    #[serde(default)]
    pub workflow: Option<String>,
    /// The runs with this label: key and value.
    #[serde(default)]
    pub label: Option<(String, String)>,
}

/// A request to pause or resume more than a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseStore {
    /// What.
    pub scope: PauseScope,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Who asks.
    pub by: By,
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseView {
    /// In words: `the engine`, `workflow order`, `label team=shop`.
    pub what: String,
    /// What is paused.
    pub scope: PauseScope,
    /// Why.
    pub reason: String,
    /// Who paused it.
    pub by: By,
    /// Since when.
    pub since: String,
}

/// The pauses of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PausesView {
    /// `pauses/v1`.
    pub kind: String,
    /// The pauses.
    pub pauses: Vec<PauseView>,
}
