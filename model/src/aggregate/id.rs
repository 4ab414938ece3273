//! Ids of aggregates.

use std::fmt;

use super::Kind;

/// Version nibble of a `UUIDv8`, the kind of id that applications lay out themselves; the other nibble is zero here.
const VERSION_8: u8 = 0x80;
/// The variant bits every UUID has in its ninth byte.
const VARIANT: u8 = 0x80;
const VARIANT_MASK: u8 = 0xc0;

/// The id of an aggregate: the 16 bytes of its stream, a `UUIDv8` made of its kind and a hash of kind and name.
///
/// Runs have ids of version 7, so an id says what it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AggregateId([u8; 16]);

impl AggregateId {
    /// The id of the aggregate of this kind and name.
    pub fn new(kind: Kind, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[kind.number()]).update(name.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        id[6] = VERSION_8;
        id[7] = kind.number();
        id[8] = id[8] & !VARIANT_MASK | VARIANT;
        Self(id)
    }

    /// The aggregate whose stream has this id; `None`: it is a run's.
    pub fn of(stream: [u8; 16]) -> Option<Self> {
        let is_one = stream[6] == VERSION_8
            && Kind::of(stream[7]).is_some()
            && stream[8] & VARIANT_MASK == VARIANT;
        is_one.then_some(Self(stream))
    }

    /// Its bytes.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// Its kind.
    ///
    /// # Panics
    /// Never: an id is made with a kind only.
    pub fn kind(self) -> Kind {
        Kind::of(self.0[7]).expect("an id is made with a kind")
    }
}

impl fmt::Display for AggregateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
