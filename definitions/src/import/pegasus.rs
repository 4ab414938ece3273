//! Pegasus 5 workflows: `jobs`, and in `jobDependencies` the children of each.

use serde::Deserialize;

use super::error::ImportError;
use super::graph::{Graph, Task};
use super::serial;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Workflow {
    name: Option<String>,
    jobs: Vec<Job>,
    #[serde(default)]
    job_dependencies: Option<Vec<Dependency>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    node_label: Option<String>,
}

#[derive(Deserialize)]
struct Dependency {
    id: String,
    #[serde(default)]
    children: Option<Vec<String>>,
}

/// Reads a workflow.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let Workflow { name, jobs, job_dependencies } = serial::document(text)?;
    let mut graph = Graph { name, ..Graph::default() };
    let nested =
        jobs.iter().filter(|job| job.kind.as_deref().is_some_and(|kind| kind != "job")).count();
    graph.warn(nested, "nested workflows that are one step each");
    graph.tasks = jobs
        .into_iter()
        .map(|job| Task { id: job.id, name: job.node_label.or(job.name), runtime_s: None })
        .collect();
    for Dependency { id, children } in job_dependencies.unwrap_or_default() {
        for child in children.unwrap_or_default() {
            graph.edge(id.clone(), child, None);
        }
    }
    Ok(graph)
}
