//! Graphs drawn with lines, from left to right.
//!
//! Steps stand in columns by level. An edge that other edges imply is not drawn. Lines of different edges cross, but are
//! never laid over each other: where a line branches or joins, everything on its left leads to everything on its right.

mod channel;
mod layout;

use nexus_gateway::api::GraphView;

use super::Indexed;
use channel::Channel;
use layout::{Column, Item, Layout};

/// Most steps that are drawn.
const STEPS_MAX: usize = 40;
/// Most lines of a drawing.
const LINES_MAX: usize = 40;
/// Most characters of a line.
const CHARS_MAX: usize = 118;

/// Draws a graph; `None` if it is too large or too tangled to be read.
pub(super) fn draw(graph: &GraphView) -> Option<String> {
    let graph = Indexed::of(graph);
    if graph.labels.len() > STEPS_MAX {
        return None;
    }
    let layout = Layout::of(&graph);
    let mut lines = vec![String::new(); layout.lines()];
    if lines.len() > LINES_MAX {
        return None;
    }
    for (at, column) in layout.columns.iter().enumerate() {
        write_column(&mut lines, column, &graph.labels);
        if let (Some(next), Some(links)) = (layout.columns.get(at + 1), layout.links.get(at)) {
            let channel = Channel::route(column, next, links)?;
            for (row, line) in lines.iter_mut().enumerate() {
                line.push_str(&channel.row(row));
            }
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| line.trim_end().to_owned()).collect();
    let fits = lines.iter().all(|line| line.chars().count() <= CHARS_MAX);
    fits.then(|| lines.join("\n"))
}

/// Adds a column of steps, each followed by a line to its successors if it has any; lines that pass go on.
fn write_column(lines: &mut [String], column: &Column, labels: &[String]) {
    let chars = |item: &Item| item.step.map_or(0, |step| labels[step].chars().count());
    let width = column.items.iter().map(chars).max().unwrap_or_default();
    for (row, line) in lines.iter_mut().enumerate() {
        let item = column.items.iter().find(|item| item.row == row);
        let (text, fill) = match item {
            Some(Item { step: Some(step), leads_on, .. }) => {
                (format!("{} ", labels[*step]), if *leads_on { '─' } else { ' ' })
            }
            Some(Item { step: None, .. }) => (String::new(), '─'),
            None => (String::new(), ' '),
        };
        // A column that lines only pass has no width.
        let width = if width == 0 { 0 } else { width + 1 };
        line.push_str(&text);
        line.extend(std::iter::repeat_n(fill, width - text.chars().count()));
    }
}

#[cfg(test)]
mod tests {
    use nexus_gateway::api::{GraphEdge, GraphNode};

    use super::*;

    /// Draws `a b; b c d` as edges a→b, b→c, b→d.
    fn drawn(edges: &str) -> String {
        let mut graph = GraphView {
            kind: String::new(),
            id: None,
            workflow: String::new(),
            nodes: Vec::new(),
            edges: Vec::new(),
            has_earlier_steps: false,
        };
        for line in edges.split(';') {
            let ids: Vec<&str> = line.split_whitespace().collect();
            for id in &ids {
                if graph.nodes.iter().all(|node| node.id != *id) {
                    let id = (*id).to_owned();
                    graph.nodes.push(GraphNode {
                        child: None,
                        id,
                        kind: String::new(),
                        uses: None,
                        condition: None,
                        status: None,
                        undo: None,
                    });
                }
            }
            for id in ids.iter().skip(1) {
                graph.edges.push(GraphEdge { from: ids[0].to_owned(), to: (*id).to_owned() });
            }
        }
        draw(&graph).unwrap_or_else(|| "not drawn".to_owned())
    }

    fn check(edges: &str, expected: &str) {
        let expected: Vec<&str> =
            expected.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let indent = expected
            .iter()
            .map(|line| line.len() - line.trim_start().len())
            .min()
            .unwrap_or_default();
        let expected: Vec<&str> = expected.iter().map(|line| &line[indent..]).collect();
        let drawn = drawn(edges);
        assert_eq!(drawn, expected.join("\n"), "{edges} is drawn as\n{drawn}\n");
    }

    #[test]
    fn a_chain_is_one_line() {
        check("validate reserve; reserve charge", "validate ─▶ reserve ─▶ charge");
        check("alone", "alone");
    }

    #[test]
    fn an_implied_edge_is_left_out() {
        check("a b c; b c", "a ─▶ b ─▶ c");
    }

    #[test]
    fn a_fork_joins_again() {
        check(
            "start one two three; one end; two end; three end",
            "
            start ─┬─▶ one ───┬─▶ end
                   ├─▶ two ───┤
                   └─▶ three ─┘
            ",
        );
    }

    #[test]
    fn a_long_edge_passes_beside_the_steps() {
        check(
            "a b d; b c; c e; d e",
            "
            a ─┬─▶ b ─▶ c ─┬─▶ e
               └─▶ d ──────┘
            ",
        );
    }

    #[test]
    fn edges_that_overlap_get_lines_of_their_own() {
        check(
            "a x y; b y z",
            "
            a ───┬────▶ x
            b ─┐ └──┬─▶ y
               ├────┘
               └──────▶ z
            ",
        );
    }
}
