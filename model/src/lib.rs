//! The pure core: what a workflow may do, what a run has done, and what it does next.
//!
//! A command comes in; [`decide`](decide::decide) turns state and command into events; the log makes them durable;
//! [`evolve`](evolve::evolve) folds them; [`pending`](effect::pending) names the work that should be under way.
//!
//! Invariants:
//! * No clock, no randomness, no I/O, no threads, no hash-map iteration. Time is an argument and leaves inside an event.
//! * State is the fold of events. `evolve` is total and pure.
//! * Expressions are evaluated by `decide` only; their outcome is in the event.

pub mod aggregate;
pub mod breaker;
pub mod code;
pub mod codec;
pub mod command;
pub mod decide;
pub mod definition;
pub mod effect;
pub mod event;
pub mod evolve;
pub mod expression;
pub mod id;
pub mod input;
pub mod input_shape;
pub mod limit;
pub mod migration;
pub mod pauses;
pub mod payload;
pub mod plan;
pub mod rejection;
pub mod run;
pub mod schedule;
#[doc(hidden)]
pub mod shapes;
pub mod start_key;
pub mod suggest;
pub mod time;
pub mod topic;
pub mod vault;
pub mod versions;
pub mod workers;

#[cfg(test)]
mod tests;
