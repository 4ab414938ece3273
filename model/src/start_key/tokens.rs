//! Tokens of starts that were kept: which were seen lately, and for which run.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Tokens that are remembered of starts that were kept before the one that is kept now.
pub const TOKENS_MAX: usize = 1_000;
/// Tokens that are remembered of the start that is kept now.
pub const TOKENS_KEPT_MAX: usize = 10_000;

type Hash = [u8; 16];

/// The tokens of the last starts that were kept, as hashes, and the numbers of their runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "VecDeque<(Hash, u32)>", into = "VecDeque<(Hash, u32)>")]
pub(super) struct Tokens {
    /// The oldest first.
    order: VecDeque<(Hash, u32)>,
    /// The same, to look them up.
    numbers: BTreeMap<Hash, u32>,
}

impl From<VecDeque<(Hash, u32)>> for Tokens {
    fn from(order: VecDeque<(Hash, u32)>) -> Self {
        let numbers = order.iter().copied().collect();
        Self { order, numbers }
    }
}

impl From<Tokens> for VecDeque<(Hash, u32)> {
    fn from(tokens: Tokens) -> Self {
        tokens.order
    }
}

impl Tokens {
    /// The number of the run that a start with this token was kept for.
    pub(super) fn number(&self, token: &str) -> Option<u32> {
        self.numbers.get(&hash(token)).copied()
    }

    /// Remembers a token of the start that is kept now, and forgets the oldest beyond what is remembered.
    pub(super) fn remember(&mut self, token: &str, number: u32) {
        let token = hash(token);
        if self.numbers.insert(token, number).is_some() {
            self.order.retain(|(known, _)| *known != token);
        }
        self.order.push_back((token, number));
        while let Some((oldest, of)) = self.order.front().copied() {
            // By one of the start that is kept now that would be put off again: more of those are remembered.
            let most = if of == number { TOKENS_KEPT_MAX } else { TOKENS_MAX };
            if self.order.len() <= most {
                return;
            }
            self.order.pop_front();
            self.numbers.remove(&oldest);
        }
    }
}

fn hash(token: &str) -> Hash {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(token.as_bytes()).as_bytes()[..16]);
    hash
}
