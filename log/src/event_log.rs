//! The log as its users see it.

use std::path::PathBuf;

use tokio::sync::watch;

use crate::{
    Frame, KeyValue, Partition, Permits, Position, PurgeError, ReadError, Revision, StreamId,
    Submission, Table, Ticket,
};

/// A durable log of transitions. Object-safe and synchronous; reads block and belong off the runtime's threads.
pub trait EventLog: Send + Sync + 'static {
    /// The byte budget. A submission takes its permit from here first, so that [`append`](Self::append) never blocks.
    fn permits(&self) -> &Permits;

    /// Hands a submission to the writer.
    fn append(&self, submission: Submission) -> Ticket;

    /// As [`append`](Self::append), for who can do nothing else before the answer: it may block while the submission is made durable
    /// in the caller's thread, which spares the way to the writer and back, but only if nothing else is on its way and the disk is
    /// so fast that this way would take about as long. The ticket answers in any case.
    fn append_here(&self, submission: Submission) -> Ticket {
        self.append(submission)
    }

    /// The position after the last durable record.
    fn durable(&self, partition: Partition) -> Position;

    /// Follows [`durable`](Self::durable): the receiver changes after each group.
    fn subscribe(&self, partition: Partition) -> watch::Receiver<Position>;

    /// Reads frames in order of position, from the one that holds `from`, until `bytes_max` bytes of records are collected.
    ///
    /// Shape: consecutive frames, at least one unless `from` is at or past the durable end.
    ///
    /// # Errors
    /// [`ReadError`] if a frame is missing or does not match its checksum, or the disk fails.
    fn read(
        &self,
        partition: Partition,
        from: Position,
        bytes_max: usize,
    ) -> Result<Vec<Frame>, ReadError>;

    /// Reads frames of `stream` in order of revision, from the one that holds `from`, at most `frames_max`. Fewer than that: these are
    /// all there are.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn read_stream(
        &self,
        stream: StreamId,
        from: Revision,
        frames_max: usize,
    ) -> Result<Vec<Frame>, ReadError>;

    /// Reads one row.
    ///
    /// # Errors
    /// [`ReadError`] if the disk fails.
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;

    /// Reads rows with `from <= key < to` in key order (`to` empty: to the end), at most `rows_max`.
    ///
    /// # Errors
    /// [`ReadError`] if the disk fails.
    fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        rows_max: usize,
    ) -> Result<Vec<KeyValue>, ReadError>;

    /// Reads a payload by the BLAKE3 hash of its bytes.
    ///
    /// # Errors
    /// [`ReadError`] if the disk fails or the bytes do not have that hash.
    fn payload(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, ReadError>;

    /// Removes what was deleted from a table apart from everything that outlives the process: returns when the values of rows
    /// that were deleted or replaced before are in no file. Then it takes away the rows `done`, which may say that there is
    /// something to purge. Blocks, and appends wait meanwhile.
    ///
    /// # Errors
    /// [`PurgeError`]; then it is to be asked again.
    fn purge(&self, table: Table, done: Vec<(Table, Vec<u8>)>) -> Result<(), PurgeError>;

    /// What there is to say about the store.
    fn status(&self) -> LogStatus;

    /// Ends the writer after everything handed over is durable, and completes the high-water file. Idempotent.
    fn close(&self);
}

/// What there is to say about a log's store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStatus {
    /// Bytes on disk, 0 for a log in memory.
    pub disk_bytes: u64,
    /// Bytes free on the disk that holds the store.
    pub free_bytes: u64,
    /// The torn tail that opening cut off, if it did.
    pub torn_tail: Option<TornTail>,
    /// Layout version of the store.
    pub layout: u32,
}

/// An unacknowledged, incomplete group at the end of the journal, cut off when the store was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The journal file.
    pub journal: PathBuf,
    /// Where in the file it was cut, in bytes.
    pub offset: u64,
    /// How many bytes were cut off.
    pub bytes: u64,
    /// Where a copy of them is kept.
    pub copy: PathBuf,
}
