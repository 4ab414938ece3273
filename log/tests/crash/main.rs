//! Crashes and damage, on real files and with real processes: what was acknowledged is there, or the store does not open.

#[path = "../support/chance.rs"]
mod chance;
#[path = "../support/children.rs"]
mod children;
mod content;
mod creation;
mod cuts;
mod damage;
#[path = "../support/disk.rs"]
mod disk;
mod failing_writes;
#[path = "../support/failures.rs"]
mod failures;
mod fixture;
mod flips;
#[path = "../support/folders.rs"]
mod folders;
#[path = "../support/here.rs"]
mod here;
mod images;
mod kills;
mod lying;
mod narrow;
mod power;
mod purging;
#[path = "../support/recording.rs"]
mod recording;
#[path = "../support/scratch.rs"]
mod scratch;
mod script;
mod stores;
mod syscalls;
mod tampering;
#[path = "../support/trace.rs"]
mod trace;
#[path = "../support/transitions.rs"]
mod transitions;
#[path = "../support/until.rs"]
mod until;
