//! `cargo xtask ci`: every check, then every test. Runs the same on a laptop.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::{footprint, instructions, licenses, process, test, tidy};

/// A check, and what it says when it passes.
type Check = (&'static str, fn() -> Result<String>);

/// Quick ones first.
const CHECKS: [Check; 7] = [
    ("format", format),
    ("tidy", tidy),
    ("licences, bans, sources", licenses::check),
    ("library build", footprint::check),
    ("clippy", clippy),
    ("documentation", documentation),
    ("instruction counts", instructions::check),
];

/// Runs all checks, also after one failed; runs the tests when all passed.
pub(crate) fn run() -> Result<ExitCode> {
    let failed: Vec<_> = CHECKS.into_iter().filter(|check| !passes(*check)).collect();
    if !failed.is_empty() {
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        bail!("failed: {}; the tests did not run", names.join("; "));
    }
    test::run(&[])
}

fn passes((name, check): Check) -> bool {
    let start = Instant::now();
    let outcome = check();
    let seconds = start.elapsed().as_secs_f64();
    match &outcome {
        Ok(said) if said.is_empty() => println!("passed {seconds:7.1} s  {name}"),
        Ok(said) => println!("passed {seconds:7.1} s  {name}: {said}"),
        Err(error) => println!("FAILED {seconds:7.1} s  {name}: {error:#}"),
    }
    outcome.is_ok()
}

fn format() -> Result<String> {
    process::run(&mut process::cargo(&["fmt", "--all", "--check"]))?;
    Ok(String::new())
}

fn tidy() -> Result<String> {
    let problems = tidy::problems()?;
    if !problems.is_empty() {
        bail!("\n  {}", problems.join("\n  "));
    }
    Ok(String::new())
}

fn clippy() -> Result<String> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    process::run(&mut process::cargo(&arguments))?;
    Ok(String::new())
}

fn documentation() -> Result<String> {
    let mut command = process::cargo(&["doc", "--workspace", "--no-deps"]);
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(String::new())
}
