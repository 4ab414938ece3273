//! The shell's clock: the wall clock at start plus time that counts suspension.
//!
//! Durations (sleep, retry, timeout) therefore do not feel a jump of the wall clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nexus_model::time::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// A clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall_at_start_us: i64,
    boot_at_start_us: i64,
}

impl Clock {
    /// Starts it: reads the wall clock once.
    pub fn start() -> Self {
        Self { wall_at_start_us: wall_us(), boot_at_start_us: boot_us() }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.wall_at_start_us + (boot_us() - self.boot_at_start_us))
    }

    /// Now, by the wall clock as it is set.
    pub fn wall_now(&self) -> Timestamp {
        Timestamp(wall_us())
    }

    /// How far the wall clock has moved away from this one, in milliseconds; positive if it is ahead.
    pub fn wall_drift_ms(&self) -> i64 {
        (wall_us() - self.now().0) / 1000
    }

    /// How long until `due`; zero if it has passed.
    pub fn until(&self, due: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(due.0.saturating_sub(self.now().0)).unwrap_or(0))
    }
}

/// Notices once when the wall clock has moved away, and once when it is back.
#[derive(Debug, Default)]
pub(crate) struct DriftWatch {
    is_away: bool,
    looks_at: Timestamp,
}

/// A wall clock that differs by more than this is worth a word, in milliseconds.
const DRIFT_MS_MAX: u64 = 60_000;
/// Time between two looks, in milliseconds.
const LOOK_EVERY_MS: u64 = 1_000;

impl DriftWatch {
    /// Whether it is time to look.
    pub(crate) fn is_due(&mut self, now: Timestamp) -> bool {
        let due = now >= self.looks_at;
        if due {
            self.looks_at = now.plus_ms(LOOK_EVERY_MS);
        }
        due
    }

    /// Says whether the wall clock is away, if that has changed.
    pub(crate) fn look(&mut self, drift_ms: i64) -> Option<bool> {
        let is_away = drift_ms.unsigned_abs() > DRIFT_MS_MAX;
        (std::mem::replace(&mut self.is_away, is_away) != is_away).then_some(is_away)
    }
}

fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn boot_us() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_wall_clock_is_noticed_once() {
        let mut watch = DriftWatch::default();
        let seen: Vec<_> =
            [0, 59_000, 61_000, 70_000, 1_000, -61_000].map(|ms| watch.look(ms)).into();
        assert_eq!(seen, [None, None, Some(true), None, Some(false), Some(true)]);
    }

    #[test]
    fn the_wall_clock_is_looked_at_about_once_a_second() {
        let mut watch = DriftWatch::default();
        let due = [5_000_000, 5_999_999, 6_000_000].map(|us| watch.is_due(Timestamp(us)));
        assert_eq!(due, [true, false, true]);
    }
}
