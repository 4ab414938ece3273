//! Sealing: an encrypted run records no value, only what its vault makes of it.

use std::sync::Arc;

use super::Draft;
use crate::event::{ChildEnd, Event, Failure, ValueMut};
use crate::payload::{ContentType, NewPayload, Payload, PayloadHash};
use crate::vault::{Vault, opened, seal_text};

impl Draft<'_> {
    /// Hides the values of `event`, if the run has a vault.
    pub(super) fn seal(&mut self, event: &mut Event) {
        let Some(vault) = self.context.vault else { return };
        let mut sealed: Vec<(NewPayload, Arc<[u8]>)> = Vec::new();
        let payloads = &self.payloads;
        event.each_value(&mut |value| match value {
            ValueMut::Text(text) => *text = seal_text(vault, text),
            ValueMut::Payload(payload) => {
                let (content_type, bytes) = match payload {
                    Payload::Null => return,
                    Payload::Inline(content_type, bytes) => (*content_type, Arc::clone(bytes)),
                    Payload::Stored(content_type, hash, _) => match payloads.get(hash) {
                        // What is sealed is known by the hash of what it was sealed to.
                        Some(bytes) if is_hash_of(hash, bytes) => {
                            (*content_type, Arc::clone(bytes))
                        }
                        Some(_) | None => return,
                    },
                };
                let (new, hidden) = hide(vault, content_type, &bytes);
                *payload = hidden;
                sealed.push((new, bytes));
            }
        });
        for ((hash, ciphertext), bytes) in sealed {
            self.keep_sealed((hash, ciphertext), bytes);
        }
    }

    /// Makes the payload of `new` part of the transition, sealed if the run has a vault. Returns the hash under which it stands.
    pub(super) fn keep_new(&mut self, (hash, bytes): NewPayload) -> PayloadHash {
        let Some(vault) = self.context.vault else {
            self.keep_sealed((hash, Arc::clone(&bytes)), bytes);
            return hash;
        };
        let (new, _) = hide(vault, ContentType::Bytes, &bytes);
        let hash = new.0;
        self.keep_sealed(new, bytes);
        hash
    }

    /// The hash under which `payload` is known once it is part of an event.
    pub(super) fn hash_once_kept(&self, payload: &Payload) -> PayloadHash {
        let hash = payload.hash();
        let bytes = match payload {
            Payload::Null => None,
            Payload::Inline(_, bytes) => Some(bytes),
            Payload::Stored(..) => {
                self.payloads.get(&hash).filter(|bytes| is_hash_of(&hash, bytes))
            }
        };
        match (self.context.vault, bytes) {
            (Some(vault), Some(bytes)) => hide(vault, ContentType::Json, bytes).0.0,
            _ => hash,
        }
    }

    /// The end of a called run with its texts as they are: what is made of them is sealed as a whole, also when it is derived again.
    pub(super) fn open_end(&self, mut ended: ChildEnd) -> ChildEnd {
        if let ChildEnd::Failed { failure, .. } = &mut ended {
            self.open_texts(failure);
        }
        ended
    }

    /// A recorded failure with its texts as they are, to make others of them.
    pub(super) fn open_failure(&self, failure: &Failure) -> Failure {
        let mut failure = failure.clone();
        self.open_texts(&mut failure);
        failure
    }

    fn open_texts(&self, failure: &mut Failure) {
        let Some(vault) = self.context.vault else { return };
        failure.each_text(&mut |value| {
            if let ValueMut::Text(text) = value
                && let Some(shown) = opened(vault, text)
            {
                *text = shown;
            }
        });
    }
}

fn hide(vault: &dyn Vault, content_type: ContentType, bytes: &[u8]) -> (NewPayload, Payload) {
    let ciphertext = vault.seal(bytes);
    let hash = PayloadHash(*blake3::hash(&ciphertext).as_bytes());
    ((hash, ciphertext), Payload::Stored(content_type, hash, bytes.len() as u64))
}

fn is_hash_of(hash: &PayloadHash, bytes: &[u8]) -> bool {
    hash.0 == *blake3::hash(bytes).as_bytes()
}
