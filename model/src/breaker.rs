//! Circuit breakers: whether a target may be called, shared by all steps that name it.
//!
//! A breaker is an aggregate with a stream of its own. A step asks it before each attempt and tells it what came of the
//! attempt. After so many failures in a row it opens: nobody calls the target for a time. Then it is half open: one call at
//! a time is let through, and so many successes in a row close it, while one failure opens it again. `pending` names who
//! must know what the breaker said; they are told, and asked again by each process, until their call is over. So a crash
//! neither loses a call nor counts it twice.
//!
//! Invariants:
//! * While it is open no call is allowed; while it is half open, at most one that was allowed since then is under way.
//! * Who waits is let through in the order in which they came.
//! * Only calls that were allowed count, each once; a call that was allowed before the breaker opened tells a half open
//!   breaker nothing.

mod command;
mod decide;
mod event;
mod evolve;

pub use command::{BreakerCommand, BreakerRejection};
pub use event::{
    BreakerClosed, BreakerEvent, BreakerHalfOpened, BreakerOpened, BreakerReset, BreakerWoken,
    CallAllowed, CallOver, CallRefused, CallRequested,
};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, ClockKind, Wire};
use crate::event::Actor;
use crate::id::TimerId;
use crate::limit::Holder;
use crate::time::Timestamp;

/// The state of a breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// The target it guards.
    pub target: String,
    /// When it opens and closes, as the last who asked said.
    pub rule: Rule,
    /// Where it stands.
    pub circuit: Circuit,
    /// Since when it stands there.
    pub since: Timestamp,
    /// Calls that were allowed and are not over.
    pub calls: BTreeMap<Holder, Call>,
    /// Who waits, by number in order of coming.
    pub waiting: BTreeMap<u64, Waiting>,
    /// The numbers of those who wait, by who they are.
    places: BTreeMap<Holder, u64>,
    /// The numbers of those who wait only because they were not looked at yet.
    hurried: BTreeSet<u64>,
    /// Who was refused and does not know it yet.
    pub refused: BTreeSet<Holder>,
    /// The number of the next who waits.
    pub next: u64,
    /// How often it has opened.
    pub opened: u64,
    /// When it has something to do although nobody asks or tells.
    pub wakes_at: Option<Timestamp>,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Circuit {
    /// Calls go through.
    Closed {
        /// How many failed in a row.
        failures: u32,
    },
    /// No call goes through.
    Open {
        /// When one may try.
        until: Timestamp,
    },
    /// One call at a time goes through.
    HalfOpen {
        /// How many succeeded in a row.
        successes: u32,
        /// Whether one failed: it is about to open again.
        failed: bool,
    },
}

impl Default for Circuit {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Circuit {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// When a breaker opens and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// It opens after so many failures in a row.
    pub failures: u32,
    /// It closes after so many successes in a row of calls that try.
    pub successes: u32,
    /// How long it is open before somebody tries.
    pub open_ms: u64,
}

impl Rule {
    /// Failures in a row, unless somebody says otherwise.
    pub const FAILURES: u32 = 5;
    /// Successes in a row, unless somebody says otherwise.
    pub const SUCCESSES: u32 = 2;
    /// Time it is open, unless somebody says otherwise.
    pub const OPEN_MS: u64 = 60_000;
}

impl Default for Rule {
    fn default() -> Self {
        Self { failures: Self::FAILURES, successes: Self::SUCCESSES, open_ms: Self::OPEN_MS }
    }
}

/// A call that was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Since when.
    pub since: Timestamp,
    /// Whether it tries for a breaker that is half open.
    pub tries: bool,
}

/// Somebody who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Who.
    pub holder: Holder,
    /// Since when.
    pub since: Timestamp,
    /// Whether it waits while the breaker is open; else it is refused then.
    pub patient: bool,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallOutcome {
    /// It was not made, or nobody knows.
    #[default]
    Unknown,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
}

/// What somebody who wants to call a target says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallWish {
    /// The target.
    pub target: String,
    /// When its breaker opens and closes, by the definition of who asks.
    pub rule: Rule,
    /// Whether it waits while the breaker is open.
    pub patient: bool,
}

impl Breaker {
    /// Where this one stands among those who wait; `None` if it does not wait.
    pub fn ahead_of(&self, holder: Holder) -> Option<usize> {
        let place = self.places.get(&holder)?;
        Some(self.waiting.range(..place).count())
    }

    /// Whether nothing is known of this one.
    fn is_new(&self, holder: Holder) -> bool {
        !self.calls.contains_key(&holder)
            && !self.refused.contains(&holder)
            && !self.places.contains_key(&holder)
    }

