//! What is asked of the log's writer and what it answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

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

/// The promise of an answer to a submission: one [`Outcome`] for each transition, in order.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Vec<Outcome>>);

/// The log was closed, or its process is ending, before it answered: the outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log closed before it answered; the outcome is unknown")]
pub struct Closed;

/// The other end of a [`Ticket`], for those who write a log of their own. Dropping it closes the ticket.
#[derive(Debug)]
pub struct Answer(oneshot::Sender<Vec<Outcome>>);

impl Answer {
    /// Answers the ticket. A caller that no longer waits has lost nothing: the log holds the answer.
    pub fn give(self, outcomes: Vec<Outcome>) {
        let _ = self.0.send(outcomes);
    }
}

impl Ticket {
    /// Makes a ticket and the end that answers it.
    pub fn open() -> (Answer, Self) {
        let (answer, ticket) = oneshot::channel();
        (Answer(answer), Self(ticket))
    }

    /// Blocks until the answer is there. Not for runtime threads.
    ///
    /// # Errors
    /// [`Closed`] if the log closed first.
    pub fn wait(self) -> Result<Vec<Outcome>, Closed> {
        self.0.blocking_recv().map_err(|_| Closed)
    }
}

impl Future for Ticket {
    type Output = Result<Vec<Outcome>, Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| Closed)
    }
}
