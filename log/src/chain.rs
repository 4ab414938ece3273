//! Hash chains: what makes a rewritten or removed past visible.
//!
//! Invariants:
//! * A stream's chain depends on nothing that belongs to one store (position, partition, epoch): a history has the same chain everywhere.
//! * The log's head depends on every frame of every group, in order.

use std::fmt;

use crate::{Position, Revision, StreamId};

/// The part of a chain that a frame stores.
pub(crate) type ChainStart = [u8; 16];

/// The chain before the first frame of a stream.
pub(crate) const NO_CHAIN: ChainStart = [0; 16];

/// Computes the chain of a frame from the chain of the frame before it in its stream.
///
/// Source: docs/log-format.md, "Chain".
pub(crate) fn chain(
    previous: &ChainStart,
    stream: StreamId,
    revision: Revision,
    time_us: i64,
    records: &[u8],
) -> [u8; 32] {
    let mut fixed = [0; 44];
    fixed[..16].copy_from_slice(previous);
    fixed[16..32].copy_from_slice(&stream.0);
    fixed[32..36].copy_from_slice(&revision.0.to_le_bytes());
    fixed[36..].copy_from_slice(&time_us.to_le_bytes());
    *blake3::Hasher::new().update(&fixed).update(records).finalize().as_bytes()
}

/// Shortens a chain to the part that a frame stores.
pub(crate) fn start(chain: &[u8; 32]) -> ChainStart {
    let mut start = NO_CHAIN;
    start.copy_from_slice(&chain[..16]);
    start
}

/// Grows the head of a log by one group.
pub(crate) struct HeadHasher(blake3::Hasher);

impl HeadHasher {
    /// Starts a group after `previous`.
    pub(crate) fn after(previous: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(previous);
        Self(hasher)
    }

    /// Takes in the chain of the group's next frame.
    pub(crate) fn frame(&mut self, chain: &[u8; 32]) {
        self.0.update(chain);
    }

    /// Takes in the chains of the group's next frames. All at once they are hashed side by side, which is faster.
    pub(crate) fn frames(&mut self, chains: &[[u8; 32]]) {
        self.0.update(chains.as_flattened());
    }

    /// The head after the group.
    pub(crate) fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// The head of a log: one hash over everything up to a position. Shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogHead {
    /// The position after the last record it covers; always the end of a group.
    pub position: Position,
    /// The hash.
    pub hash: [u8; 32],
}

impl fmt::Display for LogHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_depends_on_each_of_its_parts() {
        let one = chain(&NO_CHAIN, StreamId([1; 16]), Revision(0), 5, b"records");
        assert_eq!(one, chain(&NO_CHAIN, StreamId([1; 16]), Revision(0), 5, b"records"));
        assert_ne!(one, chain(&[1; 16], StreamId([1; 16]), Revision(0), 5, b"records"));
        assert_ne!(one, chain(&NO_CHAIN, StreamId([2; 16]), Revision(0), 5, b"records"));
        assert_ne!(one, chain(&NO_CHAIN, StreamId([1; 16]), Revision(1), 5, b"records"));
        assert_ne!(one, chain(&NO_CHAIN, StreamId([1; 16]), Revision(0), 6, b"records"));
        assert_ne!(one, chain(&NO_CHAIN, StreamId([1; 16]), Revision(0), 5, b"recordt"));
    }

    #[test]
    fn a_chain_of_today_is_a_chain_of_tomorrow() {
        let chain =
            chain(&NO_CHAIN, StreamId([7; 16]), Revision(3), 1_700_000_000_000_000, b"body");
        let head = LogHead { position: Position(1), hash: chain };
        assert_eq!(
            head.to_string(),
            "2219b59d3dabbd341a3f233e3617d7e555d4f8eaa3b59c50e9a9cb62fa7bb031"
        );
    }
}
