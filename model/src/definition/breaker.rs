//! The circuit breaker of a step.

use serde::{Deserialize, Serialize};

use super::is_default;
use crate::breaker::Rule;

/// A circuit breaker that a step asks before each attempt, shared by all steps that name the same target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Template of the target: what is called.
    pub target: String,
    /// It opens after so many failures in a row.
    #[serde(default = "failures", skip_serializing_if = "is_failures")]
    pub failures: u32,
    /// It closes after so many successes in a row, once some try again.
    #[serde(default = "successes", skip_serializing_if = "is_successes")]
    pub successes: u32,
    /// How long it is open before one tries, in milliseconds.
    #[serde(default = "open_ms", skip_serializing_if = "is_open_ms")]
    pub open_ms: u64,
    /// What happens to a step that would call while it is open.
    #[serde(default, skip_serializing_if = "is_default")]
    pub while_open: WhileOpen,
}

/// What happens to a step that would call while the breaker is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhileOpen {
    /// It waits.
    #[default]
    Wait,
    /// It fails.
    Fail,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        let Rule { failures, successes, open_ms } = Rule::default();
        let (target, while_open) = (String::new(), WhileOpen::default());
        Self { target, failures, successes, open_ms, while_open }
    }
}

fn failures() -> u32 {
    Rule::FAILURES
}

fn successes() -> u32 {
    Rule::SUCCESSES
}

fn open_ms() -> u64 {
    Rule::OPEN_MS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_failures(failures: &u32) -> bool {
    *failures == Rule::FAILURES
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_successes(successes: &u32) -> bool {
    *successes == Rule::SUCCESSES
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_open_ms(open_ms: &u64) -> bool {
    *open_ms == Rule::OPEN_MS
}
