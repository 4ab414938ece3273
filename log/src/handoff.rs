//! The hand-off: from everybody who appends to the one thread that makes things durable, and back.
//!
//! Who appends alone can spare itself the way to the thread and back, and make its submission durable itself: two threads that
//! wake each other take about as long as a fast disk.
//!
//! Invariants:
//! * Only one makes things durable at a time: the thread, or one who found nothing else on its way.
//! * A group is whatever arrived while the group before it was written; there is no timer.
//! * Tickets answer only after their group is durable, and the permit of a submission returns after its answer.
//! * What was handed over before closing is made durable; what comes too late finds its ticket closed, and its permit returns.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::sync::channel::{self, Receiver, Sender, TryRecvError};
use crate::sync::{AtomicU64, JoinHandle, Mutex, MutexGuard, PoisonError};
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

impl Request {
    fn new(submission: Submission) -> (Self, Ticket) {
        let (answer, ticket) = Ticket::open();
        let Submission { transitions, permit, .. } = submission;
        let bytes = transitions.iter().map(Transition::bytes).sum();
        (Self { transitions, permit, answer, handed_over: Instant::now(), bytes }, ticket)
    }
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

    /// Whether it takes so little time that one who appends may wait for it.
    fn is_quick(&self) -> bool;

    /// Is told how long a request has waited for the answer that it is about to get.
    fn answering(&mut self, waited: Duration);

    /// Removes what was deleted from a table.
    fn purge(
        &mut self,
        table: Table,
        done: &[(Table, Vec<u8>)],
    ) -> Result<Result<(), PurgeError>, Self::Error>;
}

/// Where things are made durable.
struct Desk<D> {
    seat: Mutex<Seat<D>>,
    /// How much was handed over to the thread and is not answered.
    on_the_way: AtomicU64,
}

/// Who has it makes things durable.
struct Seat<D> {
    disk: D,
    /// Not after closing, nor after a failure.
    is_open: bool,
}

impl<D: Durability> Desk<D> {
    /// The seat, if nobody has it, nothing is on its way to it, and it takes little time.
    fn free_seat(&self) -> Option<MutexGuard<'_, Seat<D>>> {
        let seat = self.seat.try_lock().ok()?;
        let is_free = seat.is_open && self.on_the_way.load(Ordering::Acquire) == 0;
        (is_free && seat.disk.is_quick()).then_some(seat)
    }
}

impl<D: Durability> Seat<D> {
    /// Makes a group durable, and answers it.
    fn commit(
        &mut self,
        group: &mut Vec<Request>,
        answers: &mut Vec<Vec<Outcome>>,
    ) -> Result<(), D::Error> {
        self.disk.commit(group, answers).inspect_err(|_| self.is_open = false)?;
        let now = Instant::now();
        for (request, outcomes) in group.drain(..).zip(answers.drain(..)) {
            self.disk.answering(now.saturating_duration_since(request.handed_over));
            request.answer.give(outcomes);
            drop(request.permit);
        }
        Ok(())
    }

    /// Carries out purges, and answers them.
    fn purge(&mut self, purges: Vec<Purge>) -> Result<(), D::Error> {
        for Purge { table, done, answer } in purges {
            let purged = self.disk.purge(table, &done).inspect_err(|_| self.is_open = false)?;
            let _ = answer.send(purged);
        }
        Ok(())
    }
}

/// Makes both ends.
pub(crate) fn open<D: Durability>(disk: D) -> (Submitter<D>, Handoff<D>) {
    let (sender, queue) = channel::unbounded();
    let seat = Mutex::new(Seat { disk, is_open: true });
    let desk = Arc::new(Desk { seat, on_the_way: AtomicU64::new(0) });
    let handoff = Handoff {
        desk: Arc::clone(&desk),
        queue,
        waiting: Vec::new(),
        bytes: 0,
        transitions: 0,
        purges: Vec::new(),
        answers: Vec::new(),
        closing: false,
    };
    (Submitter { queue: sender, desk }, handoff)
}

