//! A log that does what it is told: refuse, delay, block, fail to read, go away.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use nexus_engine::log::{
    Answer, EventLog, Frame, KeyValue, LogStatus, MemoryLog, Outcome, Partition, Permits, Position,
    PurgeError, ReadError, Revision, StreamId, Submission, Table, Ticket,
};
use nexus_engine::tables::{DEFINITIONS, TABLES, TIMERS, WALL_TIMERS};
use tokio::sync::watch;

/// What the log does wrong.
#[derive(Default)]
pub(crate) struct Faults {
    /// Nothing is taken and nothing answered.
    pub(crate) blocked: AtomicBool,
    /// What is not taken yet is lost, and nobody gets an answer any more.
    pub(crate) gone: AtomicBool,
    /// Transitions that are still taken; then the log is gone.
    pub(crate) taken_left: AtomicU32,
    /// After so many transitions it is gone, without an answer to the last; 0: never.
    pub(crate) gone_after: AtomicUsize,
    /// Transitions out of a hundred that are refused.
    pub(crate) refused_percent: AtomicU32,
    /// Longest delay before something is taken, in microseconds.
    pub(crate) delay_us_max: AtomicU32,
    /// Time that each read takes, in microseconds.
    pub(crate) read_us: AtomicU32,
    /// Reads of timers that still fail.
    pub(crate) rows_failing: AtomicU32,
    /// Definitions cannot be understood.
    pub(crate) definitions_garbled: AtomicBool,
    /// Reads of streams so far.
    pub(crate) reads: AtomicUsize,
    /// Reads of streams under way, and the most there ever were.
    reading: AtomicUsize,
    pub(crate) reading_most: AtomicUsize,
    /// How many submissions have come, taken or not.
    pub(crate) submitted: AtomicUsize,
    /// How many of them from one who would wait for the disk.
    pub(crate) here: AtomicUsize,
}

/// The log.
pub(crate) struct FaultyLog {
    inner: Arc<MemoryLog>,
    pub(crate) faults: Arc<Faults>,
    queue: mpsc::Sender<(Submission, Answer)>,
}

pub(crate) fn memory() -> Arc<MemoryLog> {
    Arc::new(MemoryLog::new(TABLES))
}

impl FaultyLog {
    /// A log over what `inner` holds. The seed decides about delays and refusals.
    pub(crate) fn over(inner: &Arc<MemoryLog>, seed: u64) -> Arc<Self> {
        let faults = Arc::new(Faults::default());
        faults.taken_left.store(u32::MAX, Ordering::SeqCst);
        let (queue, submissions) = mpsc::channel();
        let (log, told) = (Arc::clone(inner), Arc::clone(&faults));
        thread::spawn(move || write(&submissions, &log, &told, Chance(seed)));
        Arc::new(Self { inner: Arc::clone(inner), faults, queue })
    }
}

