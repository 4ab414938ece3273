//! Test files and workflows on disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nexus_definitions::{Problems, Resolved, read, read_cases, resolve_calls};

use super::Suite;
use super::migration::Versions;
use crate::handle::link_with;

/// How a test file ends.
const TEST: &str = ".test.yaml";
/// How a workflow's file ends.
const WORKFLOW: &str = ".workflow.yaml";
/// The case of a workflow without a test file.
const WITHOUT_FILE: &str = "cases:\n  with its defaults: {}\n";

/// Why a test file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file says something that means nothing.
    #[error("{problems}")]
    Invalid {
        /// What is wrong.
        problems: Problems,
        /// The text it is wrong in.
        text: String,
    },
}

impl Suite {
    /// Reads a test file and the workflow it is about. A workflow's file stands for the test file beside it, or for one case
    /// without inputs and mocks if there is none. Actions that are `harmless` are carried out for real.
    ///
    /// # Errors
    /// [`SuiteError`]
    pub fn open(path: &Path, harmless: &[&str]) -> Result<Self, SuiteError> {
        let beside = sibling(path, WORKFLOW, TEST);
        let (tests, text) = match &beside {
            Some(tests) if tests.is_file() => (tests.as_path(), text_of(tests)?),
            Some(_) => (path, WITHOUT_FILE.to_owned()),
            None => (path, text_of(path)?),
        };
        let file = read_cases(&tests.display().to_string(), &text)
            .map_err(|problems| SuiteError::Invalid { problems, text: text.clone() })?;
        let workflow = match &file.workflow {
            Some(workflow) => beside_of(tests, workflow),
            None if beside.is_some() => path.to_owned(),
            None => sibling(tests, TEST, WORKFLOW).unwrap_or_default(),
        };
        if !workflow.is_file() {
            let message = format!("there is no workflow {}", workflow.display());
            let problems = Problems(vec![file.workflow_problem(message)]);
            return Err(SuiteError::Invalid { problems, text });
        }
        let Resolved { read, callees } = resolved(&workflow)?;
        let (mut named, mut others) = (Vec::new(), Vec::new());
        for called in &file.workflows {
            let Resolved { read, callees: more } = resolved(&beside_of(tests, called))?;
            others.extend(more);
            named.push(Arc::new(read.plan));
        }
        // A call by name means one of them.
        let linked = link_with(&Arc::new(read.plan), &callees, &named);
        let (plan, mut callees) = linked.map_err(|error| {
            let problems = Problems(vec![file.workflow_problem(error.to_string())]);
            SuiteError::Invalid { problems, text: text.clone() }
        })?;
        let mut versions = Versions::new();
        for case in &file.cases {
            for name in case.migrations() {
                if versions.contains_key(name) {
                    continue;
                }
                let path = beside_of(tests, name);
                let problem = |message: String| SuiteError::Invalid {
                    problems: Problems(vec![file.migration_problem(case, message)]),
                    text: text.clone(),
                };
                if !path.is_file() {
                    return Err(problem(format!("there is no workflow {}", path.display())));
                }
                let Resolved { read, callees: more } = resolved(&path)?;
                let linked = link_with(&Arc::new(read.plan), &more, &named);
                let (plan, more) = linked.map_err(|error| problem(error.to_string()))?;
                others.extend(more);
                // Steps that only it has may be named, too.
                others.push(Arc::clone(&plan));
                versions.insert(name.to_owned(), plan);
            }
        }
        callees.extend(others);
        callees.extend(named);
        let folder = workflow.canonicalize().ok();
        let folder = folder.as_deref().and_then(Path::parent).map(Path::to_owned);
        let suite = Self::new(file, plan, callees, folder, harmless)
            .map_err(|problems| SuiteError::Invalid { problems, text })?;
        Ok(Self { versions, ..suite })
    }
}

/// The file of the same name with another end.
fn sibling(path: &Path, end: &str, other: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix(end)?;
    Some(path.with_file_name(format!("{name}{other}")))
}

/// A path as a file means it.
fn beside_of(file: &Path, path: &str) -> PathBuf {
    let path = path.strip_prefix("./").unwrap_or(path);
    file.parent().map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}

fn text_of(path: &Path) -> Result<String, SuiteError> {
    let bytes =
        std::fs::read(path).map_err(|source| SuiteError::Read { path: path.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The workflow of a file, with all that it calls.
fn resolved(path: &Path) -> Result<Resolved, SuiteError> {
    let text = text_of(path)?;
    let load = |path: &Path| text_of(path).map_err(|error| error.to_string());
    let read = read(&path.display().to_string(), &text);
    read.and_then(|read| resolve_calls(read, path, None, &load))
        .map_err(|problems| SuiteError::Invalid { problems, text })
}
