//! When and how often an attempt is made again.

use serde::{Deserialize, Serialize};

/// How often and when a step is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts in total, at least 1.
    pub max_attempts: u32,
    /// How the delay grows.
    pub backoff: Backoff,
    /// Delay before the second attempt, in milliseconds.
    pub initial_ms: u64,
    /// Growth per attempt (exponential only).
    pub factor: f64,
    /// Longest delay, in milliseconds.
    pub max_ms: u64,
    /// Whether the delay is spread between half and whole, by a hash of (run, step, attempt).
    pub jitter: bool,
    /// Failure codes to try again; empty: every failure that is not fatal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry_on: Vec<String>,
    /// Failure codes that end the attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub give_up_on: Vec<String>,
}

/// How the delay between attempts grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// `initial * factor^(n-1)`.
    #[default]
    Exponential,
    /// `initial * n`.
    Linear,
    /// Always `initial`.
    Constant,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            backoff: Backoff::Exponential,
            initial_ms: 1_000,
            factor: 2.0,
            max_ms: 60_000,
            jitter: true,
            retry_on: Vec::new(),
            give_up_on: Vec::new(),
        }
    }
}
