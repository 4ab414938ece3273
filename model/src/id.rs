//! Ids: newtypes for everything that is named by a number or by bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a run: the 16 bytes of its stream, a `UUIDv7`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct RunId(pub [u8; 16]);

/// A step by its place in the definition, from 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct StepIndex(pub u32);

/// The number of a try of a step, from 1. Numbers go on growing over `retry`, so (step, attempt) is unique in a run.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Attempt(pub u32);

/// An item of a step with `for_each`, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemIndex(pub u32);

/// A timer of a run, numbered from 1 in the order they were set.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct TimerId(pub u32);

/// The content hash of a definition: BLAKE3 of its canonical JSON.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DefinitionHash(pub [u8; 32]);

/// The hash of a run's state, see [`codec::state_hash`](crate::codec::state_hash).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateHash(pub [u8; 32]);

/// Set in the number of a timer that follows the wall clock.
const WALL_CLOCK: u32 = 1 << 31;

impl TimerId {
    /// The same number, of a timer that follows the wall clock.
    #[must_use]
    pub fn of_wall_clock(self) -> Self {
        Self(self.0 | WALL_CLOCK)
    }

    /// Whether the timer follows the wall clock; the others do not feel that it is set.
    pub fn follows_wall_clock(self) -> bool {
        self.0 & WALL_CLOCK != 0
    }

    /// The number of the next timer.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 & !WALL_CLOCK).saturating_add(1))
    }
}

impl StepIndex {
    /// As an index into per-step arrays.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! display_as_hex {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }
    )*};
}

display_as_hex!(RunId, DefinitionHash, StateHash);

impl DefinitionHash {
    /// Reads the 64 hexadecimal digits of a hash.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

macro_rules! debug_as_hex {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }
    )*};
}

debug_as_hex!(DefinitionHash, StateHash);

#[cfg(test)]
mod tests {
    use super::{DefinitionHash, TimerId};

    #[test]
    fn a_timer_tells_which_clock_it_follows() {
        let timer = TimerId(7);
        assert!(!timer.follows_wall_clock());
        assert!(timer.of_wall_clock().follows_wall_clock());
        assert_eq!(timer.of_wall_clock().next(), TimerId(8));
        assert_eq!(timer.of_wall_clock().of_wall_clock(), timer.of_wall_clock());
    }

    #[test]
    fn a_hash_is_read_from_its_digits_and_from_nothing_else() {
        let hash = DefinitionHash([0xa5; 32]);
        let digits = hash.to_string();
        assert_eq!(DefinitionHash::parse(&digits), Some(hash));
        let (shorter, longer) = (&digits[1..], format!("{digits}a"));
        let (strange, wide) = ("g".repeat(64), "ä".repeat(32));
        for text in ["", shorter, &longer, &strange, &wide] {
            assert_eq!(DefinitionHash::parse(text), None, "{text}");
        }
    }
}
