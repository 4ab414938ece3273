//! Built-in step actions and scripts.
//!
//! Every action takes a JSON object and gives JSON back; a key it does not know is an error. What each takes and gives
//! is in `docs/reference/actions.md`.
//!
//! Invariants:
//! * No instruction of a script runs before its process is on record, and no script runs while an earlier execution of
//!   the same step does.
//! * A command of a worker does not outlive the worker.
//! * Whatever ends a handler, its stop request, an error or being dropped, ends the process group it started.

mod action;
mod file_read;
mod file_write;
#[cfg(feature = "http")]
mod http_request;
mod json_merge;
mod log;
#[cfg(feature = "postgres")]
pub mod postgres;
mod script;
mod simulate;
#[cfg(test)]
mod testing;

use std::time::Duration;

use nexus_engine::handler::Registry;

pub use script::command::{Command, NoProgram};
pub use script::reap_orphans;
pub use simulate::simulated_outcome;

/// Limits of the actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The largest file that `file.read` reads, in bytes.
    pub file_bytes_max: u64,
    /// The largest response body that `http.request` takes, in bytes.
    pub response_bytes_max: u64,
    /// How long `http.request` waits for a whole response, unless its input says.
    pub http_timeout: Duration,
    /// How long a script may clean up after it was told to stop, before it is killed.
    pub script_grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file_bytes_max: 4 * 1024 * 1024,
            response_bytes_max: 4 * 1024 * 1024,
            http_timeout: Duration::from_secs(30),
            script_grace: Duration::from_secs(5),
        }
    }
}

/// Adds all actions to `registry`.
pub fn register(registry: &mut Registry, options: &Options) {
    file_read::register(registry, options);
    file_write::register(registry, options);
    #[cfg(feature = "http")]
    http_request::register(registry, options);
    json_merge::register(registry, options);
    log::register(registry, options);
    script::register(registry, options);
    simulate::register(registry, options);
}
