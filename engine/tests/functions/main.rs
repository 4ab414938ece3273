//! Workflows that are functions: what they do, after crashes too, and what becomes of them when their code is another.

#![expect(
    clippy::unwrap_used,
    clippy::many_single_char_names,
    reason = "a test may fail where it stands, its calls are named by letters"
)]

#[path = "../faults/log.rs"]
mod log;
#[path = "../support/stores.rs"]
mod stores;
#[path = "../support/until.rs"]
mod until;

mod asking;
mod blaming;
mod crashing;
mod differing;
mod giving_up;
mod killed;
mod life;
mod living;
mod repeating;
mod retried;
mod stuck;
