//! Heads of streams: where each stream that was written lately ends. Bounded, so that old streams cost nothing.

use foldhash::{HashMap, HashMapExt};

use crate::chain::{ChainStart, NO_CHAIN};
use crate::{Revision, StreamId};

/// Where a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamHead {
    /// How many records it holds.
    pub(crate) next: Revision,
    /// The chain of its last frame.
    pub(crate) chain: ChainStart,
}

impl StreamHead {
    /// The head of a stream that holds nothing.
    pub(crate) const EMPTY: Self = Self { next: Revision(0), chain: NO_CHAIN };
}

/// Heads in two generations: when the young one is full the old one is forgotten, but only between groups.
#[derive(Debug)]
pub(crate) struct Heads {
    young: HashMap<StreamId, StreamHead>,
    old: HashMap<StreamId, StreamHead>,
    generation_max: usize,
}

impl Heads {
    /// Makes a table that remembers at least the `generation_max` streams used last.
    pub(crate) fn new(generation_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation_max }
    }

    /// The head of `stream`, if it is remembered.
    pub(crate) fn get(&mut self, stream: StreamId) -> Option<StreamHead> {
        if let Some(head) = self.young.get(&stream) {
            return Some(*head);
        }
        let head = self.old.get(&stream).copied()?;
        self.set(stream, head);
        Some(head)
    }

    /// Remembers the head of `stream`.
    pub(crate) fn set(&mut self, stream: StreamId, head: StreamHead) {
        self.young.insert(stream, head);
    }

    /// Forgets the old generation if the young one is full. Not within a group: its heads stand nowhere else yet.
    pub(crate) fn age(&mut self) {
        if self.young.len() >= self.generation_max {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(number: u8) -> StreamId {
        StreamId([number; 16])
    }

    fn head(next: u32) -> StreamHead {
        StreamHead { next: Revision(next), chain: NO_CHAIN }
    }

    #[test]
    fn streams_used_lately_are_remembered_and_old_ones_are_forgotten() {
        let mut heads = Heads::new(2);
        for number in 0..6 {
            heads.set(stream(number), head(u32::from(number)));
            heads.age();
            assert_eq!(heads.get(stream(0)), Some(head(0)), "used after each write");
        }
        assert_eq!(heads.get(stream(5)), Some(head(5)));
        assert_eq!(heads.get(stream(1)), None);
    }

    #[test]
    fn nothing_is_forgotten_within_a_group() {
        let mut heads = Heads::new(2);
        for number in 0..100 {
            heads.set(stream(number), head(1));
        }
        assert!((0..100).all(|number| heads.get(stream(number)).is_some()));
    }

    #[test]
    fn a_newer_head_hides_an_older_generation() {
        let mut heads = Heads::new(1);
        heads.set(stream(1), head(1));
        heads.age();
        heads.set(stream(1), head(2));
        assert_eq!(heads.get(stream(1)), Some(head(2)));
    }
}
