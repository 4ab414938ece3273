//! A log in memory, for tests and for engines that need not survive. It keeps every promise of the trait except to outlive its process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use tokio::sync::watch;

use crate::chain;
use crate::group::{Durable, Group};
use crate::heads::StreamHead;
use crate::{
    EventLog, Frame, KeyValue, LogHead, LogStatus, Outcome, Partition, Permits, Position,
    PurgeError, ReadError, Revision, StreamId, Submission, Table, TableSpec, Ticket,
};

const PERMITS_BYTES: u32 = 64 * 1024 * 1024;

/// An [`EventLog`] in memory. Each submission is a group of its own and durable at once.
#[derive(Debug)]
pub struct MemoryLog {
    permits: Permits,
    durable: watch::Sender<Position>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    group: Group,
    content: Content,
    head: LogHead,
    closed: bool,
}

/// What is durable, if memory were.
#[derive(Debug, Default)]
struct Content {
    frames: BTreeMap<Position, Frame>,
    streams: HashMap<StreamId, BTreeMap<Revision, Position>>,
    tables: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
    payloads: HashMap<[u8; 32], Arc<[u8]>>,
}

impl MemoryLog {
    /// Makes an empty log with these tables.
    pub fn new(tables: &[TableSpec]) -> Self {
        let content = Content {
            tables: tables.iter().map(|_| BTreeMap::new()).collect(),
            ..Content::default()
        };
        let state = State {
            group: Group::new(Position(0), None),
            content,
            head: LogHead::default(),
            closed: false,
        };
        Self {
            permits: Permits::new(PERMITS_BYTES),
            durable: watch::Sender::new(Position(0)),
            state: Mutex::new(state),
        }
    }

    /// The head of the log.
    pub fn head(&self) -> LogHead {
        self.state().head
    }

    /// Makes a submission durable at once; `None`: the log is closed.
    pub(crate) fn take(&self, submission: Submission) -> Option<Vec<Outcome>> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        let outcomes = state.append(submission);
        self.durable.send_replace(state.head.position);
        Some(outcomes)
    }

    /// The state; a panic of another thread leaves it whole, because nothing between two changes can fail.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, submission: Submission) -> Vec<Outcome> {
        let admit = |transition| {
            self.group.admit(transition, &self.content).expect("memory can always be read")
        };
        let outcomes = submission.transitions.into_iter().map(admit).collect();
        if !self.group.frames.is_empty() {
            self.head = LogHead {
                position: self.group.next(),
                hash: self.group.head_after(&self.head.hash),
            };
            self.content.keep(&mut self.group);
            self.group.clear();
        }
        outcomes
    }
}

impl Content {
    fn keep(&mut self, group: &mut Group) {
        let last = group.frames.len().saturating_sub(1);
        for (index, admitted) in group.frames.drain(..).enumerate() {
            let frame = Frame {
                partition: Partition(0),
                position: admitted.position,
                stream: admitted.stream,
                revision: admitted.revision,
                time_us: admitted.time_us,
                chain: chain::start(&admitted.chain),
                ends_group: index == last,
                records: admitted.records,
            };
            self.streams.entry(frame.stream).or_default().insert(frame.revision, frame.position);
            self.frames.insert(frame.position, frame);
        }
        for ((table, key), value) in std::mem::take(&mut group.rows) {
            let Some(rows) = self.tables.get_mut(usize::from(table.0)) else { continue };
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        self.payloads.extend(group.payloads.drain(..));
    }

    /// The frame that holds `from` and those behind it.
    fn frames_from(&self, from: Position) -> impl Iterator<Item = &Frame> {
        let first = self.frames.range(..=from).next_back().map_or(from, |(position, _)| *position);
        self.frames
            .range(first..)
            .map(|(_, frame)| frame)
            .filter(move |frame| frame.next_position() > from)
    }

    fn table(&self, table: Table) -> Result<&BTreeMap<Vec<u8>, Vec<u8>>, ReadError> {
        self.tables
            .get(usize::from(table.0))
            .ok_or_else(|| ReadError::Storage { reason: "no such table".to_owned() })
    }
}

impl Durable for Content {
    fn head(&self, stream: StreamId) -> Result<StreamHead, ReadError> {
        let last = self.streams.get(&stream).and_then(|revisions| revisions.last_key_value());
        let frame = last.and_then(|(_, position)| self.frames.get(position));
        Ok(frame.map_or(StreamHead::EMPTY, |frame| StreamHead {
            next: frame.next_revision(),
            chain: frame.chain,
        }))
    }

    fn frame(&self, stream: StreamId, revision: Revision) -> Result<Option<Frame>, ReadError> {
        let position = self.streams.get(&stream).and_then(|revisions| revisions.get(&revision));
        Ok(position.and_then(|position| self.frames.get(position)).cloned())
    }

    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.table(table)?.get(key).cloned())
    }

    fn tables(&self) -> usize {
        self.tables.len()
    }
}

impl EventLog for MemoryLog {
    fn permits(&self) -> &Permits {
        &self.permits
    }

    fn append(&self, submission: Submission) -> Ticket {
        let (answer, ticket) = Ticket::open();
        if let Some(outcomes) = self.take(submission) {
            answer.give(outcomes);
        }
        ticket
    }

    fn durable(&self, _partition: Partition) -> Position {
        *self.durable.borrow()
    }

    fn subscribe(&self, _partition: Partition) -> watch::Receiver<Position> {
        self.durable.subscribe()
    }

    fn read(
        &self,
        _partition: Partition,
        from: Position,
        bytes_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        let state = self.state();
        let mut frames = Vec::new();
        let mut bytes = 0;
        for frame in state.content.frames_from(from) {
            bytes += frame.records.as_bytes().len();
            frames.push(frame.clone());
            if bytes >= bytes_max {
                break;
            }
        }
        Ok(frames)
    }

    fn read_stream(
        &self,
        stream: StreamId,
        from: Revision,
        frames_max: usize,
    ) -> Result<Vec<Frame>, ReadError> {
        let state = self.state();
        let Some(revisions) = state.content.streams.get(&stream) else { return Ok(Vec::new()) };
        let first = revisions.range(..=from).next_back().map_or(from, |(revision, _)| *revision);
        let frames =
            revisions.range(first..).filter_map(|(_, position)| state.content.frames.get(position));
        Ok(frames.filter(|frame| frame.next_revision() > from).take(frames_max).cloned().collect())
    }

    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.state().content.row(table, key)
    }

    fn rows(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        rows_max: usize,
    ) -> Result<Vec<KeyValue>, ReadError> {
        let state = self.state();
        let rows = state
            .content
            .table(table)?
            .range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Unbounded));
        let within = |key: &Vec<u8>| to.is_empty() || key.as_slice() < to;
        Ok(rows
            .take_while(|(key, _)| within(key))
            .take(rows_max)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn payload(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(bytes) = self.state().content.payloads.get(hash).cloned() else { return Ok(None) };
        if blake3::hash(&bytes).as_bytes() != hash {
            return Err(ReadError::Payload);
        }
        Ok(Some(bytes.to_vec()))
    }

    fn purge(&self, _table: Table, done: Vec<(Table, Vec<u8>)>) -> Result<(), PurgeError> {
        let tables = &mut self.state().content.tables;
        for (table, key) in done {
            if let Some(rows) = tables.get_mut(usize::from(table.0)) {
                rows.remove(&key);
            }
        }
        Ok(())
    }

    fn status(&self) -> LogStatus {
        LogStatus { layout: 2, ..LogStatus::default() }
    }

    fn close(&self) {
        self.state().closed = true;
    }
}
