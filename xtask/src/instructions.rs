//! `cargo xtask instructions`: counts the instructions of fixed pieces of work, and compares them with what they may take.
//!
//! A clock says more about the machine than about a change; a count of instructions is nearly the same on every machine of a kind. It is
//! taken by callgrind, twice for each work with different amounts of it: the difference is what the work takes, without what is made
//! once. The budget stands in `engine/benches/instructions.budget`, and moves only by `--update`, in the commit that explains it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process;

/// The tool that counts.
const TOOL: &str = "valgrind";
/// Where the budget stands, from the folder of the workspace.
const BUDGET: &str = "engine/benches/instructions.budget";
const HEAD: &str = "\
# Instructions that a unit of work may take, as callgrind counts them in a release build on x86-64.
# Written by `cargo xtask instructions --update`; checked with the tolerance of each work.
";

/// A piece of work of `engine/benches/instructions.rs`.
struct Work {
    name: &'static str,
    /// How often it is done; and then twice as often.
    count: u32,
    /// Units in it.
    units: u32,
    unit: &'static str,
    /// How many percent more than its budget it may take: more where threads and hashes with random keys have a part.
    tolerance: u64,
}

const WORKS: [Work; 7] = [
    Work { name: "decide", count: 300, units: 10, unit: "step", tolerance: 3 },
    Work { name: "fold", count: 1_000, units: 10, unit: "step", tolerance: 3 },
    Work { name: "encode", count: 1_000, units: 10, unit: "step", tolerance: 3 },
    Work { name: "decode", count: 1_000, units: 10, unit: "step", tolerance: 3 },
    Work { name: "snapshot", count: 300, units: 1, unit: "snapshot", tolerance: 3 },
    Work { name: "append", count: 60, units: 64, unit: "transition", tolerance: 8 },
    Work { name: "engine", count: 100, units: 10, unit: "step", tolerance: 5 },
];

/// Counts, and compares or writes the budget.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let updates = match arguments {
        [] => false,
        [one] if one == "--update" => true,
        _ => bail!("`instructions` takes nothing, or --update"),
    };
    if !process::installed(TOOL) {
        bail!("{TOOL} is not installed; it comes with your system's packages");
    }
    let counted = count_all()?;
    if updates {
        fs::write(process::workspace().join(BUDGET), written(&counted))?;
        println!("{}", table(&counted, &counted));
        println!("written to {BUDGET}");
        return Ok(ExitCode::SUCCESS);
    }
    let budget = read_budget()?;
    println!("{}", table(&counted, &budget));
    let over = over(&counted, &budget);
    for line in &over {
        println!("over the budget: {line}");
    }
    Ok(if over.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The check of `ci`: left out, and said so, where the tool is missing.
pub(crate) fn check() -> Result<String> {
    if cfg!(not(target_arch = "x86_64")) {
        return Ok("not checked: the budget is for x86-64".to_owned());
    }
    if !process::installed(TOOL) {
        return Ok(format!("not checked: {TOOL} is not installed"));
    }
    let (counted, budget) = (count_all()?, read_budget()?);
    let over = over(&counted, &budget);
    if !over.is_empty() {
        bail!(
            "{}; if that has to be, `cargo xtask instructions --update` writes the budget anew",
            over.join("; ")
        );
    }
    let said = counted.iter().map(|(name, count)| format!("{name} {count}"));
    Ok(said.collect::<Vec<_>>().join(", "))
}

/// Instructions of a unit, by work.
type Counts = BTreeMap<String, u64>;

fn count_all() -> Result<Counts> {
    let program = build()?;
    WORKS.iter().map(|work| Ok((work.name.to_owned(), count(&program, work)?))).collect()
}

/// Builds the program, as released; returns where it is.
fn build() -> Result<PathBuf> {
    let arguments = [
        "build",
        "--release",
        "--package",
        "nexus-engine",
        "--bench",
        "instructions",
        "--features",
        "valgrind",
        "--message-format=json-render-diagnostics",
    ];
    let messages = process::capture(&mut process::cargo(&arguments))?;
    let program = messages.lines().filter_map(executable).next_back();
    program.context("cargo did not say where the program is")
}

fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    (message["target"]["name"] == "instructions").then_some(())?;
    message["executable"].as_str().map(PathBuf::from)
}

