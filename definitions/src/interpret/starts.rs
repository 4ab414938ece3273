//! What decides whether and when a run is started.

use nexus_model::definition::{Debounce, Dedupe};

use super::{duration_ms, text};
use crate::yaml::Node;

/// What `dedupe` of `run` says.
pub(super) fn dedupe(run: &Node) -> Option<Dedupe> {
    let node = &run.get("dedupe")?.value;
    let within_ms = duration_ms(node, "within").unwrap_or_default();
    Some(Dedupe { key: text(node, "key").unwrap_or_default(), within_ms })
}

/// What `debounce` of `run` says.
pub(super) fn debounce(run: &Node) -> Option<Debounce> {
    let node = &run.get("debounce")?.value;
    Some(Debounce {
        key: text(node, "key"),
        wait_ms: duration_ms(node, "wait").unwrap_or_default(),
        at_most_ms: duration_ms(node, "at_most"),
    })
}
