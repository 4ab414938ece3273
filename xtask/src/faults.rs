//! `cargo xtask images`, `cargo xtask syscalls`, `cargo xtask interleavings` and `cargo xtask fuzz`: the tests of faults at every
//! place, of threads in every order and of noise, at their full length.

use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;

/// The tests that feed readers with noise.
const NOISE: &str = "test(noise) or test(shaken) or test(soup) or test(never_panic) or test(panics_or_hangs) \
or test(nobody_would_write) or test(nearly_right) or test(survived)";

/// How long each life of a store is looked at, in minutes.
const MINUTES: &str = "5";

/// How many orders each test of threads tries, by each of two ways to choose.
const SCHEDULES: &str = "10000";

/// `cargo xtask images [--minutes M]`.
pub(crate) fn images(arguments: &[String]) -> Result<ExitCode> {
    let minutes = match arguments {
        [] => MINUTES,
        [flag, minutes] if flag == "--minutes" && minutes.parse::<u64>().is_ok() => minutes,
        _ => bail!("usage: cargo xtask images [--minutes M]"),
    };
    run(&["images::", "lying::"], ("NEXUS_IMAGES_MINUTES", minutes))
}

/// `cargo xtask syscalls`.
pub(crate) fn syscalls() -> Result<ExitCode> {
    run(&["syscalls::"], ("NEXUS_SYSCALLS", "all"))
}

/// `cargo xtask interleavings [--schedules N] [--seed S]`.
pub(crate) fn interleavings(arguments: &[String]) -> Result<ExitCode> {
    let mut tests = process::cargo(&["nextest", "run", "-p", "nexus-log", "--no-fail-fast"]);
    tests.args(["--test", "interleavings"]).env("NEXUS_SCHEDULES", SCHEDULES);
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    tests.env("NEXUS_SEED", now.to_string());
    for pair in arguments.chunks(2) {
        let variable = match pair {
            [flag, number] if number.parse::<u64>().is_ok() => match flag.as_str() {
                "--schedules" => Some("NEXUS_SCHEDULES"),
                "--seed" => Some("NEXUS_SEED"),
                _ => None,
            },
            _ => None,
        };
        let (Some(variable), Some(number)) = (variable, pair.last()) else {
            bail!("usage: cargo xtask interleavings [--schedules N] [--seed S]")
        };
        tests.env(variable, number);
    }
    let status = tests.status().context("cannot start cargo nextest")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `cargo xtask fuzz [--minutes M]`.
pub(crate) fn fuzz(arguments: &[String]) -> Result<ExitCode> {
    let minutes = match arguments {
        [] => "1",
        [flag, minutes] if flag == "--minutes" && minutes.parse::<u64>().is_ok() => minutes,
        _ => bail!("usage: cargo xtask fuzz [--minutes M]"),
    };
    let mut tests = process::cargo(&["nextest", "run", "--no-fail-fast"]);
    for package in ["nexus-log", "nexus-model", "nexus-definitions", "nexus-gateway"] {
        tests.args(["-p", package]);
    }
    tests.args(["-E", NOISE]);
    tests.env("NEXUS_FUZZ_MINUTES", minutes).env("PROPTEST_CASES", "20000");
    let status = tests.status().context("cannot start cargo nextest")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the tests one after the other, shows what they say, and adds up their figures.
fn run(filters: &[&str], (variable, value): (&str, &str)) -> Result<ExitCode> {
    let mut tests = process::cargo(&["nextest", "run", "-p", "nexus-log", "--test", "crash"]);
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
