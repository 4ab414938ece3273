//! The journal of the storage engine, read without it: which batches are whole, and what stands behind the last whole one.
//!
//! ```text
//! batch = start, items, end           integers little endian
//! start = 1 | count u32 | seqno u64
//! item  = 2 | kind u8 | compression u8 | keyspace u64 | key u16 | value u32 | stored u32 | key bytes | stored bytes
//! clear = 4 | keyspace u64
//! end   = 3 | XXH3-64 of the items u64 | "FJL" 3
//! ```
//!
//! Invariants:
//! * A batch counts only if its items, their number, its checksum and its trailer agree.
//! * Sequence numbers grow. The checksum does not cover them, so one that does not grow is damage, unless the last bytes of it are
//!   missing: the write that began the batch may have reached the disk in part, and those behind it whole.
//!
//! Source: `journal/entry.rs` and `journal/batch_reader.rs` of fjall 3.1.13; the format is pinned by a fixture.

use std::io::{self, Read};

use xxhash_rust::xxh3::Xxh3;

const TAG_START: u8 = 1;
const TAG_ITEM: u8 = 2;
const TAG_END: u8 = 3;
const TAG_CLEAR: u8 = 4;
const TRAILER: [u8; 4] = [b'F', b'J', b'L', 3];
const START_BYTES: usize = 13;
const SEQUENCE_STEP_MAX: u64 = 1 << 32;
/// Batches are numbered one after the other, but for the numbers that flushes and compactions take.
const SEQUENCES_SKIPPED_MAX: u64 = 64;
const SEARCH_BYTES_MAX: usize = 128 << 20;

/// What a journal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// How many whole batches stand before the first that is not.
    pub(super) batches: u64,
    /// Where the last of them ends, in bytes.
    pub(super) end: u64,
    /// The sequence number of the last of them.
    pub(super) sequence: Option<u64>,
    /// What stands behind them.
    pub(super) rest: Rest,
}

/// What stands behind the last whole batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing, or zeros up to the end of the file.
    Nothing,
    /// Something that is no batch.
    Broken,
    /// A whole batch whose sequence number cannot be.
    Order,
    /// A whole batch of so many bytes, of whose sequence number the last bytes may be missing.
    Cut(u64),
}

enum Flaw {
    Broken,
    Order,
    Cut(u64),
    Io(io::Error),
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Broken } else { Self::Io(error) }
    }
}

struct Batch {
    bytes: u64,
    sequence: u64,
}

/// Walks a journal from its beginning. `sequence` is the last sequence number of the journals before it.
pub(super) fn walk(journal: &mut impl Read, sequence: Option<u64>) -> io::Result<Content> {
    let mut content = Content { batches: 0, end: 0, sequence, rest: Rest::Nothing };
    loop {
        let mut first = [0];
        if journal.read(&mut first)? == 0 {
            return Ok(content);
        }
        match read_batch(first[0], journal, content.sequence) {
            Ok(batch) => {
                content.batches += 1;
                content.end += batch.bytes;
                content.sequence = Some(batch.sequence);
            }
            Err(Flaw::Io(error)) => return Err(error),
            Err(Flaw::Order) => return Ok(Content { rest: Rest::Order, ..content }),
            Err(Flaw::Cut(bytes)) => return Ok(Content { rest: Rest::Cut(bytes), ..content }),
            // The caller looks whether it is nothing but zeros: the walk has read an unknown part of it.
            Err(Flaw::Broken) => return Ok(Content { rest: Rest::Broken, ..content }),
        }
    }
}

/// Whether a whole batch stands anywhere in `bytes`, with a sequence number behind `sequence` if there is one.
///
/// What people store may look like the beginnings of very many batches, each as long as the rest. So the search ends after so much
/// reading; if a batch is behind that after all, the high-water mark has the last word.
pub(super) fn holds_a_batch(bytes: &[u8], sequence: Option<u64>) -> bool {
    let mut budget = SEARCH_BYTES_MAX;
    for at in 0..bytes.len() {
        let (Some(&first), Some(&tag)) = (bytes.get(at), bytes.get(at + START_BYTES)) else {
            return false;
        };
        if first != TAG_START || (tag != TAG_ITEM && tag != TAG_CLEAR) {
            continue;
        }
        let mut rest = bytes.get(at + 1..).unwrap_or_default();
        let before = rest.len();
        if read_batch(first, &mut rest, sequence).is_ok() {
            return true;
        }
        let Some(left) = budget.checked_sub(before - rest.len()) else { return false };
        budget = left;
    }
    false
}

