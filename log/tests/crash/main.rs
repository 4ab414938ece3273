//! Crashes and damage, on real files and with real processes: what was acknowledged is there, or the store does not open.

mod children;
mod creation;
mod cuts;
mod damage;
mod failing_writes;
mod fixture;
mod flips;
mod kills;
mod purging;
#[path = "../support/scratch.rs"]
mod scratch;
mod stores;
mod tampering;
#[path = "../support/transitions.rs"]
mod transitions;
