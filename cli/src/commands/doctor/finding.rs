//! One thing that was looked at.

use nexus_gateway::api::Problem;
use serde::Serialize;
use serde_json::Value;

use crate::output::with_store;
use crate::text::{RESET, pad};

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was looked at.
    pub(super) name: &'static str,
    /// What was seen, for people.
    pub(super) text: String,
    /// The code of what is wrong.
    pub(super) code: Option<String>,
    /// What to do.
    pub(super) hint: Option<String>,
    /// What was seen, for programs.
    pub(super) data: Value,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Fine,
    /// Not wrong yet.
    Warning,
    /// Wrong.
    Broken,
    /// Not there, and that is no problem.
    Absent,
}

impl Finding {
    pub(super) fn new(level: Level, name: &'static str, text: impl Into<String>) -> Self {
        Self { level, name, text: text.into(), code: None, hint: None, data: Value::Null }
    }

    /// Something that is wrong, with its code.
    pub(super) fn broken(name: &'static str, problem: &Problem) -> Self {
        let finding = Self::new(Level::Broken, name, problem.message.clone());
        let hint = problem.hint.as_deref().map(with_store);
        Self { code: Some(problem.code.clone()), hint, ..finding }
    }

    pub(super) fn data(self, data: Value) -> Self {
        Self { data, ..self }
    }

    pub(super) fn hint(self, hint: &str) -> Self {
        Self { hint: Some(with_store(hint)), ..self }
    }

    /// The line people read, and the hint below it.
    pub(super) fn line(&self) -> String {
        let (color, sign) = match self.level {
            Level::Fine => ("\u{1b}[32m", "✔"),
            Level::Warning => ("\u{1b}[33m", "!"),
            Level::Broken => ("\u{1b}[31m", "✘"),
            Level::Absent => ("\u{1b}[2m", "–"),
        };
        let code = self.code.as_ref().map(|code| format!("{code} ")).unwrap_or_default();
        let hint = self
            .hint
            .as_ref()
            .map(|hint| format!("\n               help: {hint}"))
            .unwrap_or_default();
        format!("  {color}{sign}{RESET} {} {code}{}{hint}", pad(self.name, 10), self.text)
    }
}
