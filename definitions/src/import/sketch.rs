//! What a format that says more than a graph is read into.

use std::collections::BTreeMap;

use nexus_model::definition::{Definition, InputKind, InputSpec, Step, Trigger};
use nexus_model::plan::Plan;
use serde_saphyr::Location;

use super::error::ImportError;
use super::facts::Facts;
use super::finding::{Findings, code};
use super::foreign::is_word;
use super::format::Format;
use super::graph::{Graph, Ids, Task, clean, workflow_name};
use super::{Imported, Renamed};

/// A definition in the making.
#[derive(Debug)]
pub(super) struct Sketch {
    /// The title in the file.
    pub(super) title: Option<String>,
    /// What the file says about itself.
    pub(super) about: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) inputs: BTreeMap<String, InputSpec>,
    pub(super) triggers: Vec<Trigger>,
    pub(super) steps: Vec<Step>,
    pub(super) ids: Ids,
    pub(super) renamed: Vec<Renamed>,
    pub(super) findings: Findings,
}

impl Sketch {
    pub(super) fn of(findings: Findings) -> Self {
        Self {
            title: None,
            about: None,
            labels: BTreeMap::new(),
            inputs: BTreeMap::new(),
            triggers: Vec::new(),
            steps: Vec::new(),
            ids: Ids::default(),
            renamed: Vec::new(),
            findings,
        }
    }

    /// Declares an input that may be left out, and says how expressions call it.
    pub(super) fn input(&mut self, name: &str, kind: InputKind) -> String {
        let spec = InputSpec { kind, required: Some(false), ..InputSpec::default() };
        let known = self.inputs.entry(name.to_owned()).or_insert(spec);
        if known.kind != kind && known.default.is_none() {
            known.kind = InputKind::Any;
        }
        format!("inputs.{name}")
    }

    /// Declares the input that stands for a condition of `step` which was not translated.
    pub(super) fn decision(&mut self, step: &str, at: &Location, reason: &str) -> String {
        let word: String = step
            .chars()
            .map(|next| if is_word(&format!("a{next}")) { next } else { '_' })
            .collect();
        let name = format!("when_{word}");
        let message = format!(
            "the condition of {step} was not translated ({reason}); the input {name} stands for it"
        );
        self.findings.add(code::NOT_TRANSLATED, at, &message);
        let spec = InputSpec {
            kind: InputKind::Boolean,
            description: Some(format!("Whether the condition of {} holds", clean(step))),
            ..InputSpec::default()
        };
        self.inputs.insert(name.clone(), spec);
        format!("inputs.{name}")
    }

    /// Checks all of it as the workflow that it is.
    pub(super) fn into_imported(
        self,
        file: &str,
        text: &str,
        format: Format,
    ) -> Result<Imported, ImportError> {
        if self.steps.is_empty() {
            return Err(ImportError::Empty { format });
        }
        let mut graph = Graph { name: self.title, ..Graph::default() };
        for step in &self.steps {
            graph.tasks.push(Task { id: step.id.clone(), ..Task::default() });
            for need in &step.needs {
                graph.edge(need.clone(), step.id.clone(), None);
            }
        }
        let facts = Facts::of(&graph, &graph.links(text)?)?;
        let title = facts.name.as_ref().map(|name| format!(": {name}")).unwrap_or_default();
        let about = self.about.as_deref().map(|about| format!(". {}", clean(about)));
        let description = format!("Imported from {format}{title}{}", about.unwrap_or_default());
        let definition = Definition {
            name: workflow_name(file),
            description: Some(description),
            labels: self.labels,
            inputs: self.inputs,
            triggers: self.triggers,
            steps: self.steps,
            ..Definition::default()
        };
        if let Err(errors) = Plan::compile(definition.clone()) {
            let reason = errors.first().map_or("it makes no workflow", |error| &error.message);
            return Err(ImportError::damaged(reason).in_format(format));
        }
        let findings = self.findings.into_sorted();
        let (renamed, warnings) = (self.renamed, Vec::new());
        Ok(Imported { definition, format, facts, renamed, warnings, findings })
    }
}
