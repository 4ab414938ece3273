//! `workflows` and `definitions`: published versions, which definition is meant, and what differs between two.

mod reference;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use nexus_engine::model::aggregate::{Kind, Rejection};
use nexus_engine::model::id::DefinitionHash;
use nexus_engine::model::plan::{Change, Difference, Plan, differences};
use nexus_engine::model::versions::{VersionRejection, Versions};
use nexus_engine::projections::{RunFilter, RunRow, RunWord};
use nexus_engine::shard::Refusal;
use nexus_engine::{PublishRequest, RequestError, StartError};
use serde_json::Value;

use super::{Service, show};
use crate::api::{
    CompareDefinitions, DefinitionRef, DefinitionView, DiffLine, DiffView, Problem, PublishVersion,
    RollBack, VersionActed, VersionRow, WorkflowPage, WorkflowView,
};
use crate::problems;

/// Runs that are read at a time.
const RUNS_PER_PAGE: usize = 1_000;

impl Service {
    /// Makes a definition the current version of its workflow: a new version, or the one it was published as.
    ///
    /// # Errors
    /// A [`Problem`] if the definition cannot be used.
    pub async fn publish(&self, request: PublishVersion) -> Result<VersionActed, Problem> {
        let PublishVersion { definition, callees, folder, note, by } = request;
        let (plan, callees) = self.compiled(definition, callees).await?;
        let workflow = plan.definition().name.clone();
        let before = self.find_versions(&workflow).await?;
        let was_there = before.as_ref().and_then(|it| it.number_of(plan.hash())).is_some();
        let (folder, by) = (folder.map(PathBuf::from), show::actor(by));
        let request = PublishRequest { plan, callees, folder, by, note };
        let answer = self.handle().publish(request).await;
        let action = match answer {
            Ok(_) if was_there => "chosen",
            Ok(_) => "published",
            Err(StartError::Request(RequestError::Refused(Refusal::Aggregate(
                Rejection::Versions(VersionRejection::IsCurrent(_)),
            )))) => "unchanged",
            Err(StartError::Request(error)) => return Err(problems::request(&error, &workflow)),
            Err(error) => return Err(problems::start_problem(&error)),
        };
        self.version_acted(workflow, action, before.as_ref()).await
    }

    /// Makes a version current that was published before. What was published stays, and runs keep what they began with.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such version, or it is current.
    pub async fn roll_back(&self, name: &str, request: RollBack) -> Result<VersionActed, Problem> {
        let Some(before) = self.find_versions(name).await? else {
            return Err(self.no_such_workflow(name).await);
        };
        let number = match request.to {
            Some(number) => number,
            None if before.current > 1 => before.current - 1,
            None => return Err(problems::nothing_before(name)),
        };
        let by = show::actor(request.by);
        let answer = self.handle().choose_version(name, number, by, request.reason).await;
        answer.map_err(|error| problems::request(&error, name))?;
        self.version_acted(name.to_owned(), "chosen", Some(&before)).await
    }

    /// All workflows that are published, by name. Everything recorded before the call is seen.
    ///
    /// # Errors
    /// A [`Problem`] if they cannot be read.
    pub async fn workflows(&self) -> Result<WorkflowPage, Problem> {
        let rows = self
            .blocking(|service| {
                let views = service.views_now()?;
                views.aggregates(Kind::Versions).map_err(|error| problems::views(&error))
            })
            .await?;
        let open = self.open_by_definition().await?;
        let mut workflows = Vec::new();
        for row in rows {
            let Some(versions) = self.find_versions(&row.name).await? else { continue };
            let mut view = workflow_view(row.name, &versions, &open);
            view.versions.retain(|version| version.is_current);
            workflows.push(view);
        }
        Ok(WorkflowPage { kind: "workflows/v1".into(), workflows })
    }

    /// A workflow with all its versions, newest first.
    ///
    /// # Errors
    /// A [`Problem`] if none of this name is published.
    pub async fn workflow(&self, name: &str) -> Result<WorkflowView, Problem> {
        let Some(versions) = self.find_versions(name).await? else {
            return Err(self.no_such_workflow(name).await);
        };
        let open = self.open_by_definition().await?;
        Ok(workflow_view(name.to_owned(), &versions, &open))
    }

    /// A definition by name (the current version), `NAME@3`, or hash.
    ///
    /// # Errors
    /// A [`Problem`] if there is none, or several are meant.
    pub async fn definition(&self, reference: &str) -> Result<DefinitionView, Problem> {
        let found = self.find_definition(reference).await?;
        let json = found.plan.definition().to_canonical_json();
        Ok(DefinitionView {
            kind: "definition/v1".into(),
            workflow: found.plan.definition().name.clone(),
            version: found.number,
            hash: found.plan.hash().to_string(),
            folder: Some(found.folder).filter(|folder| !folder.is_empty()),
            definition: serde_json::from_slice(&json)
                .map_err(|error| problems::bug(&error.to_string()))?,
        })
    }

    /// What differs between two definitions, by meaning.
    ///
    /// # Errors
    /// A [`Problem`] if one of them is not there or cannot be used.
    pub async fn compare(&self, request: CompareDefinitions) -> Result<DiffView, Problem> {
        let (from, to) = (self.plan_of(request.from).await?, self.plan_of(request.to).await?);
        Ok(diff(&from, &to))
    }

