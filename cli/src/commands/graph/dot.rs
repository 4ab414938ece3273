//! Graphs for Graphviz.

use std::fmt::Write as _;

use nexus_gateway::api::{GraphNode, GraphView};

/// Draws a directed graph from left to right.
pub(super) fn draw(graph: &GraphView) -> String {
    let mut text = format!(
        "digraph {} {{\n  rankdir=LR\n  node [shape=box, style=\"rounded,filled\", fillcolor=white]",
        quoted(&graph.workflow)
    );
    for node in &graph.nodes {
        let _ = write!(text, "\n  {}{}", quoted(&node.id), look(node));
    }
    for edge in &graph.edges {
        let _ = write!(text, "\n  {} -> {}", quoted(&edge.from), quoted(&edge.to));
    }
    text + "\n}"
}

/// A step with a condition is a hexagon, a sleep an ellipse; colours say where a run stands.
fn look(node: &GraphNode) -> String {
    let mut look = Vec::new();
    match (&node.condition, node.kind.as_str()) {
        (Some(_), _) => look.push(format!(
            "label={}, shape=hexagon, style=filled",
            quoted(&format!("{}?", node.id))
        )),
        (None, "sleep") => look.push("shape=ellipse, style=filled".to_owned()),
        (None, _) => {}
    }
    look.extend(node.status.as_deref().map(|status| format!("fillcolor={}", color(status))));
    if look.is_empty() { String::new() } else { format!(" [{}]", look.join(", ")) }
}

fn color(status: &str) -> &'static str {
    match status {
        "completed" => "palegreen",
        "failed" | "failing" => "lightpink",
        "running" | "retrying" => "lightblue",
        "waiting" | "sleeping" | "paused" => "lightgoldenrod",
        _ => "gray90",
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
