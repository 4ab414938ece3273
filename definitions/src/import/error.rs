//! What can be wrong with a file, and where.

use std::fmt;

use serde::Serialize;

use super::format::Format;

/// Names of a cycle that a message spells out.
const CYCLE_NAMES_MAX: usize = 12;

/// A place in the (decompressed) text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Place {
    /// The place of a byte offset.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = String::from_utf8_lossy(&text.as_bytes()[..offset.min(text.len())]);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        Self { line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why nothing was imported.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImportError {
    /// The graph holds no task.
    Empty {
        /// What the bytes were read as.
        format: Format,
    },
    /// Tasks wait for each other.
    Cycle {
        /// The tasks in the order they would have to run; the first is repeated at the end.
        path: Vec<String>,
    },
    /// The bytes look like none of the formats.
    Unrecognised {
        /// What was seen instead.
        found: String,
    },
    /// The bytes break the rules of their format.
    Damaged {
        /// What they were read as, if that was clear.
        format: Option<Format>,
        /// Where, if known.
        place: Option<Place>,
        /// What is wrong there.
        reason: String,
    },
    /// An edge names a task that is not in the file.
    UnknownTask {
        /// The name that stands for nothing.
        task: String,
        /// The task at the other end of the edge, or what names it.
        named_by: String,
        /// Where, if known.
        place: Option<Place>,
    },
    /// Decompressed, the bytes are more than is accepted.
    TooLarge {
        /// The most that is accepted, in bytes.
        bytes_max: usize,
    },
    /// [`Options::time_scale`](super::Options::time_scale) is negative or no number.
    TimeScale {
        /// What was given.
        given: f64,
    },
}

impl ImportError {
    /// The code, for `explain`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "NX1101",
            Self::Cycle { .. } => "NX1105",
            Self::Unrecognised { .. } => "NX1301",
            Self::Damaged { .. } => "NX1302",
            Self::UnknownTask { .. } => "NX1303",
            Self::TooLarge { .. } => "NX1304",
            Self::TimeScale { .. } => "NX1305",
        }
    }

    /// Where, if known.
    pub const fn place(&self) -> Option<Place> {
        match self {
            Self::Damaged { place, .. } | Self::UnknownTask { place, .. } => *place,
            Self::Empty { .. }
            | Self::Cycle { .. }
            | Self::Unrecognised { .. }
            | Self::TooLarge { .. }
            | Self::TimeScale { .. } => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty { .. } => {
                "export the graph again, or name another format with --format".to_owned()
            }
            Self::Cycle { .. } => {
                "remove one of these dependencies, or merge the tasks into one".to_owned()
            }
            Self::Unrecognised { .. } => {
                format!("name the format with --format, one of {}", Format::names())
            }
            Self::Damaged { .. } => {
                "fetch or export the file again; if it is another format, name it with --format"
                    .to_owned()
            }
            Self::UnknownTask { .. } => "add the task, or remove the dependency on it".to_owned(),
            Self::TooLarge { .. } => {
                "split the graph, or take away what is no task and no edge".to_owned()
            }
            Self::TimeScale { .. } => {
                "give a number from 0 on: 1 is real time, 0.001 a thousandth of it".to_owned()
            }
        }
    }

    /// The damage `reason` at a byte offset of `text`.
    pub(crate) fn damaged_at(text: &str, offset: usize, reason: impl Into<String>) -> Self {
        Self::Damaged { format: None, place: Some(Place::of(text, offset)), reason: reason.into() }
    }

    /// The damage `reason`, somewhere.
    pub(crate) fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged { format: None, place: None, reason: reason.into() }
    }

    /// Adds what the bytes were read as, and takes control characters of the file out of the reason.
    pub(crate) fn in_format(self, format: Format) -> Self {
        match self {
            Self::Damaged { place, reason, .. } => {
                Self::Damaged { format: Some(format), place, reason: super::graph::clean(&reason) }
            }
            other @ (Self::Empty { .. }
            | Self::Cycle { .. }
            | Self::Unrecognised { .. }
            | Self::UnknownTask { .. }
            | Self::TooLarge { .. }
            | Self::TimeScale { .. }) => other,
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { format } => write!(f, "the {format} file holds no task"),
            Self::Cycle { path } => {
                let shown = path
                    .iter()
                    .take(CYCLE_NAMES_MAX)
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(" -> ");
                write!(f, "tasks wait for each other: {shown}")?;
                let more = path.len().saturating_sub(CYCLE_NAMES_MAX);
                if more > 0 { write!(f, " -> … ({more} more)") } else { Ok(()) }
            }
            Self::Unrecognised { found } => write!(f, "the format is not recognised: {found}"),
            Self::Damaged { format, place, reason } => {
                f.write_str("the ")?;
                format.map_or(Ok(()), |format| write!(f, "{format} "))?;
                f.write_str("file is damaged")?;
                place.map_or(Ok(()), |place| write!(f, " at {place}"))?;
                write!(f, ": {reason}")
            }
            Self::UnknownTask { task, named_by, .. } => {
                write!(f, "{named_by} names the task {task}, which is not in the file")
            }
            Self::TooLarge { bytes_max } => {
                write!(
                    f,
                    "the file is larger than {} MiB when decompressed",
                    bytes_max / (1024 * 1024)
                )
            }
            Self::TimeScale { given } => write!(f, "{given} is no time scale"),
        }
    }
}

impl std::error::Error for ImportError {}
