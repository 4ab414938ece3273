//! What handlers answer: always the same for the same call, so that the oracle knows it, too.

use std::time::Duration;

use serde_json::{Value, json};

/// A handler that is called by every step.
pub(super) const WORK: &str = "work";
/// What undoes a step; it never fails.
pub(super) const UNDO: &str = "undo";

/// How a call ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// Well, with an output.
    Done(Value),
    /// Badly; it may be tried again.
    Failed,
    /// Badly, for good.
    Fatal,
}

/// The moods of handlers in a play.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moods {
    pub(super) salt: u64,
    /// Calls that fail, in a hundred.
    pub(super) failing: u64,
}

impl Moods {
    /// What the handler says to a call.
    pub(super) fn says(self, step: &str, item: Option<u32>, attempt: u32, input: &Value) -> Said {
        let chance = self.chance(step, item, attempt);
        if chance % 100 < self.failing {
            return if (chance / 100).is_multiple_of(4) { Said::Fatal } else { Said::Failed };
        }
        let number = input.get("n").and_then(Value::as_i64).unwrap_or(0);
        Said::Done(json!({"n": (number * 7 + 3).rem_euclid(1_000)}))
    }

    /// How long that takes.
    pub(super) fn takes(self, step: &str, item: Option<u32>, attempt: u32) -> Duration {
        let chance = self.chance(step, item, attempt) / 1_000;
        Duration::from_millis(if chance.is_multiple_of(3) { 0 } else { chance % 4_000 })
    }

    fn chance(self, step: &str, item: Option<u32>, attempt: u32) -> u64 {
        let item = item.map_or(0, |item| u64::from(item) + 1);
        let mut seed = self.salt ^ (u64::from(attempt) << 32) ^ (item << 48);
        for byte in step.bytes() {
            seed = (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        crate::chance::Chance::of(seed).draw()
    }
}
