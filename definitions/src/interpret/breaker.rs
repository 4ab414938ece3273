//! `breaker` of a step or all of them.

use nexus_model::definition::{CircuitBreaker, WhileOpen};

use super::{choice, count, duration_ms, text};
use crate::yaml::Node;

/// What `breaker` of this map says.
pub(super) fn breaker(node: &Node) -> Option<CircuitBreaker> {
    let node = &node.get("breaker")?.value;
    let usual = CircuitBreaker::default();
    Some(CircuitBreaker {
        target: text(node, "target").unwrap_or_default(),
        failures: count(node, "failures").unwrap_or(usual.failures),
        successes: count(node, "successes").unwrap_or(usual.successes),
        open_ms: duration_ms(node, "open_for").unwrap_or(usual.open_ms),
        while_open: choice::<WhileOpen>(node, "while_open"),
    })
}
