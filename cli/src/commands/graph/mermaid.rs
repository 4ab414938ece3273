//! Graphs as Mermaid.

use std::collections::HashMap;
use std::fmt::Write as _;

use nexus_gateway::api::{GraphNode, GraphView};

/// How each status looks.
const CLASSES: [(&str, &str); 5] = [
    ("completed", "fill:#d5f5d5,stroke:#2e7d32,color:#111"),
    ("failed", "fill:#fbd5d5,stroke:#c62828,color:#111"),
    ("running", "fill:#d5e8fb,stroke:#1565c0,color:#111"),
    ("waiting", "fill:#fdf3cf,stroke:#b28704,color:#111"),
    ("idle", "fill:#eeeeee,stroke:#888888,color:#111"),
];

/// Draws a flowchart from left to right.
pub(super) fn draw(graph: &GraphView) -> String {
    let mut text = String::from("flowchart LR");
    let at: HashMap<&str, usize> =
        graph.nodes.iter().enumerate().map(|(at, node)| (node.id.as_str(), at)).collect();
    for (at, node) in graph.nodes.iter().enumerate() {
        let _ = write!(text, "\n  n{at}{}", shape(node));
        if let Some(status) = &node.status {
            let _ = write!(text, ":::{}", class(status));
        }
    }
    for edge in &graph.edges {
        if let (Some(from), Some(to)) = (at.get(edge.from.as_str()), at.get(edge.to.as_str())) {
            let _ = write!(text, "\n  n{from} --> n{to}");
        }
    }
    if graph.nodes.iter().any(|node| node.status.is_some()) {
        for (name, look) in CLASSES {
            let _ = write!(text, "\n  classDef {name} {look}");
        }
    }
    text
}

/// A step with a condition is a hexagon, a sleep has round ends, all others are boxes.
fn shape(node: &GraphNode) -> String {
    let id = escaped(&node.id);
    match (&node.condition, node.kind.as_str()) {
        (Some(_), _) => format!("{{{{\"{id}?\"}}}}"),
        (None, "sleep") => format!("([\"{id}\"])"),
        (None, _) => format!("[\"{id}\"]"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

fn class(status: &str) -> &'static str {
    match status {
        "completed" => "completed",
        "failed" | "failing" => "failed",
        "running" | "retrying" => "running",
        "waiting" | "sleeping" | "paused" => "waiting",
        _ => "idle",
    }
}
