//! Why a log cannot be opened or read.

use std::io;
use std::path::PathBuf;

use crate::{Position, StreamId};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody holds the store.
    #[error("the store {path} is in use by {}", holder(*.is_here))]
    Locked {
        /// The store's folder.
        path: PathBuf,
        /// Whether it is this process that holds it.
        is_here: bool,
    },
    /// The journal is damaged before its end: acknowledged data behind the damage would be lost.
    #[error("journal {journal} is damaged at byte {offset}, with valid groups behind the damage")]
    Damaged {
        /// The journal file.
        journal: PathBuf,
        /// Offset of the first bad group in bytes.
        offset: u64,
    },
    /// The log ends before a position that was acknowledged.
    #[error("the log ends at position {found}, but position {acknowledged} had been acknowledged")]
    EndsEarly {
        /// Where the log ends.
        found: Position,
        /// Where the high-water file says that it must at least end.
        acknowledged: Position,
    },
    /// The last acknowledged frame, or the log's head, is not what the high-water file says.
    #[error("the log's history differs from the one that was acknowledged, at position {at}")]
    Differs {
        /// Position of the high-water mark.
        at: Position,
    },
    /// The high-water file is missing or damaged, so nobody can tell where the log must at least end.
    #[error("the high-water file {path} is missing, or neither of its slots is whole")]
    HighWater {
        /// The file.
        path: PathBuf,
    },
    /// The folder is a store, but its layout file does not name a layout.
    #[error("the layout file {path} is missing or damaged")]
    Layout {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of the program wrote the store.
    #[error("the store has layout {found}, this program knows up to {known}")]
    Newer {
        /// What the store says.
        found: u32,
        /// What this program knows.
        known: u32,
    },
    /// A program from before the first release wrote the store.
    #[error("the store has layout {found}, this program reads layout {known} and later")]
    Older {
        /// What the store says.
        found: u32,
        /// The oldest that this program knows.
        known: u32,
    },
    /// The folder holds something that is no store.
    #[error("{path} is not a store of this program")]
    NotAStore {
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
    /// The database within the store is damaged.
    #[error("the database {path} is damaged: {reason}")]
    Storage {
        /// The folder of the database.
        path: PathBuf,
        /// The words of the storage engine.
        reason: String,
    },
}

fn holder(is_here: bool) -> &'static str {
    if is_here { "this process, which has it open already" } else { "another process" }
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A frame does not match its checksum or its shape.
    #[error("the frame at position {at} is damaged: {reason}")]
    Damaged {
        /// Where.
        at: Position,
        /// What does not match.
        reason: &'static str,
    },
    /// Positions are dense, and this one is missing.
    #[error("nothing stands at position {at}, although the log goes on behind it")]
    Hole {
        /// Where.
        at: Position,
    },
    /// The index of a stream names a frame that is not there or belongs elsewhere.
    #[error("the index of stream {stream} does not match the log at position {at}")]
    Index {
        /// The stream.
        stream: StreamId,
        /// The position the index gave.
        at: Position,
    },
    /// A payload does not have the hash it is stored under.
    #[error("a stored payload does not match its hash")]
    Payload,
    /// The storage engine failed.
    #[error("the store cannot be read: {reason}")]
    Storage {
        /// Its words.
        reason: String,
    },
}

/// Why deleted bytes may still be on the disk.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The store could not be read or written.
    #[error("the store could not be cleaned: {reason}")]
    Storage {
        /// What the storage engine or the system says.
        reason: String,
    },
    /// Something still holds them, such as a long read.
    #[error("deleted bytes are still in {file}")]
    Held {
        /// The file.
        file: String,
    },
    /// The log was closed first.
    #[error("the log was closed")]
    Closed,
}
