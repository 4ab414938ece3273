//! The high-water file: how far the log had acknowledged, written beside the log and apart from it.
//!
//! Invariants:
//! * The mark is never ahead of what is durable.
//! * Two slots are written in turn, each synced before the other is touched: one of them is always whole.
//!
//! Source: docs/log-format.md, "High-water file".

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::chain::{ChainStart, NO_CHAIN};
use crate::{OpenError, Position};

const SLOT_BYTES: usize = 92;
const SLOT_DISTANCE: u64 = 4096;
const MAGIC: [u8; 8] = *b"nexushw1";

/// How far the log had come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The position after the last durable record.
    pub(super) position: Position,
    /// Where the last durable frame begins.
    pub(super) last_frame: Position,
    /// The chain of that frame.
    pub(super) chain: ChainStart,
    /// The head of the log.
    pub(super) head: [u8; 32],
    /// The epoch of the writer; 0 here.
    pub(super) epoch: u32,
}

impl Mark {
    /// The mark of a log that holds nothing.
    pub(super) const EMPTY: Self = Self {
        position: Position(0),
        last_frame: Position(0),
        chain: NO_CHAIN,
        head: [0; 32],
        epoch: 0,
    };
}

/// The open high-water file.
#[derive(Debug)]
pub(super) struct MarkFile {
    path: PathBuf,
    file: File,
    sequence: u64,
    mark: Option<Mark>,
}

impl MarkFile {
    /// Makes the file, with the mark of an empty log.
    pub(super) fn create(path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
        file.set_len(2 * SLOT_DISTANCE)?;
        let mut mark_file = Self { path: path.to_owned(), file, sequence: 0, mark: None };
        mark_file.write(&Mark::EMPTY)?;
        mark_file.write(&Mark::EMPTY)?;
        mark_file.file.sync_all()
    }

    /// Opens the file and reads the newer of its whole slots.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let slots = [read_slot(&file, 0)?, read_slot(&file, SLOT_DISTANCE)?];
        let newest = slots.into_iter().flatten().max_by_key(|(sequence, _)| *sequence);
        let (sequence, mark) = newest.map_or((0, None), |(sequence, mark)| (sequence, Some(mark)));
        Ok(Self { path: path.to_owned(), file, sequence, mark })
    }

    /// What the file said when it was opened, or what was written last; `None` if neither slot was whole.
    pub(super) fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }

    /// Says that `source` is about this file.
    pub(super) fn error(&self, source: io::Error) -> OpenError {
        OpenError::Io { path: self.path.clone(), source }
    }

    /// Says that neither slot is whole.
    pub(super) fn damaged(&self) -> OpenError {
        OpenError::HighWater { path: self.path.clone() }
    }

    /// Writes `mark` over the older slot and makes it durable.
    pub(super) fn write(&mut self, mark: &Mark) -> io::Result<()> {
        self.sequence += 1;
        let slot = encode(self.sequence, mark);
        self.file.write_all_at(&slot, (self.sequence % 2) * SLOT_DISTANCE)?;
        self.file.sync_data()?;
        self.mark = Some(mark.clone());
        Ok(())
    }
}

fn read_slot(file: &File, at: u64) -> io::Result<Option<(u64, Mark)>> {
    let mut slot = [0; SLOT_BYTES];
    match file.read_exact_at(&mut slot, at) {
        Ok(()) => Ok(decode(&slot)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn encode(sequence: u64, mark: &Mark) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..8].copy_from_slice(&MAGIC);
    slot[8..16].copy_from_slice(&sequence.to_le_bytes());
    slot[16..24].copy_from_slice(&mark.position.0.to_le_bytes());
    slot[24..32].copy_from_slice(&mark.last_frame.0.to_le_bytes());
    slot[32..48].copy_from_slice(&mark.chain);
    slot[48..80].copy_from_slice(&mark.head);
    slot[80..84].copy_from_slice(&mark.epoch.to_le_bytes());
    let crc = crc32c::crc32c(&slot[..88]);
    slot[88..].copy_from_slice(&crc.to_le_bytes());
    slot
}

fn decode(slot: &[u8; SLOT_BYTES]) -> Option<(u64, Mark)> {
    if slot[..8] != MAGIC || part(slot, 88) != crc32c::crc32c(&slot[..88]).to_le_bytes() {
        return None;
    }
    let mark = Mark {
        position: Position(u64::from_le_bytes(part(slot, 16))),
        last_frame: Position(u64::from_le_bytes(part(slot, 24))),
        chain: part(slot, 32),
        head: part(slot, 48),
        epoch: u32::from_le_bytes(part(slot, 80)),
    };
    Some((u64::from_le_bytes(part(slot, 8)), mark))
}

fn part<const N: usize>(slot: &[u8; SLOT_BYTES], at: usize) -> [u8; N] {
    *slot[at..].first_chunk::<N>().expect("parts lie within the slot")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(position: u64) -> Mark {
        Mark {
            position: Position(position),
            last_frame: Position(position - 1),
            chain: [2; 16],
            head: [3; 32],
            epoch: 0,
        }
    }

    #[test]
    fn the_newest_mark_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("high-water");
        MarkFile::create(&path).expect("made");
        for position in 1..5 {
            let mut file = MarkFile::open(&path).expect("opens");
            file.write(&mark(position)).expect("written");
            assert_eq!(MarkFile::open(&path).expect("opens").mark(), Some(&mark(position)));
        }
    }

    #[test]
    fn a_damaged_slot_leaves_the_mark_before_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("high-water");
        MarkFile::create(&path).expect("made");
        let mut file = MarkFile::open(&path).expect("opens");
        file.write(&mark(7)).expect("written");
        file.write(&mark(9)).expect("written");
        for slot in [0, SLOT_DISTANCE] {
            let whole = std::fs::read(&path).expect("read");
            let mut damaged = whole.clone();
            damaged[usize::try_from(slot).expect("small") + 20] ^= 1;
            std::fs::write(&path, &damaged).expect("damaged");
            let found =
                MarkFile::open(&path).expect("opens").mark().cloned().expect("one slot is whole");
            assert!(found == mark(7) || found == mark(9), "{found:?}");
            std::fs::write(&path, &whole).expect("restored");
        }
    }
}
