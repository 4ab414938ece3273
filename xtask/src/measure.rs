//! `cargo xtask measure`: every measurement of `docs/performance.md`, one after the other, as rows of its table.
//!
//! Everything runs with the released binary, in folders of one disk. What a command printed is kept beside the binary, under
//! `target/measure`. The machine should have nothing else to do.

mod figures;
mod rows;
mod startup;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::rows::{MEASUREMENTS, Measurement};
use crate::{metadata, process};

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    rounds: u32,
    folder: PathBuf,
    /// The binary to be measured, if it was built before; it does not count allocations, unless it was built for that.
    binary: Option<PathBuf>,
    /// Measurements whose name has one of these words; empty: all.
    only: Vec<String>,
}

/// Measures, and prints rows.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let mut asked = parse(arguments)?;
    let only = asked.only.clone();
    let wanted = |measurement: &&Measurement| {
        only.is_empty() || only.iter().any(|word| measurement.name.contains(word))
    };
    let chosen: Vec<_> = MEASUREMENTS.iter().filter(wanted).collect();
    if chosen.is_empty() {
        bail!("no measurement has such a name: {}", names());
    }
    let place = process::workspace().join("target/measure");
    fs::create_dir_all(&place)?;
    fs::create_dir_all(&asked.folder)?;
    asked.folder = asked.folder.canonicalize()?;
    let binaries = match &asked.binary {
        Some(binary) => {
            let binary = binary.canonicalize().context("there is no such binary")?;
            Binaries { counting: binary.clone(), usual: binary }
        }
        None => Binaries::build(&place)?,
    };
    println!("{}", rows::HEAD);
    let mut failed = 0;
    for measurement in chosen {
        match measure(measurement, &binaries, &asked, &place) {
            Ok(rows) => rows.iter().for_each(|row| println!("{row}")),
            Err(error) => {
                failed += 1;
                println!("| {} | not measured: {error:#} | | | | |", measurement.name);
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(
    measurement: &Measurement,
    binaries: &Binaries,
    asked: &Asked,
    place: &Path,
) -> Result<Vec<String>> {
    let value = if measurement.arguments.is_empty() {
        startup::measure(&binaries.usual, &asked.folder, asked.rounds)?
    } else {
        let binary =
            if measurement.counts_allocations { &binaries.counting } else { &binaries.usual };
        let mut command = Command::new(binary);
        command.args(["-o", "json", "bench"]).args(measurement.arguments);
        command.args(["--rounds", &asked.rounds.to_string(), "--folder"]).arg(&asked.folder);
        let printed = process::capture(&mut command)?;
        serde_json::from_str(&printed).with_context(|| format!("it printed {printed}"))?
    };
    keep(place, measurement.name, &value)?;
    Ok((measurement.rows)(&value).into_iter().map(|row| row.line(measurement)).collect())
}

fn keep(place: &Path, name: &str, value: &Value) -> Result<()> {
    let file = place.join(format!("{}.json", name.replace(' ', "-")));
    fs::write(&file, serde_json::to_string_pretty(value)?)
        .with_context(|| format!("{} cannot be written", file.display()))
}

/// The binaries that are measured.
struct Binaries {
    usual: PathBuf,
    /// The one that counts allocations, and is slower for it.
    counting: PathBuf,
}

impl Binaries {
    /// Builds both and keeps them: the usual one as it is installed, the other, whose time is not looked at, faster.
    fn build(place: &Path) -> Result<Self> {
        let target = metadata::target()?;
        let build = |name: &str, profile: &str, features: &[&str]| {
            let arguments = ["build", "--profile", profile, "--package", "nexus-cli"];
            process::run(process::cargo(&arguments).args(features))?;
            let kept = place.join(name);
            fs::copy(target.join(profile).join("nexus-engine"), &kept)?;
            Ok::<_, anyhow::Error>(kept)
        };
        let features = ["--features", "count-allocations"];
        let counting = build("nexus-engine-counting", "release", &features)?;
        Ok(Self { counting, usual: build("nexus-engine", "dist", &[])? })
    }
}

fn parse(arguments: &[String]) -> Result<Asked> {
    let folder = process::workspace().join("target/bench-stores");
    let mut asked = Asked { rounds: 5, folder, binary: None, only: Vec::new() };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => {
                let rounds = words.next().and_then(|rounds| rounds.parse().ok());
                asked.rounds =
                    rounds.filter(|rounds| *rounds > 0).context("--rounds needs a number")?;
            }
            "--folder" => asked.folder = words.next().context("--folder needs a folder")?.into(),
            "--binary" => {
                asked.binary = Some(words.next().context("--binary needs a file")?.into());
            }
            name if !name.starts_with('-') => asked.only.push(name.to_owned()),
            other => {
                bail!("{other} is not known: --rounds, --folder, --binary, or names: {}", names())
            }
        }
    }
    Ok(asked)
}

fn names() -> String {
    MEASUREMENTS.iter().map(|measurement| measurement.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_a_folder_and_names_are_taken() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let asked = parse(&words("--rounds 7 chain --folder /disk dag --binary /engine"))
            .expect("it is understood");
        let only = vec!["chain".to_owned(), "dag".to_owned()];
        let binary = Some("/engine".into());
        assert_eq!(asked, Asked { rounds: 7, folder: "/disk".into(), binary, only });
        assert!(parse(&words("--rounds none")).is_err());
        assert!(parse(&words("--rounds 0")).is_err());
        assert!(parse(&words("--quick")).is_err());
    }
}
