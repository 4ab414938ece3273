//! The writer: the one thread that makes transitions durable, a group at a time.
//!
//! Invariants:
//! * A group is whatever arrived while the group before it was written; there is no timer.
//! * The durable end moves, and tickets answer, only after the sync has succeeded.
//! * Whatever fails here ends the process: unknown is never reported as success.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use crossbeam::channel::{Receiver, TryRecvError};
use fjall::{OwnedWriteBatch, PersistMode, Readable};
use tokio::sync::watch;

use super::disk::Disk;
use super::keeper::Waker;
use super::mark::Mark;
use super::measures::Measures;
use super::moment::{Act, Moments};
use super::purge::Stop;
use super::segments::Segment;
use super::store::{IndexRow, Store, storage};
use super::{Options, failure, purge};
use crate::group::Group;
use crate::{
    Answer, Outcome, Permit, Position, PurgeError, ReadError, Table, Transition, chain, envelope,
};

const GROUP_BYTES_MAX: usize = 512 * 1024;
const GROUP_TRANSITIONS_MAX: usize = 4096;

/// What the writer is told.
pub(super) enum Message {
    /// Make this durable.
    Append(Request),
    /// Remove what was deleted from a table apart from the disk, after everything handed over before.
    Purge(Purge),
    /// End after everything handed over before.
    Close,
}

/// A purge on its way.
pub(super) struct Purge {
    pub(super) table: Table,
    /// Rows that are taken away once it is done.
    pub(super) done: Vec<(Table, Vec<u8>)>,
    pub(super) answer: std::sync::mpsc::Sender<Result<(), PurgeError>>,
}

/// A submission on its way.
pub(super) struct Request {
    pub(super) transitions: Vec<Transition>,
    /// Returned when the request is dropped, after it was answered.
    pub(super) permit: Permit,
    pub(super) answer: Answer,
    pub(super) handed_over: Instant,
    pub(super) bytes: usize,
}

/// Where the durable log ends, for everyone who asks.
#[derive(Debug)]
pub(super) struct Tip {
    durable: AtomicU64,
    followers: watch::Sender<Position>,
    mark: Mutex<Mark>,
}

impl Tip {
    /// Starts at `mark`.
    pub(super) fn new(mark: Mark) -> Self {
        Self {
            durable: AtomicU64::new(mark.position.0),
            followers: watch::Sender::new(mark.position),
            mark: Mutex::new(mark),
        }
    }

    /// The position after the last durable record.
    pub(super) fn durable(&self) -> Position {
        Position(self.durable.load(Ordering::Acquire))
    }

    /// Follows the durable end.
    pub(super) fn subscribe(&self) -> watch::Receiver<Position> {
        self.followers.subscribe()
    }

    /// The durable end with everything that the high-water file says about it.
    pub(super) fn mark(&self) -> Mark {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, mark: Mark) {
        let position = mark.position;
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = mark;
        self.durable.store(position.0, Ordering::Release);
        self.followers.send_replace(position);
    }
}

/// The writer's own state.
pub(super) struct Writer {
    store: Arc<Store>,
    tip: Arc<Tip>,
    queue: Receiver<Message>,
    keeper: Waker,
    disk: Disk,
    measures: Measures,
    last_words: Option<fn()>,
    moments: Moments,
    segment: Segment,
    segment_bytes: u64,
    segment_bytes_max: u64,
    head: [u8; 32],
    group: Group,
    waiting: Vec<Request>,
    purges: Vec<Purge>,
    answers: Vec<Vec<Outcome>>,
    frame: Vec<u8>,
    closing: bool,
}

impl Writer {
    /// Makes a writer that goes on where `tip` ends.
    pub(super) fn new(
        store: Arc<Store>,
        tip: Arc<Tip>,
        queue: Receiver<Message>,
        keeper: Waker,
        disk: Disk,
        options: &Options,
    ) -> Self {
        let mark = tip.mark();
        let segment = store.segments.newest();
        Self {
            queue,
            keeper,
            disk,
            measures: Measures::new(),
            last_words: options.on_failure,
            moments: Moments(options.on_moment),
            segment_bytes: segment.frames.disk_space(),
            segment_bytes_max: options.segment_bytes,
            segment,
            head: mark.head,
            group: Group::new(mark.position),
            waiting: Vec::new(),
            purges: Vec::new(),
            answers: Vec::new(),
            frame: Vec::new(),
            closing: false,
            store,
            tip,
        }
    }

    /// Starts the thread.
    pub(super) fn start(mut self) -> io::Result<JoinHandle<()>> {
        let last_words = self.last_words;
        thread::Builder::new().name("nexus-log-writer".to_owned()).spawn(move || {
            let ran = catch_unwind(AssertUnwindSafe(|| self.run()));
            match ran {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failure::end_process("cannot write", &error, last_words),
                Err(_) => failure::end_process("cannot write", &"the writer panicked", last_words),
            }
        })
    }

