//! Why an engine cannot be opened, with its code and in words.

use std::error::Error;
use std::fmt;

use nexus_log::{OpenError as LogOpenError, ReadError};
use nexus_projections::ViewsError;

use super::OpenError;
use crate::codes::log_code;
use crate::workflow::told;

impl OpenError {
    /// The code, `NXnnnn`, of what is explained under `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Log(error) => log_code(error),
            Self::Read(_) => "NX6002",
            Self::Pauses(error) => error.code(),
            Self::Views(error) if error.is_refusal() => "NX6009",
            Self::Views(_) => "NX6011",
            Self::StateMissing { .. } => "NX3005",
        }
    }

    /// What happened, without the code.
    pub fn words(&self) -> String {
        match self {
            Self::Log(error) => error.to_string(),
            Self::Read(error) => error.to_string(),
            Self::Pauses(_) => "the pauses of the store cannot be read".to_owned(),
            Self::Views(error) => error.to_string(),
            Self::StateMissing { handler, state } => {
                format!("`{handler}` needs a state of type {state}, which the engine was not given")
            }
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.words())
    }
}

impl fmt::Debug for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        told(f, Some(self.code()), &self.words(), self.source())
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Log(error) => error.source(),
            Self::Read(error) => error.source(),
            Self::Pauses(error) => Some(error),
            Self::Views(error) => error.source(),
            Self::StateMissing { .. } => None,
        }
    }
}

impl From<LogOpenError> for OpenError {
    fn from(error: LogOpenError) -> Self {
        Self::Log(error)
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<ViewsError> for OpenError {
    fn from(error: ViewsError) -> Self {
        Self::Views(error)
    }
}
