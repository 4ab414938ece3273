//! Updates: requests that a step of a run checks, takes and answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::By;

/// A request to have a step take an update.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendUpdate {
    /// What it carries.
    #[serde(default)]
    pub data: Value,
    /// A key of the sender's; the same update with the same key is answered as it was before.
    #[serde(default)]
    pub id: Option<String>,
    /// Who sends it.
    pub by: By,
}

/// The answer to an update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateView {
    /// `update/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// The update's name.
    pub update: String,
    /// The step that took it.
    pub step: String,
    /// What the workflow answers.
    pub reply: Value,
    /// Whether it was accepted before, so that nothing was recorded.
    pub existing: bool,
    /// Number of the event that says that it was accepted, from 1.
    pub event: u32,
}
