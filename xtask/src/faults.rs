//! `cargo xtask images`, `cargo xtask syscalls`, `cargo xtask interleavings` and `cargo xtask fuzz`: the tests of faults at every
//! place, of threads in every order and of noise, at their full length.

use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::{flags, process};

/// The tests that feed readers with noise.
const NOISE: &str = "test(noise) or test(shaken) or test(soup) or test(never_panic) or test(panics_or_hangs) \
or test(nobody_would_write) or test(nearly_right) or test(survived)";

/// How long each life of a store is looked at, in minutes.
const MINUTES: u64 = 5;

/// How many orders each test of threads tries, by each of two ways to choose.
const SCHEDULES: u64 = 10_000;

/// `cargo xtask images [--minutes M]`.
pub(crate) fn images(arguments: &[String]) -> Result<ExitCode> {
    let [minutes] = flags::numbers(arguments, ["--minutes"])?;
    let minutes = minutes.unwrap_or(MINUTES).to_string();
    run(&["images::", "lying::"], ("NEXUS_IMAGES_MINUTES", &minutes))
}

/// `cargo xtask syscalls`.
pub(crate) fn syscalls() -> Result<ExitCode> {
    run(&["syscalls::"], ("NEXUS_SYSCALLS", "all"))
}

/// `cargo xtask interleavings [--schedules N] [--seed S]`.
pub(crate) fn interleavings(arguments: &[String]) -> Result<ExitCode> {
    let [schedules, seed] = flags::numbers(arguments, ["--schedules", "--seed"])?;
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let mut tests = process::cargo(&["nextest", "run", "-p", "nexus-log", "--no-fail-fast"]);
    tests.args(["--test", "interleavings"]);
    tests.env("NEXUS_SCHEDULES", schedules.unwrap_or(SCHEDULES).to_string());
    tests.env("NEXUS_SEED", seed.unwrap_or_else(now).to_string());
    let status = tests.status().context("cannot start cargo nextest")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `cargo xtask fuzz [--minutes M]`.
pub(crate) fn fuzz(arguments: &[String]) -> Result<ExitCode> {
    let [minutes] = flags::numbers(arguments, ["--minutes"])?;
    let mut tests = process::cargo(&["nextest", "run", "--no-fail-fast"]);
    for package in ["nexus-log", "nexus-model", "nexus-definitions", "nexus-gateway"] {
        tests.args(["-p", package]);
    }
    tests.args(["-E", NOISE]);
    tests
        .env("NEXUS_FUZZ_MINUTES", minutes.unwrap_or(1).to_string())
        .env("PROPTEST_CASES", "20000");
    let status = tests.status().context("cannot start cargo nextest")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the tests one after the other, shows what they say, and adds up their figures.
fn run(filters: &[&str], (variable, value): (&str, &str)) -> Result<ExitCode> {
    let mut tests = process::cargo(&["nextest", "run"]);
    tests.args([
        "-p",
        "nexus-log",
        "--test",
        "crash",
        "-p",
        "nexus-projections",
        "--test",
        "views",
    ]);
    tests.args(["--no-capture", "--no-fail-fast"]).args(filters).env(variable, value);
    let mut child = tests.stdout(Stdio::piped()).spawn().context("cannot start cargo nextest")?;
    let output = child.stdout.take().context("the output is piped")?;
    let (mut places, mut losses) = (0, 0);
    for line in BufReader::new(output).lines() {
        let line = line?;
        let counted = before(&line, "images").or_else(|| before(&line, "points"));
        if let Some((counted, lost)) = counted.zip(before(&line, "losses")) {
            (places, losses) = (places + counted, losses + lost);
            println!("{line}");
        } else if line.starts_with("thread ") || line.contains("lost something") {
            println!("{line}");
        }
    }
    let status = child.wait()?;
    println!("{places} in all, {losses} losses");
    Ok(if status.success() && losses == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The number before a word.
fn before(line: &str, word: &str) -> Option<u64> {
    let words: Vec<_> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|other| *other == word)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_before_their_words() {
        let line = "segments: 123 acts, 286 images, 2 losses, 6.7s";
        assert_eq!((before(line, "images"), before(line, "losses")), (Some(286), Some(2)));
        assert_eq!(before("images and no number", "images"), None);
    }
}
