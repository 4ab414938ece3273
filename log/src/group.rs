//! Groups: the transitions that become durable together, and who is let in.
//!
//! Invariants:
//! * A refused transition leaves no trace and never fails its neighbours.
//! * A transition is judged on what is durable and on what was let into the same group before it.
//! * Positions are given in order of admission, without a hole.
//! * No stream is greater than the greatest that is known: ids are made by time (`UUIDv7`), so a new stream is mostly greater, and
//!   nothing has to be asked about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chain::{self, HeadHasher};
#[cfg(feature = "fjall")]
use crate::envelope::Envelope;
use crate::heads::{Heads, StreamHead};
use crate::{
    Change, Frame, Outcome, Position, ReadError, Records, Revision, Row, StreamId, Table,
    Transition,
};

/// The most bytes of records that a frame takes.
pub(crate) const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;

const KEY_BYTES_MAX: usize = u16::MAX as usize;
const STREAMS_REMEMBERED: usize = 32 * 1024;

/// What is durable, as far as admission asks.
pub(crate) trait Durable {
    /// Where `stream` ends.
    fn head(&self, stream: StreamId) -> Result<StreamHead, ReadError>;
    /// The frame of `stream` that begins exactly at `revision`.
    fn frame(&self, stream: StreamId, revision: Revision) -> Result<Option<Frame>, ReadError>;
    /// A row.
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;
    /// How many tables there are.
    fn tables(&self) -> usize;
}

/// A transition that was let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) position: Position,
    pub(crate) stream: StreamId,
    pub(crate) revision: Revision,
    pub(crate) time_us: i64,
    pub(crate) chain: [u8; 32],
    pub(crate) records: Records,
}

#[cfg(feature = "fjall")]
impl Admitted {
    /// What stands before its records on the disk.
    pub(crate) fn envelope(&self, ends_group: bool) -> Envelope {
        Envelope {
            stream: self.stream,
            revision: self.revision,
            time_us: self.time_us,
            chain: chain::start(&self.chain),
            ends_group,
        }
    }
}

/// Decides about transitions, and collects those that are let in until they are taken as one group.
#[derive(Debug)]
pub(crate) struct Group {
    next: Position,
    /// The greatest stream that is durable or was let in.
    greatest: Option<StreamId>,
    heads: Heads,
    pub(crate) frames: Vec<Admitted>,
    /// The rows as the group leaves them; `None` is a row that goes.
    pub(crate) rows: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
    pub(crate) payloads: Vec<([u8; 32], Arc<[u8]>)>,
}

impl Group {
    /// Starts with nothing admitted, at the end of a log whose streams are at most `greatest`.
    pub(crate) fn new(next: Position, greatest: Option<StreamId>) -> Self {
        Self {
            next,
            greatest,
            heads: Heads::new(STREAMS_REMEMBERED),
            frames: Vec::new(),
            rows: BTreeMap::new(),
            payloads: Vec::new(),
        }
    }

    /// The position after everything admitted.
    pub(crate) fn next(&self) -> Position {
        self.next
    }

    /// The head of the log after this group, if `previous` is the one before it.
    pub(crate) fn head_after(&self, previous: &[u8; 32]) -> [u8; 32] {
        let chains: Vec<[u8; 32]> = self.frames.iter().map(|frame| frame.chain).collect();
        let mut hasher = HeadHasher::after(previous);
        hasher.frames(&chains);
        hasher.finish()
    }