    /// What follows at this time from how it stands; `None`: nothing.
    fn next(&self, now: Timestamp) -> Option<BreakerEvent> {
        let opens = || {
            let until = now.plus_ms(self.rule.open_ms);
            Some(BreakerEvent::BreakerOpened(BreakerOpened { until }))
        };
        match self.circuit {
            Circuit::Closed { failures } if failures >= self.rule.failures.max(1) => opens(),
            Circuit::Open { until } if until <= now => {
                Some(BreakerEvent::BreakerHalfOpened(BreakerHalfOpened {}))
            }
            Circuit::Open { .. } => self.refusal(),
            Circuit::HalfOpen { failed: true, .. } => opens(),
            Circuit::HalfOpen { successes, .. } if successes >= self.rule.successes.max(1) => {
                Some(BreakerEvent::BreakerClosed(BreakerClosed {}))
            }
            Circuit::HalfOpen { .. } if self.calls.values().any(|call| call.tries) => {
                self.refusal()
            }
            Circuit::Closed { .. } | Circuit::HalfOpen { .. } => self.allowed(),
        }
    }

    fn allowed(&self) -> Option<BreakerEvent> {
        let (_, Waiting { holder, .. }) = self.waiting.first_key_value()?;
        Some(BreakerEvent::CallAllowed(CallAllowed { holder: *holder }))
    }

    fn refusal(&self) -> Option<BreakerEvent> {
        let Waiting { holder, .. } = self.waiting.get(self.hurried.first()?)?;
        Some(BreakerEvent::CallRefused(CallRefused { holder: *holder }))
    }
}

/// Somebody has to know what the breaker said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerEffect {
    /// It may call.
    Allow(Holder),
    /// It may not.
    Refuse(Holder),
}

/// The timer that says when somebody may try.
const WAKE: TimerId = TimerId(1);

impl Aggregate for Breaker {
    type Command = BreakerCommand;
    type Event = BreakerEvent;
    type Effect = BreakerEffect;
    type Rejection = BreakerRejection;

    const CLOCK: ClockKind = ClockKind::Engine;

    fn new(name: &str) -> Self {
        Self { target: name.to_owned(), ..Self::default() }
    }

    fn decide(
        &mut self,
        command: BreakerCommand,
        now: Timestamp,
    ) -> Result<Vec<BreakerEvent>, BreakerRejection> {
        decide::decide(self, command, now)
    }

    fn evolve(&mut self, event: &BreakerEvent, at: Timestamp) {
        evolve::evolve(self, event, at);
    }

    fn put(&self, out: &mut Vec<u8>) {
        Wire::put(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        Wire::take(bytes)
    }

    fn pending(&self) -> Vec<BreakerEffect> {
        let calls = self.calls.keys().map(|holder| BreakerEffect::Allow(*holder));
        calls.chain(self.refused.iter().map(|holder| BreakerEffect::Refuse(*holder))).collect()
    }

    fn timers(&self) -> Vec<(TimerId, Timestamp)> {
        self.wakes_at.map(|at| (WAKE, at)).into_iter().collect()
    }

    fn fire(_timer: TimerId) -> BreakerCommand {
        BreakerCommand::Wake
    }

    fn command_of(event: &BreakerEvent) -> Option<BreakerCommand> {
        Some(match event.clone() {
            BreakerEvent::CallRequested(CallRequested { holder, rule, patient }) => {
                BreakerCommand::Request { holder, rule, patient }
            }
            BreakerEvent::CallOver(CallOver { holder, outcome }) => {
                BreakerCommand::Settle { holder, outcome }
            }
            BreakerEvent::BreakerReset(BreakerReset { by }) => BreakerCommand::Reset { by },
            BreakerEvent::BreakerWoken(BreakerWoken {}) => BreakerCommand::Wake,
            BreakerEvent::CallAllowed(_)
            | BreakerEvent::BreakerOpened(_)
            | BreakerEvent::BreakerHalfOpened(_)
            | BreakerEvent::BreakerClosed(_)
            | BreakerEvent::CallRefused(_) => return None,
        })
    }

    fn audit(event: &BreakerEvent) -> Option<(&Actor, String)> {
        match event {
            BreakerEvent::BreakerReset(BreakerReset { by }) => Some((by, "closed".to_owned())),
            BreakerEvent::CallRequested(_)
            | BreakerEvent::CallOver(_)
            | BreakerEvent::BreakerWoken(_)
            | BreakerEvent::CallAllowed(_)
            | BreakerEvent::BreakerOpened(_)
            | BreakerEvent::BreakerHalfOpened(_)
            | BreakerEvent::BreakerClosed(_)
            | BreakerEvent::CallRefused(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
