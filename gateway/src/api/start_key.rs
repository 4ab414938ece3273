//! Starts that are kept.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::By;

/// The starts that have not led to a run yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartPage {
    /// `starts/v1`.
    pub kind: String,
    /// Those that are being started, then the others by the time they are due; without their inputs.
    pub starts: Vec<StartView>,
    /// Where the next page begins; `null`: there is none.
    pub next: Option<String>,
}

/// A start that has a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartView {
    /// `start/v1`.
    pub kind: String,
    /// The name that the run has, or will have.
    pub id: String,
    /// The workflow's name.
    pub workflow: String,
    /// The key.
    pub key: String,
    /// `kept`, `starting` (it is due, and its run is not there yet), `started`, `failed` (it could not be started),
    /// `cancelled` or `gone` (it was started, and others came after it).
    pub status: String,
    /// Why it has not started, in one line.
    pub why: String,
    /// When somebody asked for it first; `null` once it is due.
    pub first: Option<String>,
    /// When somebody asked for it last; `null` once it is due.
    pub latest: Option<String>,
    /// How often it was asked for; 0 once it is due.
    pub starts: u32,
    /// When it is started, unless somebody asks again; `null` once it is due.
    pub due: Option<String>,
    /// When it is started at the latest; `null`: it may be put off for ever.
    pub at_most: Option<String>,
    /// Its input; absent in lists, and once it is started.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub input: Value,
    /// Who asked for it last.
    pub by: Option<By>,
}

/// A start that was cancelled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartActed {
    /// `start-acted/v1`.
    pub kind: String,
    /// The name that the run would have had.
    pub id: String,
    /// `cancelled`.
    pub action: String,
}
