//! Engines on a log that refuses, delays, blocks and goes away.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail where it stands, and says its seed"
)]

#[path = "../support/until.rs"]
mod until;

mod alone;
mod blame;
mod calls;
mod events;
mod gate;
mod given_up;
mod heartbeats;
mod life;
mod log;
mod pauses;
mod refusals;
mod resuming;
mod shutdown;
mod starts;
mod storm;
mod waiting;
