//! A share of all small changes to the way of an append, built one after the other, and which of them no test notices. Its tests
//! start processes and fill disks, so all of them take days: a share is drawn at random, or given.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use super::limit;
use crate::{flags, process};

/// Into how many shares the changes are divided, if nobody says.
const SHARES: u64 = 50;
/// How long it goes on, in minutes, if nobody says.
const MINUTES: u64 = 60;
/// Where the outcomes are, below the target folder.
const FOLDER: &str = "target/mutants";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// Which share, from 0; `None`: one at random.
    share: Option<u64>,
    shares: u64,
    minutes: u64,
    /// How much memory each process may ask for, in GiB.
    memory_gib: u64,
}

/// How many of the changes that were tried ended how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    caught: usize,
    missed: Vec<String>,
    timeout: usize,
    unviable: usize,
}

/// Tries a share of the changes, and prints those that no test notices.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode> {
    let Asked { share, shares, minutes, memory_gib } = parse(arguments)?;
    let share = share.unwrap_or_else(|| chance(shares));
    println!("share {share} of {shares}, for {minutes} minutes at most");
    let folder = process::workspace().join(FOLDER);
    fs::create_dir_all(&folder)?;
    let mut mutants = process::cargo(&["mutants", "-p", "nexus-log"]);
    mutants.args(["--no-shuffle", "--sharding", "round-robin"]);
    mutants.args(["--shard", &format!("{share}/{shares}"), "--output"]).arg(&folder);
    // A change may make a test ask for more and more; then it is told that there is no more, and fails.
    let mut mutants = limit::memory(&mutants, memory_gib);
    mutants.env("PROPTEST_CASES", "64").current_dir(process::workspace());
    let begun = Instant::now();
    let mut child = mutants.spawn().context("cannot start cargo mutants")?;
    let ended = limit::time(&mut child, begun + Duration::from_secs(60 * minutes))?;
    let score = Score::read(&folder.join("mutants.out"));
    println!("{}", score.words());
    score.missed.iter().for_each(|missed| println!("  {missed}"));
    match ended {
        None => println!("the time was over before all of the share were tried"),
        // 2: some were missed; 3: some took too long.
        Some(status) if !matches!(status.code(), Some(0 | 2 | 3)) => {
            bail!("cargo mutants: {status}")
        }
        Some(_) => {}
    }
    Ok(if score.missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Score {
    /// Reads what was tried so far: a file for each outcome, a line for each change.
    fn read(folder: &Path) -> Self {
        let lines = |name: &str| -> Vec<String> {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        };
        Self {
            caught: lines("caught.txt").len(),
            missed: lines("missed.txt"),
            timeout: lines("timeout.txt").len(),
            unviable: lines("unviable.txt").len(),
        }
    }

    /// A change that does not compile says nothing; one that makes a test run for ever was noticed.
    fn words(&self) -> String {
        let noticed = self.caught + self.timeout;
        let tried = noticed + self.missed.len();
        let percent = (100 * noticed).checked_div(tried).unwrap_or(0);
        format!(
            "{tried} tried, {noticed} noticed ({percent} %), {} missed; {} did not compile",
            self.missed.len(),
            self.unviable
        )
    }
}

/// A number below `end`.
fn chance(end: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_micros()) % end
}

fn parse(arguments: &[String]) -> Result<Asked> {
    let mut asked =
        Asked { share: None, shares: SHARES, minutes: MINUTES, memory_gib: limit::MEMORY_GIB };
    for (name, value) in flags::values(arguments)? {
        match name {
            "--share" => {
                let (share, shares) = value.split_once('/').context("--share is K/N")?;
                asked.share = Some(share.parse().context("--share is K/N")?);
                asked.shares = shares.parse().context("--share is K/N")?;
            }
            "--minutes" => asked.minutes = value.parse().context("--minutes needs a number")?,
            "--memory" => {
                asked.memory_gib = limit::gib(value)?;
            }
            other => bail!("{other} is not known: --share, --minutes or --memory"),
        }
    }
    if asked.share.is_some_and(|share| share >= asked.shares) {
        bail!("shares are counted from 0");
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_share_and_minutes_are_taken() {
        let given = asked("--share 3/40 --minutes 5 --memory 2").expect("it is understood");
        assert_eq!(given, Asked { share: Some(3), shares: 40, minutes: 5, memory_gib: 2 });
        let nothing = asked("").expect("it is understood");
        let usual =
            Asked { share: None, shares: SHARES, minutes: MINUTES, memory_gib: limit::MEMORY_GIB };
        assert_eq!(nothing, usual);
        let wrong =
            ["--share 3", "--share 4/4", "--share 0/0", "--minutes", "--speed 1", "--memory 0"];
        for wrong in wrong {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
        assert!(chance(SHARES) < SHARES);
    }

    #[test]
    fn what_does_not_compile_does_not_count() {
        let missed = vec!["model/src/a.rs:1:1: replace + with -".to_owned()];
        let score = Score { caught: 8, missed, timeout: 1, unviable: 4 };
        assert_eq!(score.words(), "10 tried, 9 noticed (90 %), 1 missed; 4 did not compile");
        assert_eq!(
            Score::default().words(),
            "0 tried, 0 noticed (0 %), 0 missed; 0 did not compile"
        );
    }
}
