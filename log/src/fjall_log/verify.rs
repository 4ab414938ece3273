//! Verification: reads everything and checks it against everything else. It changes nothing and needs no quiet.
//!
//! Source: docs/log-format.md.

use std::collections::HashMap;
use std::fmt;

use fjall::Readable;

use super::mark::Mark;
use super::store::{IndexRow, Store, storage};
use crate::chain::{self, ChainStart, HeadHasher, NO_CHAIN};
use crate::{Frame, Position, ReadError, Revision, StreamId};

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many frames were read.
    pub frames: u64,
    /// How many records they hold.
    pub records: u64,
    /// How many streams they belong to.
    pub streams: u64,
    /// How many payloads were read.
    pub payloads: u64,
    /// What does not check; empty if all is well.
    pub problems: Vec<Problem>,
}

/// Something that does not check, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A frame does not match its checksum or its shape.
    Frame {
        /// Where.
        at: Position,
        /// What does not match.
        reason: String,
    },
    /// Positions are missing.
    Hole {
        /// The first that is missing.
        from: Position,
        /// The first that is there again, or the durable end.
        to: Position,
    },
    /// A frame does not continue its stream.
    Revision {
        /// The stream.
        stream: StreamId,
        /// The position of the frame.
        at: Position,
        /// Where the stream should have gone on.
        expected: Revision,
        /// Where the frame says it stands.
        found: Revision,
    },
    /// The chain of a stream is broken.
    Chain {
        /// The stream.
        stream: StreamId,
        /// The position of the first frame that does not continue it.
        at: Position,
    },
    /// The index of a stream lacks a frame or says something else about it.
    IndexMissing {
        /// The stream.
        stream: StreamId,
        /// The position of the frame.
        at: Position,
    },
    /// The index of a stream names a frame that is not there.
    IndexExtra {
        /// The stream.
        stream: StreamId,
        /// The revision that it names.
        revision: Revision,
        /// The position that it names.
        at: Position,
    },
    /// A payload does not have the hash under which it is stored.
    Payload {
        /// That hash.
        hash: [u8; 32],
    },
    /// The head computed from the frames is not the one that the log has.
    Head {
        /// The end of the group at which they differ.
        at: Position,
    },
    /// The disk or the storage engine failed.
    Storage {
        /// The last position that could be read.
        after: Position,
        /// Its words.
        reason: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { at, reason } => {
                write!(f, "the frame at position {at} is damaged: {reason}")
            }
            Self::Hole { from, to } => write!(f, "positions {from} to {to} are missing"),
            Self::Revision { stream, at, expected, found } => {
                write!(
                    f,
                    "the frame at position {at} continues stream {stream} at revision {found}, not {expected}"
                )
            }
            Self::Chain { stream, at } => {
                write!(f, "the chain of stream {stream} is broken at position {at}")
            }
            Self::IndexMissing { stream, at } => {
                write!(f, "the index of stream {stream} does not name the frame at position {at}")
            }
            Self::IndexExtra { stream, revision, at } => {
                write!(
                    f,
                    "the index of stream {stream} names position {at} for revision {revision}, where no such frame stands"
                )
            }
            Self::Payload { hash } => {
                f.write_str("a payload does not match its hash ")?;
                hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Head { at } => {
                write!(f, "the head of the log at position {at} is not the one on record")
            }
            Self::Storage { after, reason } => {
                write!(f, "the store cannot be read behind position {after}: {reason}")
            }
        }
    }
}

/// Checks the log up to `mark`.
pub(super) fn verify(store: &Store, mark: &Mark) -> Report {
    let mut check = Check {
        store,
        end: mark.position,
        report: Report::default(),
        streams: HashMap::new(),
        group: HeadHasher::after(&Mark::EMPTY.head),
        head: Mark::EMPTY.head,
        expected: Position(0),
    };
    check.frames();
    if check.head != mark.head || check.expected != mark.position {
        check.report.problems.push(Problem::Head { at: mark.position });
    }
    check.index();
    check.payloads();
    check.report.streams = check.streams.len() as u64;
    check.report
}

struct Check<'a> {
    store: &'a Store,
    end: Position,
    report: Report,
    streams: HashMap<StreamId, (Revision, ChainStart)>,
    group: HeadHasher,
    head: [u8; 32],
    expected: Position,
}

