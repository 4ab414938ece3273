//! Limits: `concurrency` of a run, a step or all of them.

use nexus_model::definition::{Concurrency, ConcurrencyRate, ConcurrencyScope};

use super::{choice, count, duration_ms, template, text};
use crate::yaml::Node;

/// What `concurrency` of this map says.
pub(super) fn concurrency(node: &Node) -> Option<Concurrency> {
    let node = &node.get("concurrency")?.value;
    // A number is how many items of a `for_each` are under way.
    if matches!(node, Node::Number(_)) {
        return None;
    }
    Some(Concurrency {
        key: text(node, "key"),
        scope: choice::<ConcurrencyScope>(node, "scope"),
        limit: count(node, "limit"),
        rate: node.get("rate").map(|rate| ConcurrencyRate {
            limit: count(&rate.value, "limit").unwrap_or_default(),
            per_ms: duration_ms(&rate.value, "per").unwrap_or_default(),
        }),
        fairness_key: text(node, "fairness_key"),
        priority: template(node, "priority"),
    })
}
