//! What comes from outside to a run that waits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::By;

/// A request to tell a run something.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendSignal {
    /// What it carries.
    #[serde(default)]
    pub payload: Value,
    /// A key of the sender's; a signal with the same key counts once.
    #[serde(default)]
    pub id: Option<String>,
    /// Who sends it.
    pub by: By,
}

/// What became of a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalView {
    /// `signal/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// The signal's name.
    pub signal: String,
    /// The step that took it at once; `null` if it is kept.
    pub step: Option<String>,
    /// Whether it was received before, so that nothing was recorded.
    pub existing: bool,
    /// Revision of the run after it; `null` if nothing was recorded.
    pub revision: Option<u32>,
}
