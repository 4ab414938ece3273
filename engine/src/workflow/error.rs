//! What can go wrong with workflows and their runs.

use std::fmt;

use nexus_model::event::Failure;
use nexus_model::plan::DefinitionError;

use super::history::HistoryError;
use crate::code::FunctionTrouble;
use crate::engine::OpenError;
use crate::handle::{QueryError, RequestError, StartError};

/// What went wrong with a workflow or a run.
///
/// Its text names its [`code`](Error::code): `NX3052: the engine was opened without …`. That of a run that failed names the code of its
/// failure where it speaks of it. `{:?}`, which is what a `main` that returns it prints, is for people as well:
/// `error[NX3052]: the engine was opened without …`, what it comes from, and where to read on.
pub enum Error {
    /// The workflow cannot be made.
    Workflow(WorkflowError),
    /// The engine cannot be opened.
    Open(Box<OpenError>),
    /// The input has no JSON form.
    Input {
        /// The workflow.
        workflow: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The engine was opened without the workflow.
    NotOffered {
        /// The workflow.
        workflow: String,
        /// What is missing.
        handler: String,
    },
    /// The run was not started.
    Start(Box<StartError>),
    /// A request was not carried out.
    Request(RequestError),
    /// There is no run of this name.
    NoSuchRun {
        /// The name.
        run: String,
    },
    /// The run has no such step.
    NoSuchStep {
        /// The run.
        run: String,
        /// The step.
        step: String,
    },
    /// A value has no JSON form.
    Value {
        /// The run.
        run: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A query was not answered.
    Query {
        /// The run.
        run: String,
        /// Why.
        source: Box<QueryError>,
    },
    /// The run failed.
    Failed {
        /// The run.
        run: String,
        /// The step it failed at; `None`: none of its own.
        step: Option<String>,
        /// Why.
        failure: Box<Failure>,
    },
    /// The run was cancelled.
    Cancelled {
        /// The run.
        run: String,
        /// Why.
        reason: String,
    },
    /// The run of a test waits for something that does not come by itself.
    Waits {
        /// The run.
        run: String,
    },
    /// The function of the run gets no further in this program.
    Stuck {
        /// The run.
        run: String,
        /// Why.
        trouble: Box<FunctionTrouble>,
    },
    /// A history cannot be taken, written or read.
    History(Box<HistoryError>),
    /// The output of the run, or its answer to a query or an update, is not what was asked for.
    Output {
        /// The run.
        run: String,
        /// The type that was asked for.
        expected: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

impl Error {
    /// The code, `NXnnnn`, of what is explained under `docs/errors`; that of the failure, if the run failed.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Workflow(error) => error.problems.first().map(|problem| problem.code),
            Self::Input { .. } | Self::Value { .. } => Some("NX3051"),
            Self::NotOffered { .. } => Some("NX3052"),
            Self::Failed { failure, .. } => Some(&failure.code),
            Self::Output { .. } => Some("NX3050"),
            Self::Waits { .. } => Some("NX3053"),
            Self::Stuck { trouble, .. } => Some(trouble.code),
            Self::Query { source, .. } => Some(source.code()),
            Self::NoSuchRun { .. } => Some("NX7011"),
            Self::NoSuchStep { .. } => Some("NX4180"),
            Self::Open(error) => Some(error.code()),
            Self::Start(error) => error.code(),
            Self::Request(error) => error.code(),
            Self::History(error) => error.code(),
            Self::Cancelled { .. } => None,
        }
    }

    /// What went wrong, without the code before it.
    pub(crate) fn words(&self) -> String {
        Words(self).to_string()
    }

    fn say(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(error) => write!(f, "{error}"),
            Self::Open(error) => f.write_str(&error.words()),
            Self::Input { workflow, .. } => {
                write!(f, "the input of workflow `{workflow}` has no JSON form")
            }
            Self::NotOffered { workflow, handler } => write!(
                f,
                "the engine was opened without the workflow `{workflow}`: nobody offers `{handler}`"
            ),
            Self::Start(error) => write!(f, "{error}"),
            Self::Request(error) => write!(f, "{error}"),
            Self::NoSuchRun { run } => write!(f, "there is no run `{run}`"),
            Self::NoSuchStep { run, step } => write!(f, "run `{run}` has no step `{step}`"),
            Self::Value { run, .. } => write!(f, "the value for run `{run}` has no JSON form"),
            Self::Query { run, .. } => write!(f, "a query of run `{run}` has no answer"),
            Self::Failed { run, step, failure } => {
                write!(f, "run `{run}` failed")?;
                if let Some(step) = step {
                    write!(f, " at `{step}`")?;
                }
                write!(f, ": {} {}", failure.code, failure.message)
            }
            Self::Cancelled { run, reason } => write!(f, "run `{run}` was cancelled: {reason}"),
            Self::Waits { run } => {
                write!(f, "run `{run}` waits, and nothing will happen by itself")
            }
            Self::Stuck { run, trouble } => {
                write!(f, "the function of run `{run}` gets no further: {}", trouble.message)
            }
            Self::History(error) => write!(f, "{error}"),
            Self::Output { run, expected, .. } => {
                write!(f, "the output of run `{run}` is no {expected}")
            }
        }
    }
}

/// An error without its code.
struct Words<'a>(&'a Error);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.say(f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // These say their codes themselves.
        let says = matches!(self, Self::Workflow(_) | Self::Failed { .. } | Self::History(_));
        if let Some(code) = self.code().filter(|_| !says) {
            write!(f, "{code}: ")?;
        }
        self.say(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        told(f, self.code(), &self.words(), std::error::Error::source(self))
    }
}