fn write(
    submissions: &mpsc::Receiver<(Submission, Answer)>,
    log: &MemoryLog,
    faults: &Faults,
    mut chance: Chance,
) {
    while let Ok((submission, answer)) = submissions.recv() {
        while faults.blocked.load(Ordering::SeqCst) && !faults.gone.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        let delay = faults.delay_us_max.load(Ordering::SeqCst);
        if delay > 0 {
            thread::sleep(Duration::from_micros(chance.below(u64::from(delay))));
        }
        if faults.gone.load(Ordering::SeqCst) {
            continue;
        }
        let percent = u64::from(faults.refused_percent.load(Ordering::SeqCst));
        let Submission { partition, mut transitions, permit } = submission;
        // An answer to a part of a submission would be none: the rest is lost with the process.
        let left = faults.taken_left.load(Ordering::SeqCst) as usize;
        if transitions.len() > left {
            transitions.truncate(left);
            if !transitions.is_empty() {
                let _ = log.append(Submission { partition, transitions, permit }).wait();
            }
            faults.gone.store(true, Ordering::SeqCst);
            continue;
        }
        let taken = u32::try_from(transitions.len()).unwrap();
        faults.taken_left.fetch_sub(taken, Ordering::SeqCst);
        let refused: Vec<bool> = transitions.iter().map(|_| chance.below(100) < percent).collect();
        let taken = transitions.into_iter().zip(&refused).filter(|(_, refused)| !**refused);
        let mut transitions: Vec<_> = taken.map(|(transition, _)| transition).collect();
        let left = faults.gone_after.load(Ordering::SeqCst);
        let is_last = left > 0 && transitions.len() >= left;
        if is_last {
            transitions.truncate(left);
        } else if left > 0 {
            faults.gone_after.store(left - transitions.len(), Ordering::SeqCst);
        }
        let mut outcomes = Vec::new().into_iter();
        if !transitions.is_empty() {
            let ticket = log.append(Submission { partition, transitions, permit });
            let Ok(answers) = ticket.wait() else { continue };
            if is_last {
                faults.gone.store(true, Ordering::SeqCst);
                continue;
            }
            outcomes = answers.into_iter();
        }
        let full = || Outcome::DiskNearlyFull { free_bytes: 1 };
        let outcome = |refused: bool| if refused { full() } else { outcomes.next().unwrap() };
        answer.give(refused.into_iter().map(outcome).collect());
    }
}

impl EventLog for FaultyLog {
    fn permits(&self) -> &Permits {
        self.inner.permits()
    }

    fn append(&self, submission: Submission) -> Ticket {
        let (answer, ticket) = Ticket::open();
        self.faults.submitted.fetch_add(1, Ordering::SeqCst);
        self.queue.send((submission, answer)).unwrap();
        ticket
    }

    fn append_here(&self, submission: Submission) -> Ticket {
        self.faults.here.fetch_add(1, Ordering::SeqCst);
        self.append(submission)
    }

    fn durable(&self, partition: Partition) -> Position {
        self.inner.durable(partition)
    }

    fn subscribe(&self, partition: Partition) -> watch::Receiver<Position> {
        self.inner.subscribe(partition)
    }

    fn read(
        &self,
        partition: Partition,
        from: Position,
        bytes_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        self.inner.read(partition, from, bytes_max)
    }

    fn read_stream(
        &self,
        stream: StreamId,
        from: Revision,
        frames_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        self.faults.reads.fetch_add(1, Ordering::SeqCst);
        let now = self.faults.reading.fetch_add(1, Ordering::SeqCst) + 1;
        self.faults.reading_most.fetch_max(now, Ordering::SeqCst);
        thread::sleep(Duration::from_micros(self.faults.read_us.load(Ordering::SeqCst).into()));
        let frames = self.inner.read_stream(stream, from, frames_max);
        self.faults.reading.fetch_sub(1, Ordering::SeqCst);
        frames
    }

    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        if table == DEFINITIONS && self.faults.definitions_garbled.load(Ordering::SeqCst) {
            return Ok(Some(b"{\"from\":\"the future\"}".to_vec()));
        }
        self.inner.row(table, key)
    }

    fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        rows_max: usize,
    ) -> Result<Vec<KeyValue>, ReadError> {
        let one_less = |left: u32| left.checked_sub(1);
        let failing = &self.faults.rows_failing;
        let is_timers = table == TIMERS || table == WALL_TIMERS;
        if is_timers && failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            return Err(ReadError::Storage { reason: "told to".into() });
        }
        self.inner.rows(table, from, to, rows_max)
    }

    fn payload(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, ReadError> {
        thread::sleep(Duration::from_micros(self.faults.read_us.load(Ordering::SeqCst).into()));
        self.inner.payload(hash)
    }

    fn purge(&self, table: Table, done: Vec<(Table, Vec<u8>)>) -> Result<(), PurgeError> {
        self.inner.purge(table, done)
    }

    fn status(&self) -> LogStatus {
        self.inner.status()
    }

    /// What it holds outlives it.
    fn close(&self) {}
}

/// Chance from a seed (splitmix64).
#[derive(Clone, Copy)]
pub(crate) struct Chance(pub u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}