    /// Forgets what was admitted, once it is durable.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.rows.clear();
        self.payloads.clear();
        self.heads.age();
    }

    /// Decides about one transition. [`Outcome::Appended`] is a promise that holds once the group is durable.
    pub(crate) fn admit(
        &mut self,
        transition: Transition,
        durable: &impl Durable,
    ) -> Result<Outcome, ReadError> {
        if !acceptable(&transition, durable.tables()) {
            return Ok(Outcome::Unacceptable);
        }
        let head = self.head(transition.stream, durable)?;
        if head.next != transition.expected {
            let conflict = Outcome::Conflict { actual: head.next };
            let repeated = self.repeated(&transition, head.next, durable)?;
            return Ok(repeated.map_or(conflict, Outcome::Repeated));
        }
        if let Some(taken) = self.taken(&transition.rows, durable)? {
            return Ok(taken);
        }
        Ok(Outcome::Appended(self.take_in(transition, head)))
    }

    fn head(&mut self, stream: StreamId, durable: &impl Durable) -> Result<StreamHead, ReadError> {
        if Some(stream) > self.greatest {
            return Ok(StreamHead::EMPTY);
        }
        if let Some(head) = self.heads.get(stream) {
            return Ok(head);
        }
        let head = durable.head(stream)?;
        self.heads.set(stream, head);
        Ok(head)
    }

    /// Where the same transition stands already, if it does.
    fn repeated(
        &self,
        again: &Transition,
        actual: Revision,
        durable: &impl Durable,
    ) -> Result<Option<Position>, ReadError> {
        if again.expected > actual {
            return Ok(None);
        }
        let begins_there =
            |frame: &&Admitted| frame.stream == again.stream && frame.revision == again.expected;
        if let Some(frame) = self.frames.iter().rev().find(begins_there) {
            let same = frame.time_us == again.time_us && frame.records == again.records;
            return Ok(same.then_some(frame.position));
        }
        let frame = durable.frame(again.stream, again.expected)?;
        let same = |frame: &Frame| frame.time_us == again.time_us && frame.records == again.records;
        Ok(frame.filter(same).map(|frame| frame.position))
    }

    /// The refusal for the first row that had to be new and is not.
    fn taken(&self, rows: &[Row], durable: &impl Durable) -> Result<Option<Outcome>, ReadError> {
        for (index, row) in rows.iter().enumerate() {
            if !matches!(row.change, Change::PutNew(_)) {
                continue;
            }
            if let Some(value) =
                self.row_before(rows.get(..index).unwrap_or_default(), row, durable)?
            {
                return Ok(Some(Outcome::Taken { row: index, value }));
            }
        }
        Ok(None)
    }

    /// What the row holds before its own change: by the same transition, by the group, or durably.
    fn row_before(
        &self,
        earlier: &[Row],
        row: &Row,
        durable: &impl Durable,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        if let Some(same) =
            earlier.iter().rev().find(|other| other.table == row.table && other.key == row.key)
        {
            return Ok(same.change.value().map(<[u8]>::to_vec));
        }
        if !self.rows.is_empty()
            && let Some(value) = self.rows.get(&(row.table, row.key.clone()))
        {
            return Ok(value.clone());
        }
        durable.row(row.table, &row.key)
    }

    fn take_in(&mut self, transition: Transition, head: StreamHead) -> Position {
        let Transition { stream, expected: revision, time_us, records, rows, payloads } =
            transition;
        let position = self.next;
        let chain = chain::chain(&head.chain, stream, revision, time_us, records.as_bytes());
        self.next = Position(position.0 + u64::from(records.count()));
        let next = Revision(revision.0 + records.count());
        self.heads.set(stream, StreamHead { next, chain: chain::start(&chain) });
        self.greatest = self.greatest.max(Some(stream));
        self.rows
            .extend(rows.into_iter().map(|row| ((row.table, row.key), row.change.into_value())));
        self.payloads.extend(payloads);
        self.frames.push(Admitted { position, stream, revision, time_us, chain, records });
        position
    }
}

/// Whether a transition can be stored at all.
fn acceptable(transition: &Transition, tables: usize) -> bool {
    let records = &transition.records;
    let rows_fit = |row: &Row| {
        usize::from(row.table.0) < tables && (1..=KEY_BYTES_MAX).contains(&row.key.len())
    };
    !records.is_empty()
        && records.as_bytes().len() <= FRAME_BYTES_MAX
        && transition.expected.0.checked_add(records.count()).is_some()
        && transition.rows.iter().all(rows_fit)
}
