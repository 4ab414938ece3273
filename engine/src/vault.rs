//! Vaults: how the values of an encrypted run are hidden, and who can show them.
//!
//! What is sealed says of which run it is: `NXSEALED` | run 16 | nonce 24 | ciphertext | tag 16, XChaCha20-Poly1305 with the
//! first 24 bytes as associated data. The nonce is a keyed hash of the plaintext, so the same bytes give the same ciphertext
//! within a run, another one in every other run, and replay makes the events it made before.
//!
//! Invariants:
//! * Each run has a key of its own. It becomes durable with the first event of the run, in a table apart, and stands nowhere else.
//! * A key that is deleted leaves an empty row: the run is known to be forgotten, and gets no new key.
//! * Until the key is in no file, a row says so, from the batch that deletes it on.

#[cfg(feature = "encryption")]
mod cipher;

use std::sync::Arc;

use nexus_log::{Change, Row};
use nexus_model::id::RunId;
use nexus_model::vault::Vault;

use crate::tables::{KEYS, META, forgetting_key};

/// What everything that is sealed begins with.
const MAGIC: [u8; 8] = *b"NXSEALED";
/// Bytes before the ciphertext.
#[cfg(feature = "encryption")]
const HEAD_BYTES: usize = 8 + 16 + 24;

/// The key of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunKey(pub(crate) [u8; 32]);

/// What the store has of the key of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nothing: the run is not encrypted.
    Nothing,
    /// The key.
    Key(RunKey),
    /// It was deleted.
    Forgotten,
}

impl Kept {
    /// Reads the row of a key.
    pub(crate) fn read(row: Option<&[u8]>) -> Self {
        match row {
            None => Self::Nothing,
            Some(row) => row.try_into().map_or(Self::Forgotten, |key| Self::Key(RunKey(key))),
        }
    }
}

impl RunKey {
    /// A new key; `None` if the program was built without encryption, or the system has no randomness.
    pub(crate) fn new() -> Option<Self> {
        #[cfg(feature = "encryption")]
        {
            let mut key = [0; 32];
            getrandom::fill(&mut key).ok()?;
            Some(Self(key))
        }
        #[cfg(not(feature = "encryption"))]
        None
    }

    /// A key under simulated time: from the run's id instead of chance.
    pub(crate) fn for_test(run: RunId) -> Self {
        Self(*blake3::hash(&run.0).as_bytes())
    }

    /// The row that keeps it.
    pub(crate) fn row(&self, run: RunId) -> Row {
        Row { table: KEYS, key: run.0.to_vec(), change: Change::PutNew(self.0.to_vec()) }
    }

    /// What hides and shows the values of `run`; `None` if the program was built without encryption.
    #[cfg_attr(
        feature = "encryption",
        expect(clippy::unnecessary_wraps, reason = "without the feature there is none")
    )]
    pub(crate) fn vault(&self, run: RunId) -> Option<Arc<dyn Vault>> {
        #[cfg(feature = "encryption")]
        return Some(Arc::new(cipher::RunVault::new(run, &self.0)));
        #[cfg(not(feature = "encryption"))]
        {
            let _ = (self, run);
            None
        }
    }

    /// What stands for `request` in the row of the run's name: nobody without the key can try inputs until one fits.
    pub(crate) fn hide_request(&self, request: &[u8; 32]) -> [u8; 32] {
        let key = blake3::derive_key("nexus-engine 2026 hash of a request", &self.0);
        *blake3::keyed_hash(&key, request).as_bytes()
    }
}

/// The rows of a run whose key is deleted: that it is, and that it may still be in a file.
pub(crate) fn forgotten_rows(run: RunId) -> [Row; 2] {
    let empty = |table, key| Row { table, key, change: Change::Put(Vec::new()) };
    [empty(KEYS, run.0.to_vec()), empty(META, forgetting_key(run))]
}

/// The run that sealed bytes say they are of.
pub(crate) fn run_of(sealed: &[u8]) -> Option<RunId> {
    let (run, _) = sealed.strip_prefix(&MAGIC)?.split_first_chunk::<16>()?;
    Some(RunId(*run))
}
