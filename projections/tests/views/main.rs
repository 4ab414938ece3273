//! The views of generated histories, in memory and in a folder.

#![expect(clippy::unwrap_used, reason = "tests")]

mod damage;
mod fold;
mod history;
mod kill;
mod moments;
mod queries;
mod reopening;
mod site;
mod snapshots;
#[path = "../support/transitions.rs"]
mod transitions;
mod wide;