/// Instructions of one unit.
fn count(program: &Path, work: &Work) -> Result<u64> {
    let start = |count: u32| {
        Command::new(TOOL)
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args([work.name, &count.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {TOOL}"))
    };
    // Both at once, as there are two cores nearly everywhere.
    let (once, twice) = (start(work.count)?, start(2 * work.count)?);
    let read = |child: std::process::Child| {
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("`{}` failed under {TOOL}: {said}", work.name);
        }
        collected(&said).with_context(|| format!("{TOOL} did not say how many: {said}"))
    };
    let (once, twice) = (read(once)?, read(twice)?);
    Ok(twice.saturating_sub(once) / u64::from(work.count * work.units))
}

/// The number behind `Collected :`.
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
}

fn read_budget() -> Result<Counts> {
    let text = fs::read_to_string(process::workspace().join(BUDGET))
        .with_context(|| format!("{BUDGET} cannot be read"))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Counts> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |line: &str| {
        let (name, count) = line.split_once(' ').with_context(|| format!("{BUDGET}: {line}"))?;
        Ok((name.to_owned(), count.trim().parse().with_context(|| format!("{BUDGET}: {line}"))?))
    };
    lines.map(pair).collect()
}

fn written(counted: &Counts) -> String {
    counted.iter().fold(HEAD.to_owned(), |mut text, (name, count)| {
        let _ = writeln!(text, "{name} {count}");
        text
    })
}

/// The works that take more than they may, or have no budget.
fn over(counted: &Counts, budget: &Counts) -> Vec<String> {
    let judged = |work: &Work| {
        let count = counted.get(work.name)?;
        let Some(budget) = budget.get(work.name) else {
            return Some(format!("{} has no budget", work.name));
        };
        let most = budget + budget * work.tolerance / 100;
        (*count > most).then(|| {
            format!(
                "{}: {count} instructions a {}, budget {budget} and {} %",
                work.name, work.unit, work.tolerance
            )
        })
    };
    WORKS.iter().filter_map(judged).collect()
}

fn table(counted: &Counts, budget: &Counts) -> String {
    let mut text =
        format!("{:<10} {:>12} {:>12}  {}", "work", "instructions", "budget", "a unit is");
    for work in &WORKS {
        let of = |counts: &Counts| counts.get(work.name).map_or_else(|| "-".into(), u64::to_string);
        let _ = write!(
            text,
            "\n{:<10} {:>12} {:>12}  a {}",
            work.name,
            of(counted),
            of(budget),
            work.unit
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: u64) -> Counts {
        WORKS.iter().map(|work| (work.name.to_owned(), of)).collect()
    }

    #[test]
    fn what_takes_more_than_its_tolerance_is_over() {
        let budget = counts(1_000);
        assert_eq!(over(&counts(1_030), &budget), Vec::<String>::new());
        assert_eq!(over(&counts(500), &budget), Vec::<String>::new());
        let names: Vec<_> = over(&counts(1_031), &budget);
        assert_eq!(names.len(), 5, "those with a tolerance of 3 %: {names:?}");
        assert_eq!(over(&counts(1_081), &budget).len(), WORKS.len());
    }

    #[test]
    fn a_work_without_a_budget_is_over() {
        let mut budget = counts(1_000);
        budget.remove("fold");
        assert_eq!(over(&counts(1_000), &budget), ["fold has no budget"]);
    }

    #[test]
    fn a_budget_is_read_as_it_is_written() {
        let budget = counts(77);
        assert_eq!(parse(&written(&budget)).expect("it was just written"), budget);
        assert!(parse("fold many").is_err());
    }

    #[test]
    fn the_budget_names_every_work() {
        let budget = read_budget().expect("it is there");
        let names: Vec<_> = WORKS.iter().map(|work| work.name).collect();
        assert!(names.iter().all(|name| budget.contains_key(*name)), "{budget:?}");
        assert_eq!(budget.len(), names.len());
    }

    #[test]
    fn the_count_stands_behind_its_name() {
        let said = "==7== Events    : Ir\n==7== Collected : 19012\n==7==\n";
        assert_eq!(collected(said), Some(19_012));
        assert_eq!(collected("==7== nothing"), None);
    }
}
