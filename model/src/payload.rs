//! Payloads: inputs, outputs and details of users, as opaque bytes with a content type.

use std::fmt;
use std::sync::Arc;

/// A payload up to this many bytes stands in the event; a larger one is stored by its hash in the same batch.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// An input or output of an item of a `for_each` stands in the event up to this many bytes.
pub const ITEM_INLINE_BYTES_MAX: usize = 1024;

/// BLAKE3 of a payload's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadHash(pub [u8; 32]);

/// What the bytes of a payload are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentType {
    /// UTF-8 JSON, one document.
    #[default]
    Json,
    /// Anything else.
    Bytes,
    /// What the items of a `for_each` returned: the list of the chunks in which that is stored. Reads as JSON, see
    /// [`codec::chunks`](crate::codec::chunks). The length of such a payload is that of the JSON, or near it.
    Chunks,
}

/// A payload as events and states hold it.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Payload {
    /// JSON `null`.
    #[default]
    Null,
    /// The bytes themselves, at most [`INLINE_BYTES_MAX`].
    Inline(ContentType, Arc<[u8]>),
    /// The hash and length of bytes that are stored beside the events.
    Stored(ContentType, PayloadHash, u64),
}

/// Payload bytes that become durable together with the events that name them.
pub type NewPayload = (PayloadHash, Arc<[u8]>);

impl Payload {
    /// Makes a payload of `bytes`; a large one comes with the bytes that have to be stored.
    pub fn new(
        content_type: ContentType,
        bytes: impl Into<Arc<[u8]>>,
    ) -> (Self, Option<NewPayload>) {
        let bytes = bytes.into();
        if content_type == ContentType::Json && *bytes == *b"null" {
            return (Self::Null, None);
        }
        if bytes.len() <= INLINE_BYTES_MAX {
            return (Self::Inline(content_type, bytes), None);
        }
        let (payload, new) = Self::stored(content_type, bytes);
        (payload, Some(new))
    }

    /// Makes a payload of `bytes` that is stored beside the events, whatever its size.
    pub fn stored(content_type: ContentType, bytes: impl Into<Arc<[u8]>>) -> (Self, NewPayload) {
        let bytes = bytes.into();
        let hash = PayloadHash(*blake3::hash(&bytes).as_bytes());
        (Self::Stored(content_type, hash, bytes.len() as u64), (hash, bytes))
    }

    /// Makes a payload of what goes into or comes out of an item of a `for_each`: of these many are kept at a time, so only
    /// small ones stand in the event.
    pub fn of_item(self) -> (Self, Option<NewPayload>) {
        match self {
            Self::Inline(content_type, bytes) if bytes.len() > ITEM_INLINE_BYTES_MAX => {
                let (payload, new) = Self::stored(content_type, bytes);
                (payload, Some(new))
            }
            small @ (Self::Null | Self::Inline(..) | Self::Stored(..)) => (small, None),
        }
    }

    /// Makes a payload of a JSON value.
    pub fn json(value: &serde_json::Value) -> (Self, Option<NewPayload>) {
        Self::new(ContentType::Json, value.to_string().into_bytes())
    }

    /// Size of the bytes it stands for.
    pub fn len(&self) -> u64 {
        match self {
            Self::Null => 4,
            Self::Inline(_, bytes) => bytes.len() as u64,
            Self::Stored(_, _, len) => *len,
        }
    }

    /// BLAKE3 of the bytes it stands for.
    pub fn hash(&self) -> PayloadHash {
        match self {
            Self::Null => PayloadHash(*blake3::hash(b"null").as_bytes()),
            Self::Inline(_, bytes) => PayloadHash(*blake3::hash(bytes).as_bytes()),
            Self::Stored(_, hash, _) => *hash,
        }
    }

    /// Whether it stands for no byte at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the bytes are.
    pub fn content_type(&self) -> ContentType {
        match self {
            Self::Null => ContentType::Json,
            Self::Inline(content_type, _) | Self::Stored(content_type, ..) => *content_type,
        }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Inline(_, bytes) => write!(f, "{}", String::from_utf8_lossy(bytes)),
            Self::Stored(_, hash, len) => {
                write!(f, "<{len} bytes, {:02x}{:02x}…>", hash.0[0], hash.0[1])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: usize) -> Vec<u8> {
        vec![b'7'; len]
    }

    #[test]
    fn a_payload_is_stored_beside_the_events_if_it_is_large() {
        for (len, is_stored) in
            [(0, false), (INLINE_BYTES_MAX, false), (INLINE_BYTES_MAX + 1, true)]
        {
            let (payload, new) = Payload::new(ContentType::Bytes, bytes(len));
            assert_eq!(new.is_some(), is_stored, "{len} bytes");
            assert_eq!(matches!(payload, Payload::Stored(..)), is_stored, "{len} bytes");
            assert_eq!(payload.len(), len as u64);
            assert_eq!(payload.is_empty(), len == 0);
        }
    }

    #[test]
    fn what_an_item_takes_or_returns_is_stored_beside_the_events_sooner() {
        let limit = ITEM_INLINE_BYTES_MAX;
        for (len, is_stored) in [(0, false), (limit, false), (limit + 1, true), (2 * limit, true)] {
            let (whole, _) = Payload::new(ContentType::Bytes, bytes(len));
            let (payload, new) = whole.clone().of_item();
            let expected = Payload::stored(ContentType::Bytes, bytes(len));
            if is_stored {
                assert_eq!((payload, new), (expected.0, Some(expected.1)), "{len} bytes");
            } else {
                assert_eq!((payload, new), (whole, None), "{len} bytes");
            }
        }
    }

    #[test]
    fn a_payload_has_the_hash_and_length_of_its_bytes_wherever_they_are() {
        let (inline, _) = Payload::new(ContentType::Json, *b"[1,2]");
        let (stored, _) = Payload::stored(ContentType::Json, *b"[1,2]");
        assert_eq!((inline.hash(), inline.len()), (stored.hash(), stored.len()));
        let (null, _) = Payload::stored(ContentType::Json, *b"null");
        assert_eq!((Payload::Null.hash(), Payload::Null.len()), (null.hash(), null.len()));
        assert!(!Payload::Null.is_empty());
    }
}
