//! GitHub Actions workflows: jobs and their `needs`.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::ImportError;
use super::graph::{Graph, Task};
use super::serial::{self, OneOrMany, Ordered};

#[derive(Deserialize)]
struct Workflow {
    name: Option<String>,
    jobs: Ordered<Job>,
}

#[derive(Deserialize)]
struct Job {
    name: Option<String>,
    #[serde(default)]
    needs: OneOrMany<String>,
    #[serde(rename = "if")]
    condition: Option<IgnoredAny>,
    strategy: Option<IgnoredAny>,
}

/// Reads a workflow.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let Workflow { name, jobs } = serial::document(text)?;
    let mut graph = Graph { name, ..Graph::default() };
    let conditions = jobs.0.iter().filter(|(_, job)| job.condition.is_some()).count();
    let matrices = jobs.0.iter().filter(|(_, job)| job.strategy.is_some()).count();
    for (id, Job { name, needs, .. }) in jobs.0 {
        for source in needs.0 {
            graph.edge(source, id.clone(), None);
        }
        graph.tasks.push(Task { id, name, runtime_s: None });
    }
    graph.warn(conditions, "conditions of jobs that are not kept");
    graph.warn(matrices, "jobs with a matrix that are one step each");
    Ok(graph)
}
