//! Secrets: where their values come from, where they are filled in, and how they are kept out of everything else.
//!
//! Invariants:
//! * A value is read when a handler is called, handed to that handler, and never recorded: the log holds the name.
//! * What comes back from the handler (output, failure, progress, what it prints) has no value in it that it was given.

mod filling;
mod redaction;

use std::fmt;
use std::io;
use std::path::PathBuf;

pub(crate) use filling::fill_in;
pub(crate) use redaction::{RedactedLogs, Redactor};

/// Shortest value: a shorter one could not be told from other text where it has to be taken out.
pub const SECRET_BYTES_MIN: usize = 4;

/// Where the values of secrets come from.
pub trait Secrets: Send + Sync + 'static {
    /// The value of a secret; `None` if there is none. May block; it is called off the runtime's threads.
    ///
    /// # Errors
    /// What stands in the way of reading it. The message must not hold the value.
    fn value(&self, name: &str) -> io::Result<Option<String>>;

    /// Where it looks, for the message about a secret that is missing.
    fn places(&self, name: &str) -> String;
}

/// Secrets of the environment, `NEXUS_SECRET_<NAME>`, and of a folder with one file for each.
///
/// The environment comes first. A line end at the end of a file is no part of the value.
#[derive(Clone, Default)]
pub struct SystemSecrets {
    folder: Option<PathBuf>,
}

/// What the names of environment variables begin with.
const PREFIX: &str = "NEXUS_SECRET_";

impl SystemSecrets {
    /// The environment only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also the files of this folder.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }
}

impl fmt::Debug for SystemSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemSecrets").field("folder", &self.folder).finish()
    }
}

impl Secrets for SystemSecrets {
    fn value(&self, name: &str) -> io::Result<Option<String>> {
        if let Some(value) = std::env::var_os(format!("{PREFIX}{name}")) {
            let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
            return value.into_string().map(Some).map_err(not_text);
        }
        // A name has neither dots nor slashes, so it leads to no other folder.
        let Some(path) = self.folder.as_ref().map(|folder| folder.join(name)) else {
            return Ok(None);
        };
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn places(&self, name: &str) -> String {
        match &self.folder {
            Some(folder) => {
                format!("the variable {PREFIX}{name} and the file {}", folder.join(name).display())
            }
            None => format!("the variable {PREFIX}{name}"),
        }
    }
}

#[cfg(test)]
mod tests;
