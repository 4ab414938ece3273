//! What is asked of the log's writer and what it answers.

use std::sync::Arc;

use crate::{Partition, Permit, Position, Records, Revision, Row, StreamId};

/// One change of one stream with everything that becomes durable with it.
#[derive(Clone, Debug)]
pub struct Transition {
    /// The stream that grows.
    pub stream: StreamId,
    /// How many records the stream holds already, as far as the caller knows; 0 for a new stream.
    pub expected: Revision,
    /// When it happened, microseconds since the Unix epoch. Not interpreted.
    pub time_us: i64,
    /// The records, at least one, at most 8 MiB encoded.
    pub records: Records,
    /// Rows changed with it.
    pub rows: Vec<Row>,
    /// Payloads that records name by hash: BLAKE3 of the bytes, and the bytes.
    pub payloads: Vec<([u8; 32], Arc<[u8]>)>,
}

impl Transition {
    /// Size in bytes of everything that goes to the disk for it, as permits count it.
    pub fn bytes(&self) -> usize {
        const OVERHEAD: usize = 160;
        let rows: usize = self.rows.iter().map(|row| row.key.len() + row.change.bytes() + 21).sum();
        let payloads: usize = self.payloads.iter().map(|(_, bytes)| bytes.len() + 53).sum();
        OVERHEAD + self.records.as_bytes().len() + rows + payloads
    }
}

/// Transitions handed over together, in order; each is accepted or refused by itself.
#[derive(Debug)]
pub struct Submission {
    /// The partition they go to.
    pub partition: Partition,
    /// The transitions.
    pub transitions: Vec<Transition>,
    /// Bytes taken for them; returned when the writer has answered.
    pub permit: Permit,
}

/// What became of one transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable. Its first record stands at this position.
    Appended(Position),
    /// It was durable already: the same records stand at the expected revision, the first of them at this position.
    Repeated(Position),
    /// Refused: the stream holds another number of records.
    Conflict {
        /// How many it holds.
        actual: Revision,
    },
    /// Refused: a row that had to be new exists.
    Taken {
        /// Which of the transition's rows, by index.
        row: usize,
        /// What it holds.
        value: Vec<u8>,
    },
    /// Refused: more than 8 MiB of records, or no record at all.
    Unacceptable,
    /// Refused: the disk is nearly full; nothing was written.
    DiskNearlyFull {
        /// Bytes free on the disk of the store.
        free_bytes: u64,
    },
}
