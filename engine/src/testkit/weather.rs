//! Weather: what goes wrong around a workflow, by chance.

use std::collections::BTreeSet;
use std::time::Duration;

use nexus_model::definition::{Retry, Step};

use super::call::Call;
use super::chance::Chance;
use crate::handler::StepError;

/// What goes wrong. Whatever it is, the order in which things happen at one time is drawn from the seed, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Where chance begins.
    pub seed: u64,
    /// The engine ends without notice, again and again.
    pub crashes: bool,
    /// Handlers take up to a second more, but no more than their time allows.
    pub delays: bool,
    /// Attempts fail that are followed by another one.
    pub failures: bool,
}

impl Weather {
    /// Nothing goes wrong; only the order is drawn.
    pub fn calm(seed: u64) -> Self {
        Self { seed, crashes: false, delays: false, failures: false }
    }

    /// Everything goes wrong.
    pub fn storm(seed: u64) -> Self {
        Self { seed, crashes: true, delays: true, failures: true }
    }
}

/// How often the engine ends without notice in one storm.
const CRASHES_MAX: u32 = 6;
/// Longest delay of a handler, in milliseconds.
const DELAY_MS_MAX: u64 = 1_000;

/// Weather as it happens.
#[derive(Clone, Debug)]
pub(super) struct Storm {
    weather: Weather,
    chance: Chance,
    crashes: u32,
    /// Keys of steps that had their failure.
    failed: BTreeSet<String>,
}

impl Storm {
    pub(super) fn new(weather: Weather) -> Self {
        Self { weather, chance: Chance::new(weather.seed), crashes: 0, failed: BTreeSet::new() }
    }

    /// Which of `count` things that could happen now happens.
    pub(super) fn pick(&mut self, count: usize) -> usize {
        self.chance.index(count)
    }

    /// Whether the engine ends here; if so, whether what is on its way is kept.
    pub(super) fn crash(&mut self) -> Option<bool> {
        let crashes = self.weather.crashes
            && self.crashes < CRASHES_MAX
            && self.chance.once_in(u64::from(self.crashes) * 2 + 4);
        crashes.then(|| {
            self.crashes += 1;
            self.chance.once_in(2)
        })
    }

    /// How much longer a handler takes that takes `takes` of `timeout`.
    pub(super) fn delay(&mut self, takes: Duration, timeout: Option<Duration>) -> Duration {
        let ms = if self.weather.delays { self.chance.below(DELAY_MS_MAX) } else { 0 };
        let delay = Duration::from_millis(ms);
        timeout.map_or(delay, |timeout| delay.min(timeout.saturating_sub(takes) / 2))
    }

    /// The failure of a call that would go well, once for each step, and not if it is the last or has to hurry.
    pub(super) fn failure(&mut self, step: &Step, call: &Call) -> Option<StepError> {
        let code = tried_again(&step.retry)?;
        let spared = call.attempt >= step.retry.max_attempts || step.deadline_ms.is_some();
        let fails = self.weather.failures
            && !spared
            && !self.failed.contains(&call.key)
            && self.chance.once_in(2);
        fails.then(|| {
            self.failed.insert(call.key.clone());
            StepError::retry("the weather is bad").code(code)
        })
    }
}

/// A code of failures that are tried again.
fn tried_again(retry: &Retry) -> Option<String> {
    let code = retry.retry_on.first().map_or("NX3001", String::as_str);
    (!retry.give_up_on.iter().any(|given_up| given_up == code)).then(|| code.to_owned())
}