/// An error for people: what happened, what it comes from, and where to read on.
pub(crate) fn told(
    f: &mut fmt::Formatter<'_>,
    code: Option<&str>,
    words: &str,
    source: Option<&(dyn std::error::Error + 'static)>,
) -> fmt::Result {
    match code {
        Some(code) => write!(f, "error[{code}]: {words}")?,
        None => write!(f, "error: {words}")?,
    }
    for cause in std::iter::successors(source, |cause| cause.source()) {
        write!(f, "\n  because: {cause}")?;
    }
    if let Some(code) = code.filter(|code| code.starts_with("NX")) {
        write!(f, "\n  hint: nexus-engine explain {code}, or docs/errors/{code}.md")?;
    }
    Ok(())
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Workflow(_)
            | Self::NotOffered { .. }
            | Self::NoSuchRun { .. }
            | Self::NoSuchStep { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Waits { .. }
            | Self::Stuck { .. } => None,
            Self::Open(error) => error.source(),
            Self::Start(error) => error.source(),
            Self::Request(error) => error.source(),
            Self::History(error) => error.source(),
            Self::Input { source, .. }
            | Self::Value { source, .. }
            | Self::Output { source, .. } => Some(source),
            Self::Query { source, .. } => Some(&**source),
        }
    }
}

impl From<WorkflowError> for Error {
    fn from(error: WorkflowError) -> Self {
        Self::Workflow(error)
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<HistoryError> for Error {
    fn from(error: HistoryError) -> Self {
        Self::History(Box::new(error))
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        Self::Open(Box::new(error))
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        Self::Start(Box::new(error))
    }
}

/// What is wrong with a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowError {
    /// Its name.
    pub workflow: String,
    /// All that is wrong.
    pub problems: Vec<DefinitionError>,
}

impl WorkflowError {
    pub(super) fn new(workflow: &str, problems: Vec<DefinitionError>) -> Self {
        Self { workflow: workflow.to_owned(), problems }
    }
}

impl fmt::Display for WorkflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workflow `{}` cannot be used", self.workflow)?;
        for problem in &self.problems {
            write!(f, "\n  {}: {}", problem.code, problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "; {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for WorkflowError {}
