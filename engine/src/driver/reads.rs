//! Reads from the log, off the runtime's threads and a few at a time, however many are wanted at once.
//!
//! Invariants:
//! * Each read is answered by exactly one message, also when it fails or panics.
//! * At most [`TASKS_MAX`] threads read for a driver.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;

use nexus_model::aggregate::AggregateId;
use nexus_model::id::RunId;
use nexus_model::payload::PayloadHash;
use tokio::sync::mpsc;

use super::message::Message;
use super::timers::{Page, ROWS_MAX};
use crate::loader::{LoadError, Loader};
use crate::shard::{Loaded, Refusal};

/// Threads that read for one driver.
const TASKS_MAX: usize = 4;
/// Reads that one thread takes at a time.
const READS_PER_TASK: usize = 64;
/// Reads that wait before no more timers are fired.
const CLOGGED_AT: usize = 2_000;

/// Something to read.
#[derive(Debug)]
pub(super) enum Read {
    /// A run.
    Run(RunId),
    /// An aggregate.
    Aggregate(AggregateId),
    /// Whether a run has ended, for somebody who waits.
    End(RunId),
    /// Payloads that a decision about a run needs.
    Payloads(RunId, Vec<PayloadHash>),
    /// Timer rows.
    Timers(Page),
}

/// Reads that wait or are under way.
pub(super) struct Reads {
    loader: Loader,
    inbox: mpsc::UnboundedSender<Message>,
    waiting: VecDeque<Read>,
    tasks: usize,
}

impl Reads {
    pub(super) fn new(loader: Loader, inbox: mpsc::UnboundedSender<Message>) -> Self {
        Self { loader, inbox, waiting: VecDeque::new(), tasks: 0 }
    }

    /// Adds a read; it begins with the next [`begin`](Self::begin).
    pub(super) fn want(&mut self, read: Read) {
        self.waiting.push_back(read);
    }

    /// Begins what there is room for.
    pub(super) fn begin(&mut self) {
        while self.tasks < TASKS_MAX && !self.waiting.is_empty() {
            let share = self.waiting.len().div_ceil(TASKS_MAX - self.tasks).min(READS_PER_TASK);
            let reads: Vec<Read> = self.waiting.drain(..share).collect();
            let (loader, inbox) = (self.loader.clone(), self.inbox.clone());
            self.tasks += 1;
            tokio::task::spawn_blocking(move || {
                let found = reads.into_iter().map(|read| carry_out(read, &loader)).collect();
                // Whoever hears of it may be the last to hold the log.
                drop(loader);
                let _ = inbox.send(Message::HasRead(found));
            });
        }
    }

    /// Takes note that one thread is done.
    pub(super) fn has_read(&mut self) {
        self.tasks = self.tasks.saturating_sub(1);
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether so many reads wait that nothing should be begun that needs more.
    pub(super) fn is_clogged(&self) -> bool {
        self.waiting.len() >= CLOGGED_AT
    }
}

fn carry_out(read: Read, loader: &Loader) -> Message {
    match read {
        Read::Run(run) => {
            let loaded = guarded(|| {
                Ok(match loader.run(run)? {
                    Some((plan, state)) => {
                        let vault = loader.vault(run)?;
                        Loaded::Found { plan, state: Box::new(state), vault }
                    }
                    None => Loaded::NotFound,
                })
            });
            Message::Loaded { run, loaded: loaded.unwrap_or_else(failed) }
        }
        Read::Aggregate(id) => {
            let loaded = guarded(|| loader.aggregate(id)).map(|found| found.map(Box::new));
            Message::AggregateLoaded { id, loaded }
        }
        Read::End(run) => match guarded(|| loader.run(run)) {
            Ok(Some((_, state))) => Message::AlreadyEnded { run, status: state.status },
            Ok(None) => Message::Unwaitable { run, refusal: Refusal::NotFound },
            Err((reason, passing)) => {
                Message::Unwaitable { run, refusal: Refusal::Unreadable { reason, passing } }
            }
        },
        Read::Payloads(run, hashes) => match guarded(|| loader.payloads(&hashes)) {
            Ok(payloads) => Message::PayloadsLoaded { run, payloads },
            Err(failure) => Message::Loaded { run, loaded: failed(failure) },
        },
        Read::Timers(page) => {
            let rows =
                guarded(|| Ok(loader.log().rows(page.table, &page.from, &page.to, ROWS_MAX)?));
            Message::TimersLoaded { rows: rows.map_err(|(reason, _)| reason), page }
        }
    }
}

/// Why a read failed, and whether trying again may help.
type Failure = (String, bool);

fn guarded<T>(read: impl FnOnce() -> Result<T, LoadError>) -> Result<T, Failure> {
    match std::panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(found) => found.map_err(|error| (causes(&error), error.is_passing())),
        Err(_) => Err(("reading it panicked".to_owned(), false)),
    }
}

fn failed((reason, passing): Failure) -> Loaded {
    Loaded::Failed { reason, passing }
}

fn causes(error: &LoadError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