    fn run(&mut self) -> Result<(), ReadError> {
        while self.collect() {
            self.write_group()?;
            for Purge { table, done, answer } in mem::take(&mut self.purges) {
                let purged = match purge::purge(&self.store, self.moments, table, &done) {
                    Ok(()) => Ok(()),
                    Err(Stop::NotDone(error)) => Err(error),
                    Err(Stop::Unknown(error)) => return Err(storage(error)),
                };
                let _ = answer.send(purged);
            }
        }
        self.store.is_well().map_err(storage)
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

    fn write_group(&mut self) -> Result<(), ReadError> {
        let began = Instant::now();
        match self.disk.nearly_full(began) {
            Some(free_bytes) => self.refuse_all(free_bytes),
            None => self.admit_all()?,
        }
        if !self.group.frames.is_empty() {
            let moments = self.moments;
            moments.around(Act::Commit, || self.commit())?;
        }
        let now = Instant::now();
        for (request, outcomes) in self.waiting.drain(..).zip(self.answers.drain(..)) {
            self.measures.append_seconds.record(now.saturating_duration_since(request.handed_over));
            request.answer.give(outcomes);
            drop(request.permit);
        }
        Ok(())
    }

    fn refuse_all(&mut self, free_bytes: u64) {
        let refusal = Outcome::DiskNearlyFull { free_bytes };
        let refused =
            self.waiting.iter().map(|request| vec![refusal.clone(); request.transitions.len()]);
        self.answers.extend(refused);
    }

    fn admit_all(&mut self) -> Result<(), ReadError> {
        for request in &mut self.waiting {
            let transitions = mem::take(&mut request.transitions);
            let mut outcomes = Vec::with_capacity(transitions.len());
            for transition in transitions {
                outcomes.push(self.group.admit(transition, &*self.store)?);
            }
            self.answers.push(outcomes);
        }
        Ok(())
    }

    /// Makes the group durable and moves the durable end.
    fn commit(&mut self) -> Result<(), ReadError> {
        let items =
            2 * self.group.frames.len() + self.group.rows.len() + self.group.payloads.len() + 1;
        let mut batch = OwnedWriteBatch::with_capacity(self.store.db.clone(), items)
            .durability(Some(PersistMode::SyncData));
        self.store.rows.make_apart(&self.store.db, self.group.rows.keys()).map_err(storage)?;
        let new_segment = self.rotate(&mut batch)?;
        let bytes = self.put_frames(&mut batch);
        self.put_rows(&mut batch);
        self.put_payloads(&mut batch)?;
        let mark = self.mark();
        let began = Instant::now();
        batch.commit().map_err(storage)?;
        let sync = began.elapsed();
        self.segment_bytes += bytes as u64;
        if let Some(segment) = new_segment {
            self.store.segments.push(segment);
        }
        self.publish(mark, bytes, sync);
        Ok(())
    }

    /// Begins a new segment with this group if the current one is full.
    fn rotate(&mut self, batch: &mut OwnedWriteBatch) -> Result<Option<Segment>, ReadError> {
        if self.segment_bytes < self.segment_bytes_max {
            return Ok(None);
        }
        let first =
            self.group.frames.first().map_or_else(|| self.group.next(), |frame| frame.position);
        self.segment = self.segment.following(&self.store.db, first).map_err(storage)?;
        self.segment_bytes = 0;
        let (key, value) = self.segment.row();
        batch.insert(self.store.rows.keyspace(), key.as_str(), value);
        Ok(Some(self.segment.clone()))
    }

    /// Puts frames and their index rows in the batch; returns how many bytes the frames take.
    fn put_frames(&mut self, batch: &mut OwnedWriteBatch) -> usize {
        let last = self.group.frames.len().saturating_sub(1);
        let mut bytes = 0;
        for (index, admitted) in self.group.frames.iter().enumerate() {
            envelope::encode(&mut self.frame, &admitted.envelope(index == last), &admitted.records);
            bytes += self.frame.len();
            batch.insert(
                &self.segment.frames,
                admitted.position.0.to_be_bytes(),
                self.frame.as_slice(),
            );
            let key = IndexRow::key(admitted.stream, admitted.revision);
            batch.insert(
                &self.store.streams,
                key,
                IndexRow::value(admitted.position, admitted.records.count()),
            );
        }
        bytes
    }

    fn put_rows(&mut self, batch: &mut OwnedWriteBatch) {
        for ((table, key), value) in mem::take(&mut self.group.rows) {
            self.store.rows.put(batch, table, &key, value.as_deref());
        }
    }

    /// Puts payloads in the batch, except those that are there: a hash stands for the same bytes for ever.
    fn put_payloads(&mut self, batch: &mut OwnedWriteBatch) -> Result<(), ReadError> {
        for (hash, bytes) in self.group.payloads.drain(..) {
            if !self
                .store
                .db
                .snapshot()
                .contains_key(&self.store.payloads, hash)
                .map_err(storage)?
            {
                batch.insert(&self.store.payloads, hash, &*bytes);
            }
        }
        Ok(())
    }

    /// What the high-water file will say of this group.
    fn mark(&self) -> Mark {
        let last = self.group.frames.last();
        Mark {
            position: self.group.next(),
            last_frame: last.map_or(Position(0), |frame| frame.position),
            chain: last.map_or(chain::NO_CHAIN, |frame| chain::start(&frame.chain)),
            head: self.group.head_after(&self.head),
            epoch: 0,
        }
    }

    fn publish(&mut self, mark: Mark, bytes: usize, sync: Duration) {
        let records = self.group.frames.iter().map(|frame| u64::from(frame.records.count())).sum();
        self.head = mark.head;
        self.tip.publish(mark);
        self.keeper.wake();
        self.measures.group(self.group.frames.len(), records, bytes, sync);
        self.group.clear();
    }
}
