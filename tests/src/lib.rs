//! The harness of the whole-system tests: the real binary, real stores, real kills.

mod chance;
mod server;
pub mod simulation;
pub mod torture;

pub use chance::Chance;
pub use server::{Server, binary, command, definition_json, free_address, until};

/// Whether the run of all tests has said that a program is not installed, so that what needs it is left out.
pub fn is_missing(program: &str) -> bool {
    let missing = std::env::var("NEXUS_MISSING_TOOLS").unwrap_or_default();
    missing.split(',').any(|name| name == program)
}
