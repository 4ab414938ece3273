//! Time as numbers: what the shell's clock says, never read here.

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This time and `ms` milliseconds later; stays at the end of time instead of wrapping.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        let us = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000);
        Self(self.0.saturating_add(us))
    }

    /// Milliseconds from `earlier` to this time; 0 if the clock went back.
    pub fn ms_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0) / 1000).unwrap_or(0)
    }

    /// Whole milliseconds since the Unix epoch, rounded up, 0 before it.
    pub fn as_ms(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0).div_ceil(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn a_time_in_milliseconds_is_rounded_up() {
        for (us, ms) in [(-1, 0), (0, 0), (1, 1), (1_000, 1), (1_001, 2), (5_000_000, 5_000)] {
            assert_eq!(Timestamp(us).as_ms(), ms, "{us} µs");
        }
    }
}
