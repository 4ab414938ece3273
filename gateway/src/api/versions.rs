//! Published versions of workflows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::By;

/// A request to make a definition the current version of its workflow.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishVersion {
    /// The definition: its canonical JSON.
    pub definition: Value,
    /// The definitions it calls, directly or not, as far as the store does not have them.
    #[serde(default)]
    pub callees: Vec<Value>,
    /// Where scripts of its runs work.
    #[serde(default)]
    pub folder: Option<String>,
    /// What is said about it.
    #[serde(default)]
    pub note: String,
    /// Who asks.
    pub by: By,
}

/// A request to make a version current that was published before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollBack {
    /// Its number; `null`: the one before the current one.
    #[serde(default)]
    pub to: Option<u32>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Who asks.
    pub by: By,
}

/// What was done to the versions of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionActed {
    /// `version-acted/v1`.
    pub kind: String,
    /// The workflow.
    pub workflow: String,
    /// `published`, `chosen`, `unchanged`.
    pub action: String,
    /// The number of the current version.
    pub version: u32,
    /// The number of the one that was current before; `null`: none was.
    pub before: Option<u32>,
    /// Hash of the current definition, hex.
    pub definition: String,
    /// What there is to look at, such as triggers that start nothing now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Workflows that are published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowPage {
    /// `workflows/v1`.
    pub kind: String,
    /// The workflows, by name.
    pub workflows: Vec<WorkflowView>,
}

/// A workflow that is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowView {
    /// `workflow/v1`.
    pub kind: String,
    /// Its name.
    pub workflow: String,
    /// The number of the current version.
    pub current: u32,
    /// The versions, newest first; in a list of workflows, the current one.
    pub versions: Vec<VersionRow>,
}

/// A published version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRow {
    /// Its number.
    pub version: u32,
    /// Whether it is current.
    pub is_current: bool,
    /// Hash of the definition, hex.
    pub definition: String,
    /// When it was published.
    pub published_at: String,
    /// Who published it.
    pub by: By,
    /// What was said about it.
    pub note: String,
    /// How many runs of it have not ended.
    pub open_runs: u64,
}

/// A definition that is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DefinitionView {
    /// `definition/v1`.
    pub kind: String,
    /// The workflow.
    pub workflow: String,
    /// The number under which it is published; `null`: it is not.
    pub version: Option<u32>,
    /// Its hash, hex.
    pub hash: String,
    /// Where scripts of its runs work.
    pub folder: Option<String>,
    /// The definition: its canonical JSON.
    pub definition: Value,
}

/// A request to compare two definitions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareDefinitions {
    /// The old one.
    pub from: DefinitionRef,
    /// The new one.
    pub to: DefinitionRef,
}

/// Which definition is meant: one of both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefinitionRef {
    /// `NAME` (the current version), `NAME@3`, or the hash of a definition that is stored, or its first eight digits or more.
    #[serde(default)]
    pub reference: Option<String>,
    /// The definition: its canonical JSON. What it calls by name is what is published now.
    #[serde(default)]
    pub definition: Value,
    /// The definitions it calls, directly or not, as far as the store does not have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callees: Vec<Value>,
}

/// What differs between two definitions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DiffView {
    /// `diff/v1`.
    pub kind: String,
    /// The hash of the old one, hex.
    pub from: String,
    /// The hash of the new one, hex.
    pub to: String,
    /// The differences; none: they mean the same.
    pub differences: Vec<DiffLine>,
}

/// A difference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DiffLine {
    /// `step`, `edge`, `input`, `workflow`, `order`.
    pub of: String,
    /// `added`, `removed`, `changed`.
    pub what: String,
    /// The step or input; of an edge, `a → b`: b comes after a.
    pub name: String,
    /// What is another one, if a setting is.
    pub key: Option<String>,
    /// What it was.
    pub before: Value,
    /// What it is.
    pub after: Value,
}
