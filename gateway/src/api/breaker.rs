//! Circuit breakers: whether a target may be called, who calls it, who waits for it.

use serde::{Deserialize, Serialize};

use super::LimitHolder;

/// All breakers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerPage {
    /// `breakers/v1`.
    pub kind: String,
    /// By target.
    pub breakers: Vec<BreakerView>,
}

/// A breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerView {
    /// `breaker/v1`.
    pub kind: String,
    /// What it guards.
    pub target: String,
    /// `closed`, `open` or `half_open`.
    pub state: String,
    /// Since when; `null` if it never was anything else.
    pub since: Option<String>,
    /// When one may try; `null` unless it is open.
    pub until: Option<String>,
    /// How many calls failed in a row, while it is closed.
    pub failures: u32,
    /// How many calls that try succeeded in a row, while it is half open.
    pub successes: u32,
    /// It opens after so many failures in a row.
    pub failures_max: u32,
    /// It closes after so many successes in a row.
    pub successes_max: u32,
    /// How long it is open before one tries.
    pub open_ms: u64,
    /// How often it has opened.
    pub opened: u64,
    /// How many calls are under way.
    pub calling: u64,
    /// How many wait.
    pub waiting: u64,
    /// Who calls, at most 100.
    pub calls: Vec<LimitHolder>,
    /// Who waits, those first who come first, at most 100.
    pub queue: Vec<LimitHolder>,
}
