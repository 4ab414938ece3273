//! Problems: errors as the API sends and the command line prints them.

use serde::{Deserialize, Serialize};

/// An error that a user can do something about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Problem {
    /// `error/v1`.
    pub kind: String,
    /// `NXnnnn`.
    pub code: String,
    /// What happened, one line.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Where, if it is about a file.
    #[serde(rename = "where")]
    pub place: Option<Where>,
    /// The run it is about.
    pub run: Option<String>,
    /// The step it is about.
    pub step: Option<String>,
    /// After how many seconds the same request may be repeated; only where that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The page about the code.
    pub docs: String,
    /// The exit code of the command line for it.
    pub exit_code: u8,
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Where {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
}

impl Problem {
    /// Makes a problem.
    pub fn new(code: impl Into<String>, exit_code: u8, message: impl Into<String>) -> Self {
        let code = code.into();
        let docs = format!("errors/{code}");
        Self {
            kind: "error/v1".into(),
            code,
            message: message.into(),
            docs,
            exit_code,
            ..Self::default()
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says after which time the same request may be repeated.
    #[must_use]
    pub fn retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after = Some(ms.div_ceil(1_000).max(1));
        self
    }

    /// Says which run it is about.
    #[must_use]
    pub fn run(mut self, run: impl Into<String>) -> Self {
        self.run = Some(run.into());
        self
    }
}
