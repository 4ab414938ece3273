//! WfCommons instances: recorded runs of scientific workflows.
//!
//! Source: `WfFormat` 1.5 (`workflow.specification`, `workflow.execution`); up to 1.4 tasks and times were together in
//! `workflow.tasks`, and parents were named by name or by id.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::error::ImportError;
use super::graph::{Graph, Task};
use super::serial;

#[derive(Deserialize)]
struct Instance {
    name: Option<String>,
    workflow: Workflow,
}

#[derive(Deserialize)]
struct Workflow {
    specification: Option<Specification>,
    execution: Option<Execution>,
    #[serde(alias = "jobs")]
    tasks: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Specification {
    tasks: Vec<Entry>,
}

#[derive(Deserialize)]
struct Execution {
    #[serde(default)]
    tasks: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    runtime_in_seconds: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    children: Vec<String>,
    #[serde(alias = "runtime")]
    runtime_in_seconds: Option<f64>,
}

/// Reads an instance.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let Instance { name, workflow } = serial::document(text)?;
    let (entries, by_name) = match (workflow.specification, workflow.tasks) {
        (Some(specification), _) => (specification.tasks, false),
        (None, Some(tasks)) => {
            let by_name = refers_by_name(&tasks);
            (tasks, by_name)
        }
        (None, None) => {
            return Err(ImportError::damaged("`workflow` has neither `specification` nor `tasks`"));
        }
    };
    let mut graph = Graph { name, ..Graph::default() };
    for entry in entries {
        add(&mut graph, entry, by_name)?;
    }
    add_records(
        &mut graph,
        workflow.execution.map(|execution| execution.tasks).unwrap_or_default(),
    );
    Ok(graph)
}

/// Whether all parents are known by name: then that is what this older file means.
fn refers_by_name(entries: &[Entry]) -> bool {
    let names: HashSet<&str> = entries.iter().filter_map(|entry| entry.name.as_deref()).collect();
    let mut others = entries.iter().flat_map(|entry| entry.parents.iter().chain(&entry.children));
    others.all(|other| names.contains(other.as_str()))
}

fn add(graph: &mut Graph, entry: Entry, by_name: bool) -> Result<(), ImportError> {
    let Entry { id, name, parents, children, runtime_in_seconds } = entry;
    let (id, name) =
        if by_name { (name.or(id), None) } else { (id.or_else(|| name.clone()), name) };
    let id = id.ok_or_else(|| {
        ImportError::damaged(format!(
            "task number {} has neither id nor name",
            graph.tasks.len() + 1
        ))
    })?;
    for parent in parents {
        graph.edge(parent, id.clone(), None);
    }
    for child in children {
        graph.edge(id.clone(), child, None);
    }
    graph.tasks.push(Task { id, name, runtime_s: runtime_in_seconds });
    Ok(())
}

fn add_records(graph: &mut Graph, records: Vec<Record>) {
    if records.is_empty() {
        return;
    }
    let mut times: HashMap<String, Option<f64>> =
        records.into_iter().map(|record| (record.id, record.runtime_in_seconds)).collect();
    for task in &mut graph.tasks {
        if let Some(runtime_s) = times.remove(&task.id) {
            task.runtime_s = runtime_s;
        }
    }
    graph.warn(times.len(), "records of tasks that are not in the specification");
}