/// Reads a batch whose first byte has been read.
fn read_batch(first: u8, journal: &mut impl Read, previous: Option<u64>) -> Result<Batch, Flaw> {
    if first != TAG_START {
        return Err(Flaw::Broken);
    }
    let count = u32::from_le_bytes(take(journal)?);
    let sequence = u64::from_le_bytes(take(journal)?);
    let mut items = Items { journal, hash: Xxh3::new(), bytes: 0 };
    for _ in 0..count {
        items.item()?;
    }
    let Items { journal, hash, bytes } = items;
    let [tag] = take(journal)?;
    let checksum = u64::from_le_bytes(take(journal)?);
    let trailer: [u8; 4] = take(journal)?;
    if count == 0 || tag != TAG_END || trailer != TRAILER || checksum != hash.digest() {
        return Err(Flaw::Broken);
    }
    let bytes = bytes + 2 * START_BYTES as u64;
    match previous {
        Some(previous) if sequence <= previous => {
            Err(if may_be_cut(sequence, previous) { Flaw::Cut(bytes) } else { Flaw::Order })
        }
        Some(previous) if sequence - previous >= SEQUENCE_STEP_MAX => Err(Flaw::Order),
        Some(_) | None => Ok(Batch { bytes, sequence }),
    }
}

/// Whether this is what is left of a number soon after `previous` when its last bytes are missing.
fn may_be_cut(sequence: u64, previous: u64) -> bool {
    (0..8).map(|bytes| 1_u64 << (8 * bytes)).any(|unit| {
        let behind = sequence.wrapping_sub(previous.wrapping_add(1)) & (unit - 1);
        sequence < unit && behind < SEQUENCES_SKIPPED_MAX
    })
}

/// The items of a batch, hashed as they are read.
struct Items<'a, R> {
    journal: &'a mut R,
    hash: Xxh3,
    bytes: u64,
}

impl<R: Read> Items<'_, R> {
    fn item(&mut self) -> Result<(), Flaw> {
        match self.take()? {
            [TAG_ITEM] => {
                let [kind, compression] = self.take()?;
                let _keyspace: [u8; 8] = self.take()?;
                let key = u16::from_le_bytes(self.take()?);
                let value = u32::from_le_bytes(self.take()?);
                let stored = u32::from_le_bytes(self.take()?);
                let possible = matches!(kind, 0..=2)
                    && matches!((compression, value == stored), (0, true) | (1, _))
                    && key > 0;
                if possible {
                    self.skip(u64::from(key) + u64::from(stored))
                } else {
                    Err(Flaw::Broken)
                }
            }
            [TAG_CLEAR] => self.take::<8>().map(|_keyspace| ()),
            _ => Err(Flaw::Broken),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let bytes = take(self.journal)?;
        self.hash.update(&bytes);
        self.bytes += N as u64;
        Ok(bytes)
    }

    fn skip(&mut self, mut bytes: u64) -> Result<(), Flaw> {
        let mut buffer = [0; 4096];
        self.bytes += bytes;
        while bytes > 0 {
            let part = buffer.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
            let Some(part) = buffer.get_mut(..part) else { break };
            self.journal.read_exact(part)?;
            self.hash.update(part);
            bytes -= part.len() as u64;
        }
        Ok(())
    }
}