    /// The number under which a definition is published.
    pub(super) async fn published_as(
        &self,
        workflow: &str,
        definition: DefinitionHash,
    ) -> Result<Option<u32>, Problem> {
        let versions = self.find_versions(workflow).await?;
        Ok(versions.and_then(|versions| versions.number_of(definition)))
    }

    async fn plan_of(&self, which: DefinitionRef) -> Result<Arc<Plan>, Problem> {
        match which {
            DefinitionRef { reference: Some(reference), definition: Value::Null, .. } => {
                Ok(self.find_definition(&reference).await?.plan)
            }
            DefinitionRef { reference: None, definition, callees } => {
                Ok(self.compiled(definition, callees).await?.0)
            }
            DefinitionRef { .. } => {
                Err(problems::bad_request("say `reference` or `definition`: one of them"))
            }
        }
    }

    async fn find_versions(&self, workflow: &str) -> Result<Option<Versions>, Problem> {
        self.handle().versions(workflow).await.map_err(|error| problems::load(&error))
    }

    async fn version_acted(
        &self,
        workflow: String,
        action: &str,
        before: Option<&Versions>,
    ) -> Result<VersionActed, Problem> {
        let versions = self.find_versions(&workflow).await?.unwrap_or_default();
        let definition = versions.get(versions.current).map(|version| version.definition);
        let warnings = self.silent_triggers(&workflow).await?;
        Ok(VersionActed {
            kind: "version-acted/v1".into(),
            workflow,
            action: action.into(),
            version: versions.current,
            before: before.map(|before| before.current),
            definition: definition.unwrap_or_default().to_string(),
            warnings,
        })
    }

    /// How many runs have not ended, by definition.
    async fn open_by_definition(&self) -> Result<BTreeMap<DefinitionHash, u64>, Problem> {
        let mut counts = BTreeMap::new();
        for row in self.open_runs(None).await? {
            *counts.entry(row.definition).or_default() += 1;
        }
        Ok(counts)
    }

    /// The runs that have not ended, newest first: of a workflow, or all.
    pub(super) async fn open_runs(&self, workflow: Option<String>) -> Result<Vec<RunRow>, Problem> {
        let statuses = RunWord::ALL.into_iter().filter(|status| !status.is_terminal()).collect();
        let mut filter =
            RunFilter { workflow, statuses, limit: RUNS_PER_PAGE, ..RunFilter::default() };
        self.blocking(move |service| {
            let views = service.views_now()?;
            let mut rows = Vec::new();
            loop {
                let page = views.runs(&filter).map_err(|error| problems::views(&error))?;
                rows.extend(page.rows);
                filter.after_cursor = page.next;
                if filter.after_cursor.is_none() {
                    return Ok(rows);
                }
            }
        })
        .await
    }
}

/// What differs between two definitions, by meaning.
pub fn diff(from: &Plan, to: &Plan) -> DiffView {
    DiffView {
        kind: "diff/v1".into(),
        from: from.hash().to_string(),
        to: to.hash().to_string(),
        differences: differences(from, to).into_iter().map(difference).collect(),
    }
}

fn workflow_view(
    workflow: String,
    versions: &Versions,
    open: &BTreeMap<DefinitionHash, u64>,
) -> WorkflowView {
    let mut rows: Vec<VersionRow> = versions
        .iter()
        .map(|(number, version)| VersionRow {
            version: number,
            is_current: number == versions.current,
            definition: version.definition.to_string(),
            published_at: show::time(version.at),
            by: show::by(&version.by),
            note: version.note.clone(),
            open_runs: open.get(&version.definition).copied().unwrap_or(0),
        })
        .collect();
    rows.reverse();
    WorkflowView { kind: "workflow/v1".into(), workflow, current: versions.current, versions: rows }
}

/// A difference as it is sent.
pub(super) fn difference(difference: Difference) -> DiffLine {
    let view = |of: &str, what: &str, name: String| DiffLine {
        of: of.into(),
        what: what.into(),
        name,
        ..DiffLine::default()
    };
    let changed = |of: &str, name: String, change: Change| DiffLine {
        key: Some(change.key),
        before: change.from.unwrap_or_default(),
        after: change.to.unwrap_or_default(),
        ..view(of, "changed", name)
    };
    let edge = |from: &str, to: &str| format!("{from} → {to}");
    match difference {
        Difference::StepAdded(id) => view("step", "added", id),
        Difference::StepRemoved(id) => view("step", "removed", id),
        Difference::StepChanged(id, change) => changed("step", id, change),
        Difference::EdgeAdded(from, to) => view("edge", "added", edge(&from, &to)),
        Difference::EdgeRemoved(from, to) => view("edge", "removed", edge(&from, &to)),
        Difference::InputAdded(name) => view("input", "added", name),
        Difference::InputRemoved(name) => view("input", "removed", name),
        Difference::InputChanged(name, change) => changed("input", name, change),
        Difference::SettingChanged(change) => changed("workflow", String::new(), change),
        Difference::OrderChanged => view("order", "changed", String::new()),
    }
}
