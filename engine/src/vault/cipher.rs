//! The vault of one run: XChaCha20-Poly1305 of the crate `chacha20poly1305`.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use nexus_model::id::RunId;
use nexus_model::vault::Vault;

use super::{HEAD_BYTES, MAGIC};

const NONCE_BYTES: usize = 24;

pub(super) struct RunVault {
    run: RunId,
    cipher: XChaCha20Poly1305,
    nonces: [u8; 32],
}

impl RunVault {
    pub(super) fn new(run: RunId, key: &[u8; 32]) -> Self {
        let cipher = blake3::derive_key("nexus-engine 2026 encryption of values", key);
        let nonces = blake3::derive_key("nexus-engine 2026 nonces of values", key);
        Self { run, cipher: XChaCha20Poly1305::new(&cipher.into()), nonces }
    }
}

impl fmt::Debug for RunVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunVault").field("run", &self.run).finish_non_exhaustive()
    }
}

impl Vault for RunVault {
    fn seal(&self, bytes: &[u8]) -> Arc<[u8]> {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&blake3::keyed_hash(&self.nonces, bytes).as_bytes()[..NONCE_BYTES]);
        let mut sealed = Vec::with_capacity(HEAD_BYTES + bytes.len() + 16);
        sealed.extend_from_slice(&MAGIC);
        sealed.extend_from_slice(&self.run.0);
        let payload = Payload { msg: bytes, aad: &sealed };
        let ciphertext = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a value is shorter than the cipher's limit of 256 GiB");
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed.into()
    }

    fn open(&self, sealed: &[u8]) -> Option<Arc<[u8]>> {
        let (head, rest) = sealed.split_at_checked(HEAD_BYTES - NONCE_BYTES)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
        if head.strip_prefix(&MAGIC)? != self.run.0 {
            return None;
        }
        let payload = Payload { msg: ciphertext, aad: head };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).ok().map(Arc::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_the_same_key_for_the_same_run_only() {
        let vault = RunVault::new(RunId([1; 16]), &[7; 32]);
        let sealed = vault.seal(b"a value");
        assert_eq!(sealed, vault.seal(b"a value"));
        assert_ne!(sealed, vault.seal(b"another"));
        assert_eq!(vault.open(&sealed).as_deref(), Some(&b"a value"[..]));
        assert!(!sealed.windows(7).any(|part| part == b"a value"));
        for other in
            [RunVault::new(RunId([1; 16]), &[8; 32]), RunVault::new(RunId([2; 16]), &[7; 32])]
        {
            assert_eq!(other.open(&sealed), None);
            assert_ne!(other.seal(b"a value"), sealed);
        }
        for at in 0..sealed.len() {
            let mut damaged = sealed.to_vec();
            damaged[at] ^= 1;
            assert_eq!(vault.open(&damaged), None, "byte {at}");
            assert_eq!(vault.open(&sealed[..at]), None, "{at} bytes");
        }
    }
}
