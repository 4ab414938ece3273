//! Deterministic simulation: one thread, one seed, simulated time, and everything that can go wrong.
//!
//! A play is a tape of numbers: which definitions, which inputs, which faults, and what happens next, again and again. See
//! `docs/decisions/0018-simulation-chooses-every-step.md`.

mod beside;
mod compare;
mod definitions;
mod evaluator;
mod functions;
mod handlers;
mod oracle;
mod people;
mod plainly;
mod play;
mod shrink;
mod swarm;
mod tape;
mod wild;

pub use play::{Played, play};
pub use shrink::shrink;
pub use tape::Tape;
