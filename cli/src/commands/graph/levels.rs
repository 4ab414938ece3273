//! Graphs too large to draw: a list by level.

use nexus_gateway::api::GraphView;

use super::Indexed;
use crate::text::count;

/// Steps up to which each has a line of its own.
const LINES_MAX: usize = 200;
/// Levels that are shown of a larger graph.
const LEVELS_MAX: usize = 60;
/// Names that are shown of a level or of a step's needs.
const NAMES_MAX: usize = 6;

/// Lists steps by level, each with its needs; of a large graph the levels only.
pub(super) fn list(graph: &GraphView) -> String {
    let graph = Indexed::of(graph);
    let mut levels = vec![Vec::new(); graph.depth()];
    for (step, level) in graph.levels.iter().enumerate() {
        levels[*level].push(step);
    }
    let mut lines = vec![heading(&graph)];
    if graph.labels.len() <= LINES_MAX {
        let width =
            graph.labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
        for (level, steps) in levels.iter().enumerate() {
            lines.extend(steps.iter().enumerate().map(|(at, step)| {
                let level = if at == 0 { (level + 1).to_string() } else { String::new() };
                line(&graph, *step, &level, width)
            }));
        }
    } else {
        lines.extend(levels.iter().take(LEVELS_MAX).enumerate().map(|(level, steps)| {
            format!("{:>5}  {}: {}", level + 1, count(steps.len(), "step"), names(&graph, steps))
        }));
        let more = levels.len().saturating_sub(LEVELS_MAX);
        if more > 0 {
            lines.push(format!("    …  and {}; all with --as json", count(more, "more level")));
        }
    }
    lines.join("\n")
}

fn heading(graph: &Indexed) -> String {
    let edges = graph.needs.iter().map(Vec::len).sum();
    let (steps, levels) = (graph.labels.len(), graph.depth());
    format!("{}, {}, {}", count(steps, "step"), count(edges, "edge"), count(levels, "level"))
}

fn line(graph: &Indexed, step: usize, level: &str, width: usize) -> String {
    let needs = &graph.needs[step];
    if needs.is_empty() {
        return format!("{level:>5}  {}", graph.labels[step]);
    }
    format!("{level:>5}  {:<width$}  needs {}", graph.labels[step], names(graph, needs))
}

fn names(graph: &Indexed, steps: &[usize]) -> String {
    let mut names: Vec<&str> =
        steps.iter().take(NAMES_MAX).map(|step| graph.labels[*step].as_str()).collect();
    let more = steps.len().saturating_sub(NAMES_MAX);
    let rest = format!("… {more} more");
    if more > 0 {
        names.push(&rest);
    }
    names.join(", ")
}