/// The end of those who append.
pub(crate) struct Submitter<D> {
    queue: Sender<Message>,
    desk: Arc<Desk<D>>,
}

impl<D: Durability> Submitter<D> {
    /// Hands a submission over. After closing, the ticket answers `Closed`.
    pub(crate) fn append(&self, submission: Submission) -> Ticket {
        let (request, ticket) = Request::new(submission);
        self.hand_over(Message::Append(request));
        ticket
    }

    /// Makes a submission durable before it returns, if nothing else is on its way and that takes little time; otherwise it is
    /// handed over.
    pub(crate) fn append_here(&self, submission: Submission) -> Result<Ticket, D::Error> {
        let (request, ticket) = Request::new(submission);
        match self.desk.free_seat() {
            Some(mut seat) => seat.commit(&mut vec![request], &mut Vec::with_capacity(1))?,
            None => self.hand_over(Message::Append(request)),
        }
        Ok(ticket)
    }

    /// Asks for a purge. After closing, it answers `Closed`.
    pub(crate) fn purge(&self, table: Table, done: Vec<(Table, Vec<u8>)>) -> Purging {
        let (answer, answered) = channel::bounded(1);
        self.hand_over(Message::Purge(Purge { table, done, answer }));
        Purging(answered)
    }

    fn hand_over(&self, message: Message) {
        // Before it is sent: who finds nothing on its way goes before nothing that was handed over.
        self.desk.on_the_way.fetch_add(1, Ordering::AcqRel);
        // The queue has no bound of its own: the permits are the bound.
        let _ = self.queue.send(message);
    }

    /// Lets the other end finish what was handed over, and end.
    pub(crate) fn close(&self) {
        let _ = self.queue.send(Message::Close);
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
    pub(crate) fn end<D: Durability>(&self, submitter: &Submitter<D>, finish: impl FnOnce(K)) {
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((writer, keeper)) = threads.take() else { return };
        submitter.close();
        // The writer ends the process rather than panic, so there is nothing to learn from joining.
        let _ = writer.join();
        finish(keeper);
    }
}

/// The end of the thread.
pub(crate) struct Handoff<D> {
    desk: Arc<Desk<D>>,
    queue: Receiver<Message>,
    waiting: Vec<Request>,
    /// What the waiting requests have.
    bytes: usize,
    transitions: usize,
    purges: Vec<Purge>,
    answers: Vec<Vec<Outcome>>,
    closing: bool,
}

impl<D: Durability> Handoff<D> {
    /// Serves until it is closed, or it is unknown whether something became durable.
    pub(crate) fn serve(&mut self) -> Result<(), D::Error> {
        let desk = Arc::clone(&self.desk);
        loop {
            let is_end = !self.collect();
            // Who panicked in the seat ends the process.
            let Ok(mut seat) = desk.seat.lock() else { return Ok(()) };
            if is_end || !seat.is_open {
                seat.is_open = false;
                return Ok(());
            }
            // What came while another had the seat.
            self.collect();
            let taken = self.waiting.len() + self.purges.len();
            seat.commit(&mut self.waiting, &mut self.answers)?;
            (self.bytes, self.transitions) = (0, 0);
            seat.purge(mem::take(&mut self.purges))?;
            desk.on_the_way.fetch_sub(taken as u64, Ordering::AcqRel);
        }
    }

    /// Waits for requests and takes what is there, up to a group's size. False at the end.
    fn collect(&mut self) -> bool {
        while self.bytes < GROUP_BYTES_MAX && self.transitions < GROUP_TRANSITIONS_MAX {
            let wait = self.waiting.is_empty() && self.purges.is_empty() && !self.closing;
            let message = if wait {
                self.queue.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.queue.try_recv()
            };
            match message {
                Ok(Message::Append(request)) => {
                    self.bytes += request.bytes;
                    self.transitions += request.transitions.len();
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
