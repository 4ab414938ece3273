//! The hand-off: from everybody who appends to the one thread that makes things durable, and back.
//!
//! Invariants:
//! * A group is whatever arrived while the group before it was written; there is no timer.
//! * Tickets answer only after their group is durable, and the permit of a submission returns after its answer.
//! * What was handed over before closing is made durable; what comes too late finds its ticket closed, and its permit returns.

use std::mem;
use std::time::{Duration, Instant};

use crate::sync::channel::{self, Receiver, Sender, TryRecvError};
use crate::sync::{JoinHandle, Mutex, PoisonError};
use crate::{Answer, Outcome, Permit, PurgeError, Submission, Table, Ticket, Transition};

const GROUP_BYTES_MAX: usize = 512 * 1024;
const GROUP_TRANSITIONS_MAX: usize = 4096;

/// What the thread is told.
enum Message {
    /// Make this durable.
    Append(Request),
    /// Remove what was deleted from a table apart from the disk, after everything handed over before.
    Purge(Purge),
    /// End after everything handed over before.
    Close,
}

/// A purge on its way.
struct Purge {
    table: Table,
    /// Rows that are taken away once it is done.
    done: Vec<(Table, Vec<u8>)>,
    answer: Sender<Result<(), PurgeError>>,
}

/// A submission on its way.
pub(crate) struct Request {
    /// What is to become durable; taken out by who does it.
    pub(crate) transitions: Vec<Transition>,
    /// Returned when the request is dropped, after it was answered.
    permit: Permit,
    answer: Answer,
    handed_over: Instant,
    bytes: usize,
}

/// What makes things durable.
pub(crate) trait Durability {
    /// Why it is unknown whether something became durable. It ends the hand-off, and nobody is answered.
    type Error;

    /// Makes the group durable; adds one list of outcomes to `answers` for each request, in order.
    fn commit(
        &mut self,
        group: &mut [Request],
        answers: &mut Vec<Vec<Outcome>>,
    ) -> Result<(), Self::Error>;

    /// Is told how long a request has waited for the answer that it is about to get.
    fn answering(&mut self, waited: Duration);

    /// Removes what was deleted from a table.
    fn purge(
        &mut self,
        table: Table,
        done: &[(Table, Vec<u8>)],
    ) -> Result<Result<(), PurgeError>, Self::Error>;
}

/// Makes both ends.
pub(crate) fn open() -> (Submitter, Handoff) {
    let (sender, queue) = channel::unbounded();
    let handoff = Handoff {
        queue,
        waiting: Vec::new(),
        purges: Vec::new(),
        answers: Vec::new(),
        closing: false,
    };
    (Submitter(sender), handoff)
}

/// The end of those who append.
pub(crate) struct Submitter(Sender<Message>);

impl Submitter {
    /// Hands a submission over. After closing, the ticket answers `Closed`.
    pub(crate) fn append(&self, submission: Submission) -> Ticket {
        let (answer, ticket) = Ticket::open();
        let Submission { transitions, permit, .. } = submission;
        let bytes = transitions.iter().map(Transition::bytes).sum();
        let request = Request { transitions, permit, answer, handed_over: Instant::now(), bytes };
        // The queue has no bound of its own: the permits are the bound.
        let _ = self.0.send(Message::Append(request));
        ticket
    }

    /// Asks for a purge. After closing, it answers `Closed`.
    pub(crate) fn purge(&self, table: Table, done: Vec<(Table, Vec<u8>)>) -> Purging {
        let (answer, answered) = channel::bounded(1);
        let _ = self.0.send(Message::Purge(Purge { table, done, answer }));
        Purging(answered)
    }

    /// Lets the other end finish what was handed over, and end.
    pub(crate) fn close(&self) {
        let _ = self.0.send(Message::Close);
    }
}

/// A purge that was asked for.
pub(crate) struct Purging(Receiver<Result<(), PurgeError>>);

impl Purging {
    /// Waits for it.
    pub(crate) fn wait(self) -> Result<(), PurgeError> {
        self.0.recv().unwrap_or(Err(PurgeError::Closed))
    }
}

/// The threads behind a log: the one that serves, and what is to finish after it.
pub(crate) struct Threads<K>(Mutex<Option<(JoinHandle<()>, K)>>);

impl<K> Threads<K> {
    /// Both are running.
    pub(crate) fn new(writer: JoinHandle<()>, keeper: K) -> Self {
        Self(Mutex::new(Some((writer, keeper))))
    }

    /// Lets both end, once. Who comes meanwhile returns when they have ended, too.
    pub(crate) fn end(&self, submitter: &Submitter, finish: impl FnOnce(K)) {
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((writer, keeper)) = threads.take() else { return };
        submitter.close();
        // The writer ends the process rather than panic, so there is nothing to learn from joining.
        let _ = writer.join();
        finish(keeper);
    }
}

/// The end of the thread.
pub(crate) struct Handoff {
    queue: Receiver<Message>,
    waiting: Vec<Request>,
    purges: Vec<Purge>,
    answers: Vec<Vec<Outcome>>,
    closing: bool,
}

impl Handoff {
    /// Serves until it is closed, or it is unknown whether something became durable.
    pub(crate) fn serve<D: Durability>(&mut self, disk: &mut D) -> Result<(), D::Error> {
        while self.collect() {
            disk.commit(&mut self.waiting, &mut self.answers)?;
            let now = Instant::now();
            for (request, outcomes) in self.waiting.drain(..).zip(self.answers.drain(..)) {
                disk.answering(now.saturating_duration_since(request.handed_over));
                request.answer.give(outcomes);
                drop(request.permit);
            }
            for Purge { table, done, answer } in mem::take(&mut self.purges) {
                let purged = disk.purge(table, &done)?;
                let _ = answer.send(purged);
            }
        }
        Ok(())
    }

    /// Waits for requests and takes what is there, up to a group's size. False at the end.
    fn collect(&mut self) -> bool {
        let (mut bytes, mut transitions) = (0, 0);
        while bytes < GROUP_BYTES_MAX && transitions < GROUP_TRANSITIONS_MAX {
            let wait = self.waiting.is_empty() && self.purges.is_empty() && !self.closing;
            let message = if wait {
                self.queue.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.queue.try_recv()
            };
            match message {
                Ok(Message::Append(request)) => {
                    bytes += request.bytes;
                    transitions += request.transitions.len();
                    self.waiting.push(request);
                }
                Ok(Message::Purge(purge)) => self.purges.push(purge),
                Ok(Message::Close) => self.closing = true,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.closing = true;
                    break;
                }
            }
        }
        !self.waiting.is_empty() || !self.purges.is_empty()
    }
}
