//! Why views cannot be opened, read or followed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use nexus_log::{Position, ReadError};
use nexus_model::codec::DecodeError;

/// Why views cannot be opened, read or followed.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// Somebody has the folder open.
    #[error("the views in {path} are in use already")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot use {path}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system has no room for what was asked, or does not allow it: file descriptors, memory, threads, disk, permissions.
    #[error("the system refuses what the views need")]
    Refused(#[source] io::Error),
    /// The storage engine failed; the views are deleted and rebuilt.
    #[error("the views cannot be read or written: {reason}")]
    Storage {
        /// Its words.
        reason: String,
    },
    /// A row is not what this program writes; the views are deleted and rebuilt.
    #[error("a row of the view `{view}` is damaged")]
    Row {
        /// Whose row it is.
        view: &'static str,
    },
    /// The rows are not the fold of the records before the checkpoint; the views are deleted and rebuilt.
    #[error("the views do not fit the log at position {at}")]
    OutOfStep {
        /// Where.
        at: Position,
    },
    /// A stream does not begin with the start of a run.
    #[error("the stream that begins at position {at} is no run")]
    NotARun {
        /// Where.
        at: Position,
    },
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Log(#[from] ReadError),
    /// An event cannot be read, because a newer program wrote it or it is damaged.
    #[error("the event at position {at} cannot be read")]
    Event {
        /// Where.
        at: Position,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// The follower could not start.
    #[error("the thread that follows the log did not start")]
    Thread(#[source] io::Error),
    /// The follower has stopped; what the views say is as of that position.
    #[error("the views stopped following the log at position {at}")]
    Stopped {
        /// How far they came.
        at: Position,
        /// Why.
        #[source]
        source: Arc<Self>,
    },
    /// The follower panicked; the views are deleted and rebuilt.
    #[error("the thread that follows the log panicked: {reason}")]
    Panicked {
        /// Its words.
        reason: String,
    },
    /// The views were closed before they came so far.
    #[error("the views are closed")]
    Closed,
    /// There is no view of that name.
    #[error("there is no view `{name}`")]
    NoSuchView {
        /// The name asked for.
        name: String,
    },
}

impl ViewsError {
    /// Whether the system refuses something, while the rows may be whole.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Locked { .. } | Self::Io { .. } | Self::Refused(_) | Self::Thread(_) => true,
            Self::Stopped { source, .. } => source.is_refusal(),
            Self::Storage { .. }
            | Self::Row { .. }
            | Self::OutOfStep { .. }
            | Self::NotARun { .. }
            | Self::Log(_)
            | Self::Event { .. }
            | Self::Panicked { .. }
            | Self::Closed
            | Self::NoSuchView { .. } => false,
        }
    }

    /// Whether the rows are to blame, so that deleting them helps.
    pub(crate) fn blames_rows(&self) -> bool {
        match self {
            Self::Storage { .. }
            | Self::Row { .. }
            | Self::OutOfStep { .. }
            | Self::Panicked { .. } => true,
            Self::Locked { .. }
            | Self::Io { .. }
            | Self::Refused(_)
            | Self::NotARun { .. }
            | Self::Log(_)
            | Self::Event { .. }
            | Self::Thread(_)
            | Self::Stopped { .. }
            | Self::Closed
            | Self::NoSuchView { .. } => false,
        }
    }
}
