//! `cargo xtask simulate`: seeds of the deterministic simulation, as many and as long as asked.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{flags, process};

/// Plays seeds until one breaks a rule, or there are no more, or the time is over.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let [seeds, minutes, seed] = flags::numbers(arguments, ["--seeds", "--minutes", "--seed"])?;
    let test =
        ["test", "--package", "nexus-tests", "--test", "simulation", "no_seed_breaks_a_rule"];
    let mut test = process::cargo(&test);
    test.args(["--profile", "simulation"]);
    test.args(["--", "--nocapture"]);
    test.env("NEXUS_SEED", seed.unwrap_or(1).to_string());
    if let Some(seeds) = seeds {
        test.env("NEXUS_SEEDS", seeds.to_string());
    }
    let seconds = match (minutes, seeds) {
        (Some(minutes), _) => minutes.saturating_mul(60),
        (None, Some(_)) => u64::MAX,
        (None, None) => 600,
    };
    test.env("NEXUS_SIMULATION_SECONDS", seconds.to_string());
    let status = test.status().context("cannot start cargo test")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
