//! What can go wrong with workflows and their runs.

use std::fmt;

use nexus_model::event::Failure;
use nexus_model::plan::DefinitionError;

use super::history::HistoryError;
use crate::code::FunctionTrouble;
use crate::engine::OpenError;
use crate::handle::{QueryError, RequestError, StartError};

/// What went wrong with a workflow or a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The workflow cannot be made.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// The engine cannot be opened.
    #[error(transparent)]
    Open(Box<OpenError>),
    /// The input has no JSON form.
    #[error("the input of workflow `{workflow}` has no JSON form")]
    Input {
        /// The workflow.
        workflow: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The engine was opened without the workflow.
    #[error("the engine was opened without the workflow `{workflow}`: nobody offers `{handler}`")]
    NotOffered {
        /// The workflow.
        workflow: String,
        /// What is missing.
        handler: String,
    },
    /// The run was not started.
    #[error(transparent)]
    Start(Box<StartError>),
    /// A request was not carried out.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There is no run of this name.
    #[error("there is no run `{run}`")]
    NoSuchRun {
        /// The name.
        run: String,
    },
    /// The run has no such step.
    #[error("run `{run}` has no step `{step}`")]
    NoSuchStep {
        /// The run.
        run: String,
        /// The step.
        step: String,
    },
    /// A value has no JSON form.
    #[error("the value for run `{run}` has no JSON form")]
    Value {
        /// The run.
        run: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A query was not answered.
    #[error("a query of run `{run}` has no answer")]
    Query {
        /// The run.
        run: String,
        /// Why.
        #[source]
        source: Box<QueryError>,
    },
    /// The run failed.
    #[error("run `{run}` failed: {} {}", failure.code, failure.message)]
    Failed {
        /// The run.
        run: String,
        /// The step it failed at; `None`: none of its own.
        step: Option<String>,
        /// Why.
        failure: Box<Failure>,
    },
    /// The run was cancelled.
    #[error("run `{run}` was cancelled: {reason}")]
    Cancelled {
        /// The run.
        run: String,
        /// Why.
        reason: String,
    },
    /// The run of a test waits for something that does not come by itself.
    #[error("run `{run}` waits, and nothing will happen by itself")]
    Waits {
        /// The run.
        run: String,
    },
    /// The function of the run of a test gets no further.
    #[error("the function of run `{run}` gets no further: {}: {}", trouble.code, trouble.message)]
    Stuck {
        /// The run.
        run: String,
        /// Why.
        trouble: Box<FunctionTrouble>,
    },
    /// A history cannot be taken, written or read.
    #[error(transparent)]
    History(Box<HistoryError>),
    /// The output of the run, or its answer to a query or an update, is not what was asked for.
    #[error("the output of run `{run}` is no {expected}")]
    Output {
        /// The run.
        run: String,
        /// The type that was asked for.
        expected: &'static str,
        /// Why.
        #[source]
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
            Self::Query { source, .. } => match **source {
                QueryError::NoSuchQuery { .. } => Some("NX4125"),
                QueryError::Failed { .. } => Some("NX4126"),
                QueryError::NoSuchRun | QueryError::Load(_) => None,
            },
            Self::NoSuchRun { .. } => Some("NX7011"),
            Self::NoSuchStep { .. } => Some("NX4180"),
            Self::Open(error) if matches!(**error, OpenError::StateMissing { .. }) => {
                Some("NX3005")
            }
            Self::History(error) => match &**error {
                HistoryError::Run(error) => error.code(),
                HistoryError::Load(_)
                | HistoryError::Encrypted { .. }
                | HistoryError::Migrated { .. }
                | HistoryError::File(_)
                | HistoryError::NoHistory(_) => None,
            },
            Self::Open(_) | Self::Start(_) | Self::Request(_) | Self::Cancelled { .. } => None,
        }
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
