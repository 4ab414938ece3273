//! Tests of the delays.

use super::{delay_ms, spread_ms};
use crate::definition::{Backoff, Retry};
use crate::id::{Attempt, RunId, StepIndex};

fn retry(backoff: Backoff, factor: f64) -> Retry {
    Retry { backoff, factor, initial_ms: 1_000, max_ms: 60_000, ..Retry::default() }
}

#[test]
fn delays_grow_as_they_should_up_to_the_limit() {
    let delays = |retry: Retry| [1, 2, 3, 4, 100].map(|failures| delay_ms(&retry, failures));
    assert_eq!(delays(retry(Backoff::Constant, 2.0)), [1_000; 5]);
    assert_eq!(delays(retry(Backoff::Linear, 2.0)), [1_000, 2_000, 3_000, 4_000, 60_000]);
    assert_eq!(delays(retry(Backoff::Exponential, 2.0)), [1_000, 2_000, 4_000, 8_000, 60_000]);
    assert_eq!(delays(retry(Backoff::Exponential, 1.5)), [1_000, 1_500, 2_250, 3_375, 60_000]);
    assert_eq!(delays(retry(Backoff::Exponential, 1.0)), [1_000; 5]);
}

#[test]
fn strange_numbers_stay_within_the_limit() {
    for factor in [0.0, -3.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, f64::MAX] {
        for failures in [0, 1, 2, u32::MAX] {
            assert!(delay_ms(&retry(Backoff::Exponential, factor), failures) <= 60_000);
        }
    }
    let all_max = Retry { initial_ms: u64::MAX, max_ms: u64::MAX, ..retry(Backoff::Linear, 2.0) };
    assert_eq!(delay_ms(&all_max, u32::MAX), u64::MAX);
}

#[test]
fn a_spread_delay_lies_between_half_and_whole_and_covers_both_ends() {
    let spread = |attempt| spread_ms(1_000, RunId([1; 16]), StepIndex(3), Attempt(attempt));
    let delays: Vec<u64> = (1..=1_000).map(spread).collect();
    assert!(delays.iter().all(|delay| (500..1_000).contains(delay)));
    assert!(delays.iter().any(|delay| *delay < 520) && delays.iter().any(|delay| *delay > 980));
    let mean = delays.iter().sum::<u64>() / 1_000;
    assert!((735..765).contains(&mean), "{mean}");
}

#[test]
fn the_spread_is_the_same_for_ever() {
    let spread =
        |run, step, attempt| spread_ms(60_000, RunId([run; 16]), StepIndex(step), Attempt(attempt));
    assert_eq!(
        [spread(1, 0, 1), spread(2, 0, 1), spread(1, 1, 1), spread(1, 0, 2)],
        [50_222, 40_141, 31_389, 43_847]
    );
    assert_eq!(spread_ms(0, RunId([1; 16]), StepIndex(0), Attempt(1)), 0);
    assert!(spread_ms(u64::MAX, RunId([1; 16]), StepIndex(0), Attempt(1)) >= u64::MAX / 2);
}
