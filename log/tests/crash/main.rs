//! Crashes and damage, on real files and with real processes: what was acknowledged is there, or the store does not open.

mod children;
mod content;
mod creation;
mod cuts;
mod damage;
mod disk;
mod failing_writes;
mod fixture;
mod flips;
#[path = "../support/here.rs"]
mod here;
mod images;
mod kills;
mod lying;
mod narrow;
mod power;
mod purging;
mod recording;
#[path = "../support/scratch.rs"]
mod scratch;
mod script;
mod stores;
mod syscalls;
mod tampering;
mod trace;
#[path = "../support/transitions.rs"]
mod transitions;
#[path = "../support/until.rs"]
mod until;
