//! A log whose disk somebody else is, for simulations: what was written is durable when they say so, and lost when they say so.
//!
//! Invariants:
//! * Submissions become durable whole, and in the order in which they were written.
//! * Nothing is read, and nobody is answered, before it is durable.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{
    Answer, EventLog, Frame, KeyValue, LogStatus, MemoryLog, Outcome, Partition, Permits, Position,
    PurgeError, ReadError, Revision, StreamId, Submission, Table, TableSpec, Ticket,
};

/// An [`EventLog`] in memory that tells what was written from what is durable.
#[derive(Debug)]
pub struct SimulatedLog {
    durable: MemoryLog,
    written: Mutex<VecDeque<(Submission, Answer)>>,
    holds: AtomicBool,
}

impl SimulatedLog {
    /// Makes an empty log with these tables, in which everything is durable at once.
    pub fn new(tables: &[TableSpec]) -> Self {
        let durable = MemoryLog::new(tables);
        Self { durable, written: Mutex::default(), holds: AtomicBool::new(false) }
    }

    /// From now on what is appended waits for [`sync`](Self::sync).
    pub fn hold(&self) {
        self.holds.store(true, Ordering::SeqCst);
    }

    /// How many submissions are written and not durable.
    pub fn written(&self) -> usize {
        self.queue().len()
    }

    /// Everything that was written is durable, and answered. Returns the answers, in order.
    pub fn sync(&self) -> Vec<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        while let Some((submission, answer)) = self.pop() {
            let Some(said) = self.durable.take(submission) else { break };
            outcomes.push(said.clone());
            answer.give(said);
        }
        outcomes
    }

    /// The process ends: the first `kept` of the submissions that were written are found on the disk, the next may be torn and is
    /// cut off, the others are gone. Nobody is answered. Returns what became of those that were kept.
    pub fn crash(&self, kept: usize) -> Vec<Vec<Outcome>> {
        let written = std::mem::take(&mut *self.queue());
        let kept = written.into_iter().take(kept);
        kept.filter_map(|(submission, _)| self.durable.take(submission)).collect()
    }

    /// The disk is nearly full: nothing of the first submission that was written is kept, and it is answered so.
    pub fn refuse(&self) {
        let Some((submission, answer)) = self.pop() else { return };
        let refused = |_| Outcome::DiskNearlyFull { free_bytes: 0 };
        answer.give(submission.transitions.iter().map(refused).collect());
    }

    fn pop(&self) -> Option<(Submission, Answer)> {
        self.queue().pop_front()
    }

    /// What is written; a panic of another thread leaves it whole, because nothing between two changes can fail.
    fn queue(&self) -> MutexGuard<'_, VecDeque<(Submission, Answer)>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventLog for SimulatedLog {
    fn permits(&self) -> &Permits {
        self.durable.permits()
    }

    fn append(&self, submission: Submission) -> Ticket {
        if !self.holds.load(Ordering::SeqCst) {
            return self.durable.append(submission);
        }
        let (answer, ticket) = Ticket::open();
        self.queue().push_back((submission, answer));
        ticket
    }

    fn durable(&self, partition: Partition) -> Position {
        self.durable.durable(partition)
    }

    fn subscribe(&self, partition: Partition) -> watch::Receiver<Position> {
        self.durable.subscribe(partition)
    }

    fn read(
        &self,
        partition: Partition,
        from: Position,
        bytes_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        self.durable.read(partition, from, bytes_max)
    }

    fn read_stream(
        &self,
        stream: StreamId,
        from: Revision,
        frames_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        self.durable.read_stream(stream, from, frames_max)
    }

    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.durable.row(table, key)
    }

    fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        rows_max: usize,
    ) -> Result<Vec<KeyValue>, ReadError> {
        self.durable.rows(table, from, to, rows_max)
    }

    fn payload(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, ReadError> {
        self.durable.payload(hash)
    }

    fn purge(&self, table: Table, done: Vec<(Table, Vec<u8>)>) -> Result<(), PurgeError> {
        self.durable.purge(table, done)
    }

    fn status(&self) -> LogStatus {
        self.durable.status()
    }

    fn close(&self) {
        self.sync();
        self.durable.close();
    }
}
