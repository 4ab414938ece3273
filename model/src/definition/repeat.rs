//! Loops: steps that go back to an earlier one until something holds.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::is_default;

/// How often a loop goes round, unless it says otherwise.
pub const ROUNDS_DEFAULT: u32 = 20;

/// A bounded loop back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Id of the step it goes back to. A round is that step and all that comes after it, up to the loop itself.
    pub from: String,
    /// Expression (without `${{ }}`); the loop ends when it is true.
    pub until: String,
    /// Rounds in total, at least 1; the step fails when `until` is false after the last.
    #[serde(default = "rounds_default", skip_serializing_if = "is_rounds_default")]
    pub limit: u32,
    /// Time between two rounds, in milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub delay_ms: u64,
    /// Template of what the next round sees as `round.carry`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub carry: Value,
}

impl Default for Repeat {
    fn default() -> Self {
        let (from, until) = (String::new(), String::new());
        Self { from, until, limit: ROUNDS_DEFAULT, delay_ms: 0, carry: Value::Null }
    }
}

fn rounds_default() -> u32 {
    ROUNDS_DEFAULT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_rounds_default(limit: &u32) -> bool {
    *limit == ROUNDS_DEFAULT
}
