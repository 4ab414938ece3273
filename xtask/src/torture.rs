//! `cargo xtask torture`: servers under load that are killed several times a second, for as long as asked.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{flags, process};

/// Tortures until there were so many kills, or the time is over, or something is wrong.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let [minutes, kills, seed, servers] =
        flags::numbers(arguments, ["--minutes", "--kills", "--seed", "--servers"])?;
    // The servers are this binary, beside the tests.
    process::run(&mut process::cargo(&["build", "--package", "nexus-cli"]))?;
    let name = "nothing_is_lost_duplicated_stranded_or_reordered";
    let mut test = process::cargo(&["test", "--package", "nexus-tests", "--test", "torture", name]);
    test.args(["--", "--nocapture"]);
    let minutes = minutes.unwrap_or_else(|| if kills.is_some() { 24 * 60 } else { 10 });
    test.env("NEXUS_TORTURE_SECONDS", minutes.saturating_mul(60).to_string());
    let asked =
        [("NEXUS_TORTURE_KILLS", kills), ("NEXUS_SEED", seed), ("NEXUS_TORTURE_SERVERS", servers)];
    for (variable, number) in asked {
        if let Some(number) = number {
            test.env(variable, number.to_string());
        }
    }
    let status = test.status().context("cannot start cargo test")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
