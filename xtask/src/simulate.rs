//! `cargo xtask simulate`: seeds of the deterministic simulation, as many and as long as asked.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::process;

/// What is asked for with `--seeds`, `--minutes` and `--seed`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    seeds: Option<u64>,
    minutes: Option<u64>,
    seed: Option<u64>,
}

/// Plays seeds until one breaks a rule, or there are no more, or the time is over.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let Asked { seeds, minutes, seed } = parse(arguments)?;
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

fn parse(arguments: &[String]) -> Result<Asked> {
    let mut asked = Asked::default();
    for pair in arguments.chunks(2) {
        let [name, number] = pair else { bail!("{} needs a number", pair.concat()) };
        let number = number.parse().with_context(|| format!("{name} needs a number"))?;
        match name.as_str() {
            "--seeds" => asked.seeds = Some(number),
            "--minutes" => asked.minutes = Some(number),
            "--seed" => asked.seed = Some(number),
            other => bail!("{other} is not known: --seeds, --minutes or --seed"),
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_minutes_and_a_seed_are_taken() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let asked = parse(&words("--seeds 5 --seed 7")).expect("it is understood");
        assert_eq!(asked, Asked { seeds: Some(5), minutes: None, seed: Some(7) });
        assert!(parse(&words("--seeds many")).is_err());
        assert!(parse(&words("--speed 1")).is_err());
        assert!(parse(&words("--minutes")).is_err());
    }
}
