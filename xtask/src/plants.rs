//! `cargo xtask plants`: puts deliberate faults into a copy of the tree, and says which test catches each.
//!
//! Invariants:
//! * The tree itself is never changed; the copy and what is built from it lie in the target folder.
//! * The tests that are to catch the faults have passed in the copy before it has any.

mod planted;
mod sandbox;
mod verdict;

use std::process::ExitCode;

use anyhow::{Result, bail};

use self::planted::{FOLDER, Fault};
use self::sandbox::Sandbox;
use self::verdict::Verdict;
use crate::process;

/// Tries the faults named in `arguments`, or all.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let all = planted::read(&process::workspace())?;
    let names = all.iter().map(|fault| fault.name.as_str());
    if let Some(unknown) = arguments.iter().find(|name| !names.clone().any(|known| known == **name))
    {
        bail!("there is no fault {unknown} in {FOLDER}");
    }
    let is_wanted = |fault: &&Fault| arguments.is_empty() || arguments.contains(&fault.name);
    let wanted: Vec<&Fault> = all.iter().filter(is_wanted).collect();
    let sandbox = Sandbox::prepare(&process::workspace())?;
    println!("| Fault | Caught by | Seconds |");
    println!("|---|---|---|");
    let mut missed = Vec::new();
    for of_suite in wanted.chunk_by(|a, b| a.target() == b.target()) {
        if let Some(failed) = sandbox.fails_without(of_suite)? {
            bail!("without any fault: {failed}");
        }
        for fault in of_suite {
            match sandbox.try_fault(fault)? {
                Verdict::Caught { tests, seconds } => {
                    println!("| `{}` | `{}` | {seconds:.1} |", fault.name, tests.join("`, `"));
                }
                Verdict::NotCaught { why } => {
                    println!("| `{}` | NOT CAUGHT: {why} | |", fault.name);
                    missed.push(fault.name.as_str());
                }
            }
        }
    }
    if missed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("not caught: {}", missed.join(", "));
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests;