fn take<const N: usize>(journal: &mut impl Read) -> Result<[u8; N], Flaw> {
    let mut bytes = [0; N];
    journal.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(sequence: u64, values: &[&[u8]]) -> Vec<u8> {
        let mut items = Vec::new();
        for value in values {
            let length = u32::try_from(value.len()).expect("short").to_le_bytes();
            items.extend_from_slice(&[TAG_ITEM, 0, 0]);
            items.extend_from_slice(&7_u64.to_le_bytes());
            items.extend_from_slice(&3_u16.to_le_bytes());
            items.extend_from_slice(&length);
            items.extend_from_slice(&length);
            items.extend_from_slice(b"key");
            items.extend_from_slice(value);
        }
        let mut bytes = vec![TAG_START];
        bytes.extend_from_slice(&u32::try_from(values.len()).expect("few").to_le_bytes());
        bytes.extend_from_slice(&sequence.to_le_bytes());
        bytes.extend_from_slice(&items);
        bytes.push(TAG_END);
        bytes.extend_from_slice(&xxhash_rust::xxh3::xxh3_64(&items).to_le_bytes());
        bytes.extend_from_slice(&TRAILER);
        bytes
    }

    fn walk_all(bytes: &[u8]) -> Content {
        walk(&mut &bytes[..], None).expect("memory can be read")
    }

    #[test]
    fn a_journal_of_the_pinned_format_is_read() {
        let journal = include_bytes!("../../tests/fixtures/store-2/log/0.jnl");
        let content = walk_all(journal);
        assert_eq!((content.batches, content.rest), (3, Rest::Nothing));
        assert_eq!(content.end, journal.len() as u64);
    }

    #[test]
    fn whole_batches_are_counted() {
        let bytes = [batch(4, &[b"a", b""]), batch(5, &[&[1; 9000]])].concat();
        let content = walk_all(&bytes);
        assert_eq!(
            content,
            Content { batches: 2, end: bytes.len() as u64, sequence: Some(5), rest: Rest::Nothing }
        );
    }

    #[test]
    fn a_batch_that_is_cut_anywhere_ends_the_walk() {
        let (one, two) = (batch(4, &[b"a"]), batch(5, &[b"b", b"c"]));
        for length in 1..two.len() {
            let content = walk_all(&[&one[..], &two[..length]].concat());
            assert_eq!(
                (content.batches, content.end, content.rest),
                (1, one.len() as u64, Rest::Broken),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn every_flipped_bit_but_those_of_the_sequence_number_breaks_a_batch() {
        let whole = batch(1000, &[b"value", b"another"]);
        for bit in (0..whole.len() * 8).filter(|bit| !(5 * 8..13 * 8).contains(bit)) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(walk_all(&bytes).rest, Rest::Broken, "bit {bit}");
        }
    }

    #[test]
    fn a_sequence_number_that_does_not_grow_is_damage_unless_its_end_is_missing() {
        let (one, last) = (0x0102_0304_0506_07fe, 0x0102_0304_0506_07ff);
        let rest_after = |sequence| {
            let bytes = [batch(one, &[b"a"]), batch(sequence, &[b"b"]), batch(last, &[])].concat();
            walk_all(&bytes).rest
        };
        let bytes = batch(last, &[b"b"]).len() as u64;
        for kept in 0..8 {
            let cut = last & ((1_u64 << (8 * kept)) - 1);
            assert_eq!(rest_after(cut), Rest::Cut(bytes), "{kept} bytes");
        }
        for wrong in [one, one - 1, one >> 1, one + (1 << 40), 0x0002_0304_0506_07ff - 0x1_0000] {
            assert_eq!(rest_after(wrong), Rest::Order, "{wrong:x}");
        }
    }

    #[test]
    fn a_later_batch_is_found_behind_damage() {
        let bytes = [&[9; 100][..], &batch(5, &[b"b"]), &[0; 50]].concat();
        assert!(holds_a_batch(&bytes, Some(4)));
        assert!(!holds_a_batch(&bytes, Some(5)));
        assert!(!holds_a_batch(&bytes[..110], Some(4)));
    }

    #[test]
    fn beginnings_without_end_are_not_searched_for_ever() {
        // Each item of nine bytes is the beginning of a batch of sixty-seven million items as well.
        let item = [TAG_CLEAR, 0, 0, 0, 0, TAG_START, 0, 0, 0];
        let hostile = item.repeat(1 << 20);
        let began = std::time::Instant::now();
        assert!(!holds_a_batch(&hostile, Some(4)));
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }

    #[test]
    fn noise_is_walked_to_an_end_within_it() {
        let journal = include_bytes!("../../tests/fixtures/store-2/log/0.jnl");
        let values = [vec![TAG_START; 100], vec![TAG_CLEAR; 100], vec![TAG_ITEM; 100]];
        let values: Vec<_> = values.iter().map(Vec::as_slice).collect();
        crate::noise::rounds(5_000, |noise| {
            let mut bytes = match noise.below(2) {
                0 => [batch(4, &values), batch(5, &values)].concat(),
                _ => journal[..journal.len().min(20_000)].to_vec(),
            };
            noise.disturb(&mut bytes);
            let content = walk_all(&bytes);
            let end = usize::try_from(content.end).expect("small");
            assert_eq!(walk_all(&bytes[..end]).batches, content.batches);
            holds_a_batch(&bytes[end..], content.sequence);
        });
    }
}
