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

    /// How far the wall clock has moved away from this one, in milliseconds; positive if it is ahead.
    pub fn wall_drift_ms(&self) -> i64 {
        (wall_us() - self.now().0) / 1000
    }

    /// How long until `due`; zero if it has passed.
    pub fn until(&self, due: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(due.0.saturating_sub(self.now().0)).unwrap_or(0))
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
