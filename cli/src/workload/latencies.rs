//! How long many operations took.

use std::time::Duration;

/// Latencies of many operations.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies(Vec<u64>);

impl Latencies {
    /// Adds one.
    pub(super) fn add(&mut self, took: Duration) {
        self.0.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds all of another set.
    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value that `permille` of 1000 operations stay below, in microseconds.
    #[expect(
        clippy::cast_precision_loss,
        reason = "nanoseconds of an operation stay far below 2^52"
    )]
    pub(super) fn at_us(&mut self, permille: usize) -> f64 {
        self.0.sort_unstable();
        let at = (self.0.len() * permille / 1000).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(0.0, |nanos| *nanos as f64 / 1000.0)
    }
}

/// Smallest, median and largest of some values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of these values; zeros if there are none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
        let last = sorted.len().saturating_sub(1);
        // Of an even number the mean of the two in the middle.
        let median = f64::midpoint(at(last / 2), at(sorted.len() / 2));
        Self { min: at(0), median, max: at(last) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_both_ends() {
        assert_eq!(Spread::of([]), Spread::default());
        assert_eq!(Spread::of([4.0]), Spread { min: 4.0, median: 4.0, max: 4.0 });
        assert_eq!(Spread::of([9.0, 1.0, 4.0]), Spread { min: 1.0, median: 4.0, max: 9.0 });
        assert_eq!(Spread::of([9.0, 1.0, 4.0, 6.0]), Spread { min: 1.0, median: 5.0, max: 9.0 });
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut latencies = Latencies::default();
        (1..=1000).rev().for_each(|us| latencies.add(Duration::from_micros(us)));
        let at = [500, 990, 999].map(|at| latencies.at_us(at).to_string());
        assert_eq!(at, ["501", "991", "1000"]);
    }
}
