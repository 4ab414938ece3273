//! Workflows that are functions: what they do, after crashes too, and what becomes of them when their code is another.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail where it stands, and says its seed"
)]

#[path = "../faults/log.rs"]
mod log;

mod crashing;
mod differing;
mod life;
mod living;
