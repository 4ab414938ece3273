//! Workflows that are functions: what they do, after crashes too, and what becomes of them when their code is another.

#![expect(
    clippy::unwrap_used,
    clippy::many_single_char_names,
    reason = "a test may fail where it stands, and calls are named by their letters"
)]

#[path = "../faults/log.rs"]
mod log;

mod crashing;
mod differing;
mod life;
mod living;
