//! Two columns: a task, a tab, and the tasks it depends on with commas between them. Lines with `#` are comments.

use super::error::ImportError;
use super::graph::Graph;

/// Reads the lines.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let mut graph = Graph::default();
    let mut offset = 0;
    for whole in text.split_inclusive('\n') {
        let at = offset;
        offset += whole.len();
        let line = whole.trim_end_matches(['\n', '\r']);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (task, sources) = line.split_once('\t').unwrap_or((line, ""));
        if task.is_empty() {
            return Err(ImportError::damaged_at(text, at, "the first column is empty"));
        }
        if sources.contains('\t') {
            return Err(ImportError::damaged_at(
                text,
                at,
                "a line has two columns, this one has more",
            ));
        }
        graph.task(task);
        for source in sources.split(',').filter(|source| !source.is_empty()) {
            graph.edge(source, task, Some(at));
        }
    }
    Ok(graph)
}
