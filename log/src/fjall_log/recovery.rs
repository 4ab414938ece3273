//! Recovery: compares the log with its high-water mark, and goes on from there to the head of today.
//!
//! Invariants:
//! * A log that ends before the mark, or whose frame at the mark is another one, does not open.
//! * Frames behind the mark are checked, and their chains computed again.

use std::collections::HashMap;

use super::mark::{Mark, MarkFile};
use super::store::Store;
use crate::chain::{self, ChainStart, HeadHasher, NO_CHAIN};
use crate::{Frame, OpenError, Position, ReadError, StreamId};

/// Finds the end of the log and its head; hands the high-water file back with what is true now.
pub(super) fn recover(
    store: &Store,
    mut file: MarkFile,
    accept_data_loss: bool,
) -> Result<(MarkFile, Mark), OpenError> {
    let end = store
        .last_frame()
        .map_err(|error| unreadable(store, &error))?
        .map_or(Position(0), |frame| frame.next_position());
    let start = match usable_mark(store, &file, end) {
        Ok(mark) => mark,
        Err(refusal) if !accept_data_loss => return Err(refusal),
        Err(refusal) => {
            tracing::warn!(%refusal, "opening although acknowledged data may be missing");
            Mark::EMPTY
        }
    };
    let mark = go_on(store, start, end)?;
    if file.mark() != Some(&mark) {
        file.write(&mark).map_err(|source| file.error(source))?;
    }
    Ok((file, mark))
}

/// The mark of the file, if the log holds what it says.
fn usable_mark(store: &Store, file: &MarkFile, end: Position) -> Result<Mark, OpenError> {
    let Some(mark) = file.mark().cloned() else {
        return Err(file.damaged());
    };
    if end < mark.position {
        return Err(OpenError::EndsEarly { found: end, acknowledged: mark.position });
    }
    if mark.position == Position(0) {
        return Ok(mark);
    }
    let differs = OpenError::Differs { at: mark.position };
    let frame = store
        .frame_at(&store.db.snapshot(), mark.last_frame)
        .map_err(|error| unreadable(store, &error))?
        .ok_or(differs)?;
    if frame.next_position() == mark.position && frame.chain == mark.chain && frame.ends_group {
        Ok(mark)
    } else {
        Err(OpenError::Differs { at: mark.position })
    }
}

/// Walks from `start` to `end`, group by group.
fn go_on(store: &Store, start: Mark, end: Position) -> Result<Mark, OpenError> {
    let mut mark = start;
    let mut chains = Chains { store, last: HashMap::new() };
    let mut group = HeadHasher::after(&mark.head);
    let mut expected = mark.position;
    for stored in store.frames(mark.position) {
        let frame =
            stored.and_then(|stored| stored.decode()).map_err(|error| unreadable(store, &error))?;
        if frame.position != expected {
            return Err(unreadable(store, &ReadError::Hole { at: expected }));
        }
        expected = frame.next_position();
        group.frame(&chains.next(&frame)?);
        if frame.ends_group {
            let head = group.finish();
            group = HeadHasher::after(&head);
            mark = Mark {
                position: expected,
                last_frame: frame.position,
                chain: frame.chain,
                head,
                epoch: mark.epoch,
            };
        }
    }
    // A group is in one batch, so the last frame of the log ends one.
    if mark.position == end { Ok(mark) } else { Err(OpenError::Differs { at: mark.position }) }
}

/// The chains of the streams met so far.
struct Chains<'a> {
    store: &'a Store,
    last: HashMap<StreamId, ChainStart>,
}

impl Chains<'_> {
    /// The whole chain of `frame`, checked against what it stores.
    fn next(&mut self, frame: &Frame) -> Result<[u8; 32], OpenError> {
        let previous = match self.last.get(&frame.stream) {
            Some(chain) => *chain,
            None => self
                .store
                .frame_before(frame.stream, frame.revision)
                .map_err(|error| unreadable(self.store, &error))?
                .map_or(NO_CHAIN, |frame| frame.chain),
        };
        let chain = chain::chain(
            &previous,
            frame.stream,
            frame.revision,
            frame.time_us,
            frame.records.as_bytes(),
        );
        if chain::start(&chain) != frame.chain {
            return Err(OpenError::Differs { at: frame.position });
        }
        self.last.insert(frame.stream, frame.chain);
        Ok(chain)
    }
}

fn unreadable(store: &Store, error: &ReadError) -> OpenError {
    OpenError::Storage { path: store.folder.clone(), reason: error.to_string() }
}
