//! How a handler says that it failed.

use nexus_model::event::Failure;

/// What a handler returns.
pub type StepResult<T> = Result<T, StepError>;

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepError(pub Failure);

impl StepError {
    /// A failure that may go away when it is tried again (code NX3001).
    pub fn retry(message: impl Into<String>) -> Self {
        Self(Failure {
            code: "NX3001".into(),
            message: message.into(),
            fatal: false,
            details: None,
        })
    }

    /// A failure that trying again cannot mend (code NX3001).
    pub fn fatal(message: impl Into<String>) -> Self {
        Self(Failure { code: "NX3001".into(), message: message.into(), fatal: true, details: None })
    }

    /// Gives the failure a code of its own.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.0.code = code.into();
        self
    }

    /// Adds details, such as the end of an error output.
    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.0.details = Some(details.into());
        self
    }
}

impl<E: std::error::Error> From<E> for StepError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        Self::retry(message)
    }
}
