//! Backoff: how long to wait before the next attempt.
//!
//! The same on every machine: only exact arithmetic and multiplication of floats, no powers from a mathematical library.

use crate::definition::{Backoff, Retry};
use crate::id::{Attempt, ItemIndex, RunId, StepIndex};

/// The delay after the `failures`-th failure in a row, in milliseconds, before spreading.
pub(super) fn delay_ms(retry: &Retry, failures: u32) -> u64 {
    let delay = match retry.backoff {
        Backoff::Constant => retry.initial_ms,
        Backoff::Linear => retry.initial_ms.saturating_mul(u64::from(failures)),
        Backoff::Exponential => grown_ms(retry.initial_ms, retry.factor, failures.max(1) - 1),
    };
    delay.min(retry.max_ms)
}

/// Spreads a delay between half of it and all of it, by a hash of run, step and attempt.
pub(super) fn spread_ms(delay_ms: u64, run: RunId, step: StepIndex, attempt: Attempt) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&run.0).update(&step.0.to_le_bytes()).update(&attempt.0.to_le_bytes());
    spread(delay_ms, &hasher)
}

/// As [`spread_ms`], for an item.
pub(super) fn spread_item_ms(
    delay_ms: u64,
    run: RunId,
    step: StepIndex,
    item: ItemIndex,
    attempt: Attempt,
) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&run.0).update(&step.0.to_le_bytes()).update(&attempt.0.to_le_bytes());
    hasher.update(&item.0.to_le_bytes());
    spread(delay_ms, &hasher)
}

fn spread(delay_ms: u64, hasher: &blake3::Hasher) -> u64 {
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    let half = delay_ms / 2;
    let spread = u128::from(delay_ms - half) * u128::from(u64::from_le_bytes(first));
    half + u64::try_from(spread >> u64::BITS).unwrap_or(0)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a delay may be off by a rounding; the cast back stays within the range of u64"
)]
fn grown_ms(initial_ms: u64, factor: f64, times: u32) -> u64 {
    let grown = initial_ms as f64 * power(factor, times);
    if grown.is_nan() { u64::MAX } else { grown as u64 }
}

fn power(mut base: f64, mut exponent: u32) -> f64 {
    let mut result = 1.0;
    while exponent > 0 {
        if exponent % 2 == 1 {
            result *= base;
        }
        base *= base;
        exponent /= 2;
    }
    result
}

#[cfg(test)]
mod tests;
