//! Frames: a transition as it is stored.

use crate::{Partition, Position, Records, Revision, StreamId};

/// A stored transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The partition it stands in.
    pub partition: Partition,
    /// Position of its first record.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Revision of its first record.
    pub revision: Revision,
    /// When it happened, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The first 16 bytes of the stream's hash chain up to and including this frame.
    pub chain: [u8; 16],
    /// Whether it was the last of its group (the transitions that became durable in one sync).
    pub ends_group: bool,
    /// Its records.
    pub records: Records,
}

impl Frame {
    /// Position after its last record.
    pub fn next_position(&self) -> Position {
        Position(self.position.0 + u64::from(self.records.count()))
    }

    /// Revision after its last record.
    pub fn next_revision(&self) -> Revision {
        Revision(self.revision.0 + self.records.count())
    }
}
