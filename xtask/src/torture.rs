//! `cargo xtask torture`: servers under load that are killed several times a second, for as long as asked.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::process;

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    minutes: Option<u64>,
    kills: Option<u64>,
    seed: Option<u64>,
    servers: Option<u64>,
}

/// Tortures until there were so many kills, or the time is over, or something is wrong.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let Asked { minutes, kills, seed, servers } = parse(arguments)?;
    // The servers are this binary, beside the tests.
    process::run(&mut process::cargo(&["build", "--package", "nexus-cli"]))?;
    let name = "nothing_is_lost_duplicated_stranded_or_reordered";
    let mut test = process::cargo(&["test", "--package", "nexus-tests", "--test", "torture", name]);
    test.args(["--", "--nocapture"]);
    let minutes = minutes.unwrap_or(if kills.is_some() { 24 * 60 } else { 10 });
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

fn parse(arguments: &[String]) -> Result<Asked> {
    let mut asked = Asked::default();
    for pair in arguments.chunks(2) {
        let [name, number] = pair else { bail!("{} needs a number", pair.concat()) };
        let number = number.parse().with_context(|| format!("{name} needs a number"))?;
        match name.as_str() {
            "--minutes" => asked.minutes = Some(number),
            "--kills" => asked.kills = Some(number),
            "--seed" => asked.seed = Some(number),
            "--servers" => asked.servers = Some(number),
            other => bail!("{other} is not known: --minutes, --kills, --seed or --servers"),
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_kills_a_seed_and_servers_are_taken() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let asked = parse(&words("--minutes 5 --kills 7 --servers 2")).expect("it is understood");
        assert_eq!(asked, Asked { minutes: Some(5), kills: Some(7), seed: None, servers: Some(2) });
        assert!(parse(&words("--kills many")).is_err());
        assert!(parse(&words("--minutes")).is_err());
    }
}
