//! Tokens of starts that were kept: which were seen lately, for which run, and with which request.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::RunRequest;

/// Tokens that are remembered of starts that were kept before the one that is kept now.
pub const TOKENS_MAX: usize = 1_000;
/// Tokens that are remembered of the start that is kept now.
pub const TOKENS_KEPT_MAX: usize = 10_000;

type Hash = [u8; 16];

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    /// The number of the run that the start was kept for.
    pub(super) number: u32,
    /// What was asked for.
    request: Hash,
}

impl Taken {
    /// Whether it is this that was asked for: the same workflow with the same input.
    pub(super) fn is(&self, request: &RunRequest) -> bool {
        self.request == hash_of(request)
    }
}

/// The tokens of the last starts that were kept, as hashes, and what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "VecDeque<(Hash, Taken)>", into = "VecDeque<(Hash, Taken)>")]
pub(super) struct Tokens {
    /// The oldest first.
    order: VecDeque<(Hash, Taken)>,
    /// The same, to look them up.
    known: BTreeMap<Hash, Taken>,
}

impl From<VecDeque<(Hash, Taken)>> for Tokens {
    fn from(order: VecDeque<(Hash, Taken)>) -> Self {
        let known = order.iter().copied().collect();
        Self { order, known }
    }
}

impl From<Tokens> for VecDeque<(Hash, Taken)> {
    fn from(tokens: Tokens) -> Self {
        tokens.order
    }
}

impl Tokens {
    /// What a start with this token was kept for.
    pub(super) fn find(&self, token: &str) -> Option<Taken> {
        self.known.get(&hash(token.as_bytes())).copied()
    }

    /// Remembers a token of the start that is kept now, and forgets the oldest beyond what is remembered.
    pub(super) fn remember(&mut self, token: &str, number: u32, request: &RunRequest) {
        let (token, taken) = (hash(token.as_bytes()), Taken { number, request: hash_of(request) });
        if self.known.insert(token, taken).is_some() {
            self.order.retain(|(known, _)| *known != token);
        }
        self.order.push_back((token, taken));
        while let Some((oldest, of)) = self.order.front().copied() {
            // By one of the start that is kept now that would be put off again: more of those are remembered.
            let most = if of.number == number { TOKENS_KEPT_MAX } else { TOKENS_MAX };
            if self.order.len() <= most {
                return;
            }
            self.order.pop_front();
            self.known.remove(&oldest);
        }
    }
}

/// What makes two requests the same, as it does for runs with a name: the workflow as it was sent, and the input.
fn hash_of(request: &RunRequest) -> Hash {
    let definition = request.sent.unwrap_or(request.definition);
    hash(&[&definition.0, request.input.as_bytes()].concat())
}

fn hash(bytes: &[u8]) -> Hash {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    hash
}
