//! How often and when a step is tried again.

use std::time::Duration;

use nexus_model::definition::{Backoff, Retry as Recorded};

use super::ms;

/// How often and when a step is tried again. A number is short for [`exponential`](Self::exponential).
///
/// ```
/// use nexus_engine::prelude::*;
///
/// let patient = Retry::exponential(8).first(secs(1)).up_to(secs(60)).only_on(["NX3002"]);
/// let short = Retry::from(3);
/// # let _ = (patient, short);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Retry(pub(crate) Recorded);

impl Retry {
    /// At most `attempts` in all, with delays that double: 1 s, 2 s, 4 s, up to a minute, each spread between half and whole.
    pub fn exponential(attempts: u32) -> Self {
        Self(Recorded { max_attempts: attempts, ..Recorded::default() })
    }

    /// At most `attempts` in all, with delays that grow by `first` each time.
    pub fn linear(attempts: u32, first: Duration) -> Self {
        let kind = Recorded { backoff: Backoff::Linear, ..Self::exponential(attempts).0 };
        Self(kind).first(first)
    }

    /// At most `attempts` in all, always `delay` apart.
    pub fn constant(attempts: u32, delay: Duration) -> Self {
        let kind = Recorded {
            backoff: Backoff::Constant,
            factor: 1.0,
            jitter: false,
            max_ms: ms(delay),
            ..Self::exponential(attempts).0
        };
        Self(kind).first(delay)
    }

    /// The delay before the second attempt.
    #[must_use]
    pub fn first(mut self, delay: Duration) -> Self {
        self.0.initial_ms = ms(delay);
        self
    }

    /// The longest delay.
    #[must_use]
    pub fn up_to(mut self, delay: Duration) -> Self {
        self.0.max_ms = ms(delay);
        self
    }

    /// By how much an exponential delay grows each time; 2 by default.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.0.factor = factor;
        self
    }

    /// Delays as they are computed, not spread by chance.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.0.jitter = false;
        self
    }

    /// Tries again only after failures with these codes.
    #[must_use]
    pub fn only_on(mut self, codes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.retry_on = codes.into_iter().map(Into::into).collect();
        self
    }

    /// Does not try again after failures with these codes.
    #[must_use]
    pub fn give_up_on(mut self, codes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.give_up_on = codes.into_iter().map(Into::into).collect();
        self
    }
}

impl From<u32> for Retry {
    fn from(attempts: u32) -> Self {
        Self::exponential(attempts)
    }
}
