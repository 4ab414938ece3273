//! All small changes to the pure core, in one build.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use super::change;
use super::trial::{Outcome, Trial};
use super::{build, limit};
use crate::tree_copy::TreeCopy;
use crate::{flags, process};

const PACKAGE: &str = "nexus-model";
const FOLDER: &str = "model";
/// Whose tests are to notice: those of the core, and of what reads definitions, which tests that bad ones are refused.
const TESTS_OF: &[&str] = &["nexus-model", "nexus-definitions"];
/// Where the outcomes are, beside the copy, a line for each change.
const OUTCOMES: &str = "model.txt";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// What the names of the changes contain.
    only: String,
    /// How much memory each process may ask for, in GiB.
    memory_gib: u64,
}

/// Tries all changes, and prints those that no test notices.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode> {
    let Asked { only, memory_gib } = parse(arguments)?;
    let copy = TreeCopy::prepare(&process::workspace(), "mutants")?;
    let path = copy.folder().join(OUTCOMES);
    let file = File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    file.try_lock().context("somebody else tries changes in this folder")?;
    let mut changes = change::all(&copy.tree(), PACKAGE)?;
    changes.retain(|change| change.name.contains(&only));
    ensure!(!changes.is_empty(), "no change has `{only}` in its name");
    println!("{} changes", changes.len());
    let built = build::build(&copy, PACKAGE, FOLDER, &changes, TESTS_OF)?;
    // What was found before stays until there is something to write.
    file.set_len(0)?;
    // One write: lines of several threads do not mix.
    let write = |line: String| (&file).write_all(format!("{line}\n").as_bytes());
    for (number, change) in changes.iter().enumerate() {
        if let Some(words) = built.unviable.get(&number) {
            write(format!("unviable {}: {words}", change.name))?;
        } else if built.apart.contains(&number) {
            write(format!("apart {}", change.name))?;
        }
    }
    let is_in =
        |number: &usize| !built.unviable.contains_key(number) && !built.apart.contains(number);
    let tried: Vec<usize> = (0..changes.len()).filter(is_in).collect();
    let outcomes = Trial::prepare(&built, memory_gib)?.outcomes(&tried, |number, outcome| {
        let line = format!("{} {}", words(outcome), changes[number].name);
        if is_missed(outcome) {
            println!("{line}");
        }
        Ok(write(line)?)
    })?;
    println!("{}", score(&outcomes, built.unviable.len(), built.apart.len()));
    let is_well = !outcomes.values().copied().any(is_missed);
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Noticed => "noticed",
        Outcome::Endless => "endless",
        Outcome::Missed => "missed",
        Outcome::Unreached => "unreached",
    }
}

fn is_missed(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Missed | Outcome::Unreached)
}

/// What does not compile says nothing; what makes a test run for ever was noticed.
fn score(outcomes: &BTreeMap<usize, Outcome>, unviable: usize, apart: usize) -> String {
    let of = |wanted| outcomes.values().filter(|outcome| **outcome == wanted).count();
    let noticed = of(Outcome::Noticed) + of(Outcome::Endless);
    let percent = (1000 * noticed).checked_div(outcomes.len()).unwrap_or(0);
    format!(
        "{} tried, {noticed} noticed ({}.{} %), {} of these because a test did not end; {} missed, {} reached by no test; \
         {unviable} do not compile behind a switch, {apart} cannot be behind one",
        outcomes.len(),
        percent / 10,
        percent % 10,
        of(Outcome::Endless),
        of(Outcome::Missed),
        of(Outcome::Unreached),
    )
}

fn parse(arguments: &[String]) -> Result<Asked> {
    let mut asked = Asked { only: String::new(), memory_gib: limit::MEMORY_GIB };
    for (name, value) in flags::values(arguments)? {
        match name {
            "--only" => value.clone_into(&mut asked.only),
            "--memory" => asked.memory_gib = limit::gib(value)?,
            other => bail!("{other} is not known: --only or --memory"),
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_names_and_memory_are_taken() {
        let asked =
            |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let given = asked("--only src/code.rs --memory 2").expect("it is understood");
        assert_eq!(given, Asked { only: "src/code.rs".to_owned(), memory_gib: 2 });
        for wrong in ["--only", "--memory 0", "--share 1/2"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_ends_never_is_noticed_and_what_is_not_reached_is_not() {
        let outcomes = [Outcome::Noticed, Outcome::Endless, Outcome::Missed, Outcome::Unreached];
        let outcomes = outcomes.into_iter().enumerate().collect();
        assert_eq!(
            score(&outcomes, 0, 0).split(';').next(),
            Some("4 tried, 2 noticed (50.0 %), 1 of these because a test did not end")
        );
    }
}