impl Check<'_> {
    fn frames(&mut self) {
        for stored in self.store.frames(Position(0)) {
            let stored = match stored {
                Ok(stored) => stored,
                Err(error) => return self.unreadable(&error),
            };
            if stored.position >= self.end {
                break;
            }
            self.positions_up_to(stored.position);
            match stored.decode() {
                Ok(frame) => self.frame(&frame),
                Err(error) => {
                    // How many records it held is unknown, so the next frame stands wherever it stands.
                    self.report
                        .problems
                        .push(Problem::Frame { at: stored.position, reason: error.to_string() });
                    self.expected = Position(u64::MAX);
                }
            }
        }
        self.positions_up_to(self.end);
    }

    /// Notes a hole if `position` is not the one expected next.
    fn positions_up_to(&mut self, position: Position) {
        if self.expected != position && self.expected != Position(u64::MAX) {
            self.report.problems.push(Problem::Hole { from: self.expected, to: position });
        }
        self.expected = position;
    }

    fn frame(&mut self, frame: &Frame) {
        self.report.frames += 1;
        self.report.records += u64::from(frame.records.count());
        self.expected = frame.next_position();
        let (revision, previous) =
            self.streams.get(&frame.stream).copied().unwrap_or((Revision(0), NO_CHAIN));
        if revision != frame.revision {
            let (at, expected, found) = (frame.position, revision, frame.revision);
            self.report.problems.push(Problem::Revision {
                stream: frame.stream,
                at,
                expected,
                found,
            });
        }
        let chain = chain::chain(
            &previous,
            frame.stream,
            frame.revision,
            frame.time_us,
            frame.records.as_bytes(),
        );
        if chain::start(&chain) != frame.chain {
            self.report.problems.push(Problem::Chain { stream: frame.stream, at: frame.position });
        }
        self.streams.insert(frame.stream, (frame.next_revision(), frame.chain));
        self.group.frame(&chain);
        if frame.ends_group {
            self.head = self.group.finish();
            self.group = HeadHasher::after(&self.head);
        }
        self.index_names(frame);
    }

    fn index_names(&mut self, frame: &Frame) {
        let key = IndexRow::key(frame.stream, frame.revision);
        match self.store.db.snapshot().get(&self.store.streams, key) {
            Ok(value) => {
                let row = value.and_then(|value| IndexRow::parse(&key, &value));
                if !row.is_some_and(|row| row.is_about(frame)) {
                    self.report
                        .problems
                        .push(Problem::IndexMissing { stream: frame.stream, at: frame.position });
                }
            }
            Err(error) => self.unreadable(&storage(error)),
        }
    }

    /// Every row of the index names a frame that is there.
    fn index(&mut self) {
        let snapshot = self.store.db.snapshot();
        for guard in snapshot.iter(&self.store.streams) {
            let (key, value) = match guard.into_inner() {
                Ok(row) => row,
                Err(error) => return self.unreadable(&storage(error)),
            };
            let Some(row) = IndexRow::parse(&key, &value) else {
                let reason = "a row of the index of streams has another shape".to_owned();
                self.report.problems.push(Problem::Storage { after: self.expected, reason });
                continue;
            };
            if row.position >= self.end {
                continue;
            }
            let extra = Problem::IndexExtra {
                stream: row.stream,
                revision: row.revision,
                at: row.position,
            };
            match self.store.frame_of(&snapshot, &row) {
                Ok(_) => {}
                Err(ReadError::Storage { reason }) => {
                    self.report.problems.push(Problem::Storage { after: row.position, reason });
                }
                Err(
                    ReadError::Index { .. }
                    | ReadError::Damaged { .. }
                    | ReadError::Hole { .. }
                    | ReadError::Payload,
                ) => {
                    self.report.problems.push(extra);
                }
            }
        }
    }

    fn payloads(&mut self) {
        for guard in self.store.db.snapshot().iter(&self.store.payloads) {
            let (key, value) = match guard.into_inner() {
                Ok(row) => row,
                Err(error) => return self.unreadable(&storage(error)),
            };
            self.report.payloads += 1;
            if blake3::hash(&value).as_bytes() != key.as_ref() {
                let hash = key.as_ref().try_into().unwrap_or_default();
                self.report.problems.push(Problem::Payload { hash });
            }
        }
    }

    fn unreadable(&mut self, error: &ReadError) {
        self.report
            .problems
            .push(Problem::Storage { after: self.expected, reason: error.to_string() });
    }
}
