//! What a workflow needs beside its own file before it can run.

use std::collections::BTreeSet;
use std::path::Path;

use nexus_engine::model::definition::{Definition, StepKind, is_file};
use nexus_engine::model::workers::worker_handler;

/// The handlers that workers have to offer for this workflow.
pub(crate) fn workers(definition: &Definition) -> BTreeSet<String> {
    let kinds = definition.steps.iter().flat_map(|step| {
        let undo = step.compensate.as_ref().map(|undo| &undo.kind);
        [Some(&step.kind), undo].into_iter().flatten()
    });
    let handlers = kinds.filter_map(|kind| {
        let StepKind::Action { uses, .. } = kind else { return None };
        worker_handler(uses)
    });
    handlers.map(str::to_owned).collect()
}

/// The workflows that have to be published because it calls them by name: `fraud-check`, `fraud-check@2`.
pub(crate) fn published(definition: &Definition) -> BTreeSet<String> {
    let named = called(definition).filter(|(workflow, _)| !is_file(workflow));
    named
        .map(|(workflow, version)| match version {
            Some(version) => format!("{workflow}@{version}"),
            None => workflow.to_owned(),
        })
        .collect()
}

/// What is to be done, in a line for each, before the workflow in `file` can run: files that are not there, and workflows that
/// have to be published.
pub(crate) fn before_it_runs(definition: &Definition, file: &Path) -> Vec<String> {
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    let files: BTreeSet<&str> =
        called(definition).map(|(workflow, _)| workflow).filter(|called| is_file(called)).collect();
    let missing = files.into_iter().filter(|called| !folder.join(called).is_file());
    let missing = missing.map(|called| format!("needs {called}: import or write it"));
    let published = published(definition).into_iter().map(|name| {
        let beside = name.split('@').next().map(|name| format!("{name}.workflow.yaml"));
        let beside = beside.unwrap_or_default();
        let path = folder.join(&beside);
        if path.is_file() {
            return format!("needs {name}: nexus-engine publish {}", path.display());
        }
        let call = format!("put it beside and call the file, as in call: ./{beside}");
        format!("needs {name}: publish it, or {call}")
    });
    missing.chain(published).collect()
}

fn called(definition: &Definition) -> impl Iterator<Item = (&str, Option<&str>)> {
    definition.steps.iter().filter_map(|step| {
        let StepKind::Call { workflow, version, .. } = &step.kind else { return None };
        Some((workflow.as_str(), version.as_deref()))
    })
}
