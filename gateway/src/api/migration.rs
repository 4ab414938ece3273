//! Migrations: open runs of a workflow go on with another version.

use serde::{Deserialize, Serialize};

use super::By;

/// A request to have the open runs of a workflow go on with a version of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrateRuns {
    /// The number of the version; `null`: the current one.
    #[serde(default)]
    pub to: Option<u32>,
    /// Only say what would happen to which run.
    #[serde(default)]
    pub dry_run: bool,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Who asks.
    pub by: By,
}

/// What became of the open runs of a workflow, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationView {
    /// `migration/v1`.
    pub kind: String,
    /// The workflow.
    pub workflow: String,
    /// The number of the version to go on with.
    pub to: u32,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Runs of which everything that was begun is the same in both.
    pub safe: u64,
    /// Runs that did something which the version says otherwise; what they did is kept.
    pub mappable: u64,
    /// Runs that cannot go on with it. They keep what they have.
    pub blocked: u64,
    /// Runs that have it already.
    pub there: u64,
    /// The runs that do not have it, newest first.
    pub runs: Vec<MigratedRun>,
}

/// What became of a run, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigratedRun {
    /// Its name.
    pub id: String,
    /// `safe`, `mappable`, `blocked`.
    pub verdict: String,
    /// What is kept although the version says otherwise, or what is against it.
    pub reasons: Vec<String>,
    /// Whether it has the version now.
    pub migrated: bool,
}
