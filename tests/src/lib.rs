//! The harness of the whole-system tests: the real binary, real stores, real kills.

mod chance;
mod server;

pub use chance::Chance;
pub use server::{Server, binary, command, definition_json, until};
