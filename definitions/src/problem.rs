//! What is wrong with a definition, and where.

use std::fmt;

use serde::Serialize;

/// Something wrong at a place of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Error code, `NXnnnn`; `docs/errors` has a page for each.
    pub code: &'static str,
    /// What is wrong, one line.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Name of the source, as given to [`read`](crate::read).
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters of that line it is about, at least 1.
    pub length: u32,
    /// Whether it stops the definition from being used.
    pub severity: Severity,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The definition cannot be used.
    Error,
    /// It can, and probably does not do what was meant.
    Warning,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {} {}", self.file, self.line, self.column, self.code, self.message)
    }
}

/// Problems in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Sorts by place and drops repetitions.
    pub(crate) fn from_unsorted(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| {
            (problem.line, problem.column, problem.severity == Severity::Warning)
        });
        problems.dedup_by(|next, kept| {
            next.code == kept.code && next.line == kept.line && next.column == kept.column
        });
        Self(problems)
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        self.0.iter().try_for_each(|problem| {
            write!(f, "{}{problem}", std::mem::replace(&mut separator, "\n"))
        })
    }
}

impl std::error::Error for Problems {}
