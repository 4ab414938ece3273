//! HyperDAG text: counts, then hyperedges, nodes and pins, one per line.
//!
//! The first pin of a hyperedge is the node whose result the other pins use. Weights are counts of operations or bytes,
//! not times, and are not kept.

use super::error::ImportError;
use super::graph::Graph;

/// Reads a HyperDAG.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let mut lines = Lines::of(text);
    let counts = lines.numbers(3, "the counts of hyperedges, nodes and pins")?;
    let (hyperedges, nodes, pins) = (counts.values[0], counts.values[1], counts.values[2]);
    let mut graph = Graph::default();
    let mut weights = 0;
    for _ in 0..hyperedges {
        let line = lines.numbers(1, "a hyperedge")?;
        lines.check(&line, line.values[0], hyperedges, "hyperedge")?;
    }
    for _ in 0..nodes {
        let line = lines.numbers(1, "a node")?;
        lines.check(&line, line.values[0], nodes, "node")?;
        weights += usize::from(line.values.get(1).is_some_and(|weight| *weight != 1));
        graph.task(line.values[0].to_string());
    }
    let mut sources = std::collections::HashMap::new();
    for _ in 0..pins {
        let line = lines.numbers(2, "a pin")?;
        let (hyperedge, node) = (line.values[0], line.values[1]);
        lines.check(&line, hyperedge, hyperedges, "hyperedge")?;
        lines.check(&line, node, nodes, "node")?;
        if let Some(source) = sources.get(&hyperedge) {
            graph.edge(u64::to_string(source), node.to_string(), Some(line.offset));
        } else {
            sources.insert(hyperedge, node);
        }
    }
    lines.expect_end()?;
    graph.warn(weights, "weights of nodes that are not kept, for they are no times");
    Ok(graph)
}

/// The numbers of a line, and where it begins.
struct Numbers {
    values: Vec<u64>,
    offset: usize,
}

/// Lines with something on them, without comments.
struct Lines<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, offset: 0 }
    }

    fn next(&mut self) -> Option<(usize, &'t str)> {
        while self.offset < self.text.len() {
            let offset = self.offset;
            let rest = &self.text[offset..];
            let line = rest.split_inclusive('\n').next().unwrap_or_default();
            self.offset += line.len();
            let content = line.split('%').next().unwrap_or_default().trim();
            if !content.is_empty() {
                return Some((offset, content));
            }
        }
        None
    }

    fn numbers(&mut self, least: usize, what: &str) -> Result<Numbers, ImportError> {
        let (offset, line) = self.next().ok_or_else(|| {
            ImportError::damaged_at(
                self.text,
                self.text.len(),
                format!("the file ends before {what}"),
            )
        })?;
        let values: Vec<u64> =
            line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        if values.len() < least {
            return Err(ImportError::damaged_at(
                self.text,
                offset,
                format!("{what} needs {least} numbers here"),
            ));
        }
        Ok(Numbers { values, offset })
    }

    fn check(
        &self,
        line: &Numbers,
        number: u64,
        count: u64,
        what: &str,
    ) -> Result<(), ImportError> {
        if number < count {
            return Ok(());
        }
        let reason = format!("there is no {what} {number}: the file has {count}, counted from 0");
        Err(ImportError::damaged_at(self.text, line.offset, reason))
    }

    fn expect_end(&mut self) -> Result<(), ImportError> {
        let Some((offset, _)) = self.next() else { return Ok(()) };
        Err(ImportError::damaged_at(self.text, offset, "the file goes on after its last pin"))
    }
}
