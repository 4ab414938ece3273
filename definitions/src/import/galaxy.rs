//! Galaxy workflows: numbered steps that name where their inputs come from.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::ImportError;
use super::graph::{Graph, Task};
use super::serial::{self, Label, OneOrMany, Ordered};

#[derive(Deserialize)]
struct Workflow {
    name: Option<String>,
    steps: Ordered<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: Option<Label>,
    label: Option<String>,
    name: Option<String>,
    #[serde(default)]
    input_connections: Option<Ordered<OneOrMany<Connection>>>,
    subworkflow: Option<IgnoredAny>,
    when: Option<String>,
}

#[derive(Deserialize)]
struct Connection {
    id: Label,
}

/// Reads a workflow.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let Workflow { name, steps } = serial::document(text)?;
    let mut graph = Graph { name, ..Graph::default() };
    let nested = steps.0.iter().filter(|(_, entry)| entry.subworkflow.is_some()).count();
    let conditions = steps.0.iter().filter(|(_, entry)| entry.when.is_some()).count();
    for (key, entry) in steps.0 {
        let id = entry.id.map_or(key, |Label(id)| id);
        for (_, sources) in entry.input_connections.unwrap_or_default().0 {
            for Connection { id: Label(source) } in sources.0 {
                graph.edge(source, id.clone(), None);
            }
        }
        let name = entry.label.filter(|label| !label.is_empty()).or(entry.name);
        graph.tasks.push(Task { id, name, runtime_s: None });
    }
    graph.warn(nested, "nested workflows that are one step each");
    graph.warn(conditions, "conditions of steps that are not kept");
    Ok(graph)
}
