//! `cargo xtask mutants`: small changes to the code, one at a time, and which of them no test notices.
//!
//! Invariants:
//! * The tree itself is never changed.
//! * A change counts as noticed only if its tests pass without it.

mod build;
mod change;
mod limit;
mod model;
mod share;
mod syntax;
mod trial;
mod weave;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::process;

/// Tries all changes to the core, or a share of those to the log.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    if !process::succeeds(&mut process::cargo(&["mutants", "--version"])) {
        bail!("cargo-mutants is not installed: `cargo install cargo-mutants --locked`");
    }
    match arguments.split_first() {
        Some((package, rest)) if package == "model" => model::run(rest),
        Some((package, rest)) if package == "log" => share::run(rest),
        _ => bail!("mutants of what: model or log"),
    }
}
