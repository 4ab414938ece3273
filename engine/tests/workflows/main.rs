//! Workflows in Rust: what is refused when they are made, how they run, and what they become after a restart.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "../support/until.rs"]
mod until;

mod asking;
mod building;
mod errors;
mod histories;
mod needing;
mod order;
mod restart;
mod running;
mod same_order;
mod simulated;
mod simulated_functions;
mod yaml;
