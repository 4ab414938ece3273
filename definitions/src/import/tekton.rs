//! Tekton pipelines: tasks, ordered by `runAfter` and by the results they use of each other.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::ImportError;
use super::graph::{Graph, Task};
use super::serial;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    kind: Option<String>,
    metadata: Option<Metadata>,
    spec: Option<Spec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    generate_name: Option<String>,
}

#[derive(Deserialize)]
struct Spec {
    tasks: Option<Vec<PipelineTask>>,
    finally: Option<Vec<IgnoredAny>>,
    #[serde(rename = "pipelineSpec")]
    inline: Option<Box<Self>>,
}

/// Reads the last pipeline of the file.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let documents: Vec<Option<Document>> = serial::documents(text)?;
    let mut pipelines: Vec<(Option<String>, Spec)> =
        documents.into_iter().flatten().filter_map(pipeline).collect();
    let others = pipelines.len().saturating_sub(1);
    let (name, spec) = pipelines
        .pop()
        .ok_or_else(|| ImportError::damaged("no document is a pipeline with tasks"))?;
    let mut graph = Graph { name, ..Graph::default() };
    let tasks = spec.tasks.unwrap_or_default();
    let conditions = tasks.iter().filter(|task| task.conditional).count();
    for PipelineTask { name, after, .. } in tasks {
        for source in after {
            graph.edge(source, name.clone(), None);
        }
        graph.tasks.push(Task { id: name, ..Task::default() });
    }
    graph.warn(others, "pipelines before the last that are not imported");
    graph.warn(
        spec.finally.unwrap_or_default().len(),
        "tasks under `finally` that are not imported",
    );
    graph.warn(conditions, "conditions of tasks that are not kept");
    Ok(graph)
}

/// The pipeline in a document, if it has one with tasks.
fn pipeline(document: Document) -> Option<(Option<String>, Spec)> {
    let name = document.metadata.and_then(|metadata| metadata.name.or(metadata.generate_name));
    let spec = match document.kind.as_deref() {
        Some("Pipeline") => document.spec,
        Some("PipelineRun") => document.spec.and_then(|spec| spec.inline).map(|spec| *spec),
        _ => None,
    };
    let spec = spec.filter(|spec| spec.tasks.as_ref().is_some_and(|tasks| !tasks.is_empty()))?;
    Some((name, spec))
}

/// A task of a pipeline and what it comes after.
struct PipelineTask {
    name: String,
    after: Vec<String>,
    conditional: bool,
}

impl<'de> Deserialize<'de> for PipelineTask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PipelineTaskVisitor)
    }
}

struct PipelineTaskVisitor;

impl<'de> Visitor<'de> for PipelineTaskVisitor {
    type Value = PipelineTask;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task of a pipeline")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PipelineTask, A::Error> {
        let (mut name, mut after, mut conditional) = (None, Vec::new(), false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => name = Some(map.next_value()?),
                "runAfter" => {
                    after.extend(map.next_value::<Option<Vec<String>>>()?.unwrap_or_default());
                }
                "taskSpec" => drop(map.next_value::<IgnoredAny>()?),
                other => {
                    conditional |= other == "when";
                    after.extend(map.next_value::<Results>()?.0);
                }
            }
        }
        let name = name.ok_or_else(|| A::Error::missing_field("name"))?;
        Ok(PipelineTask { name, after, conditional })
    }
}

/// The tasks whose results are named anywhere in a value.
#[derive(Default)]
struct Results(Vec<String>);

impl Results {
    fn note(&mut self, text: &str) {
        for after in text.split("$(tasks.").skip(1) {
            if let Some((task, rest)) = after.split_once('.')
                && !task.is_empty()
                && rest.starts_with("results")
            {
                self.0.push(task.to_owned());
            }
        }
    }
}

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ResultsVisitor)
    }
}

struct ResultsVisitor;

impl<'de> Visitor<'de> for ResultsVisitor {
    type Value = Results;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Results, E> {
        let mut results = Results::default();
        results.note(text);
        Ok(results)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Results, E> {
        Ok(Results::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Results, E> {
        Ok(Results::default())
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Results, E> {
        Ok(Results::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Results, E> {
        Ok(Results::default())
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Results, E> {
        Ok(Results::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Results, E> {
        Ok(Results::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Results, E> {
        Ok(Results::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Results, A::Error> {
        let mut results = Results::default();
        while let Some(Results(more)) = list.next_element()? {
            results.0.extend(more);
        }
        Ok(results)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Results, A::Error> {
        let mut results = Results::default();
        while let Some(key) = map.next_key::<String>()? {
            results.note(&key);
            let Results(more) = map.next_value()?;
            results.0.extend(more);
        }
        Ok(results)
    }
}
