//! The writer: makes transitions durable, a group at a time. Its thread does so, or who appends alone and has its seat.
//!
//! Invariants:
//! * The durable end moves, and the group counts as committed, only after the sync has succeeded.
//! * Whatever fails here ends the process: unknown is never reported as success.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use fjall::{OwnedWriteBatch, PersistMode, Readable};

use super::disk::Disk;
use super::mark::Mark;
use super::measures::Measures;
use super::moment::{Act, Moments};
use super::purge::Stop;
use super::segments::Segment;
use super::store::{IndexRow, Store, storage};
use super::{Options, failure, purge};
use crate::group::Group;
use crate::handoff::{Durability, Handoff, Request};
use crate::tip::Tip;
use crate::waking::Waker;
use crate::{Outcome, Position, PurgeError, ReadError, Table, chain, envelope};

/// A sync that takes no longer than this may be waited for by who appends alone. The way to the thread and back takes a good part of
/// it; where syncs take longer there is little to win, and what else is to be done on the thread of the one who waits is held up.
const QUICK: Duration = Duration::from_micros(500);

/// The writer's own state.
pub(super) struct Writer {
    store: Arc<Store>,
    tip: Arc<Tip<Mark>>,
    keeper: Waker,
    disk: Disk,
    measures: Measures,
    last_sync: Option<Duration>,
    moments: Moments,
    segment: Segment,
    segment_bytes: u64,
    segment_bytes_max: u64,
    head: [u8; 32],
    group: Group,
    frame: Vec<u8>,
}

/// Starts the thread, which serves what is handed off.
pub(super) fn start(
    mut handoff: Handoff<Writer>,
    store: Arc<Store>,
    last_words: Option<fn()>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("nexus-log-writer".to_owned()).spawn(move || {
        or_end(last_words, || {
            handoff.serve()?;
            store.is_well().map_err(storage)
        });
    })
}

/// Does something of which it would be unknown, if it failed, what became durable: then it ends the process.
pub(super) fn or_end<T>(
    last_words: Option<fn()>,
    work: impl FnOnce() -> Result<T, ReadError>,
) -> T {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => failure::end_process("cannot write", &error, last_words),
        Err(_) => failure::end_process("cannot write", &"the writer panicked", last_words),
    }
}

impl Writer {
    /// Makes a writer that goes on where `tip` ends.
    pub(super) fn new(
        store: Arc<Store>,
        tip: Arc<Tip<Mark>>,
        keeper: Waker,
        disk: Disk,
        options: &Options,
    ) -> Self {
        let mark = tip.mark();
        let segment = store.segments.newest();
        Self {
            keeper,
            disk,
            measures: Measures::new(),
            last_sync: None,
            moments: Moments(options.on_moment),
            segment_bytes: segment.frames.disk_space(),
            segment_bytes_max: options.segment_bytes,
            segment,
            head: mark.head,
            group: Group::new(mark.position, store.greatest_stream()),
            frame: Vec::new(),
            store,
            tip,
        }
    }

    fn admit_all(
        &mut self,
        requests: &mut [Request],
        answers: &mut Vec<Vec<Outcome>>,
    ) -> Result<(), ReadError> {
        for request in requests {
            let transitions = mem::take(&mut request.transitions);
            let mut outcomes = Vec::with_capacity(transitions.len());
            for transition in transitions {
                outcomes.push(self.group.admit(transition, &*self.store)?);
            }
            answers.push(outcomes);
        }
        Ok(())
    }

    /// Makes the group durable and moves the durable end.
    fn write_group(&mut self) -> Result<(), ReadError> {
        // Once in some ten thousand transitions that takes a while, which is no part of the sync.
        self.store.rotate_in_time(&self.segment.frames).map_err(storage)?;
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
        }
        // After the frames and not between them: filling one table after the other takes the processor less time.
        for admitted in &self.group.frames {
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
        self.last_sync = Some(sync);
        self.tip.publish(mark.position, mark);
        self.keeper.wake();
        self.measures.group(self.group.frames.len(), records, bytes, sync);
        self.group.clear();
    }
}

impl Durability for Writer {
    type Error = ReadError;

    fn commit(
        &mut self,
        group: &mut [Request],
        answers: &mut Vec<Vec<Outcome>>,
    ) -> Result<(), ReadError> {
        match self.disk.nearly_full(Instant::now()) {
            Some(free_bytes) => refuse_all(group, answers, free_bytes),
            None => self.admit_all(group, answers)?,
        }
        if !self.group.frames.is_empty() {
            let moments = self.moments;
            moments.around(Act::Commit, || self.write_group())?;
        }
        Ok(())
    }

    fn is_quick(&self) -> bool {
        self.last_sync.is_some_and(|took| took < QUICK)
    }

    fn answering(&mut self, waited: Duration) {
        self.measures.append_seconds.record(waited);
    }

    fn purge(
        &mut self,
        table: Table,
        done: &[(Table, Vec<u8>)],
    ) -> Result<Result<(), PurgeError>, ReadError> {
        match purge::purge(&self.store, self.moments, table, done) {
            Ok(()) => Ok(Ok(())),
            Err(Stop::NotDone(error)) => Ok(Err(error)),
            Err(Stop::Unknown(error)) => Err(storage(error)),
        }
    }
}

fn refuse_all(group: &[Request], answers: &mut Vec<Vec<Outcome>>, free_bytes: u64) {
    let refusal = Outcome::DiskNearlyFull { free_bytes };
    answers.extend(group.iter().map(|request| vec![refusal.clone(); request.transitions.len()]));
}
