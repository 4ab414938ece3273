//! Engines on a log that refuses, delays, blocks and goes away.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod life;
mod log;
mod refusals;
mod resuming;
mod shutdown;
mod starts;
mod storm;
mod waiting;
