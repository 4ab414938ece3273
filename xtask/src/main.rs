//! Automation of this repository: `cargo xtask <command>`.
//!
//! Everything that checks or tests the project runs from here, the same on a laptop and in CI.
#![expect(clippy::print_stdout, reason = "a command line tool talks to its user")]

mod ci;
mod coverage;
mod faults;
mod flags;
mod footprint;
mod instructions;
mod licenses;
mod measure;
mod metadata;
mod mutants;
mod plants;
mod power;
mod process;
mod setup;
mod simulate;
mod test;
mod tidy;
mod torture;
mod tree_copy;

use std::process::ExitCode;

const USAGE: &str = "\
Automation of this repository.

Usage: cargo xtask <command>

Commands:
  test [args]  Installs what the tests need, builds the binary and runs every test;
               args go to `cargo nextest run`
  ci           Runs every check, then `test`: what a change must pass
  fuzz         Feeds everything that reads with noise; `--minutes M` for each reader (1)
  simulate     Plays seeds of the simulation: `--seeds N --minutes M [--seed S]`
  images       Looks at every image of the disk that a power failure could leave of a store and
               of its views; `--minutes M` for each of their lives (5)
  syscalls     Kills a process before every call to the system that touches a store, and
               makes each fail
  plants       Puts deliberate faults into a copy of the tree, and says which test catches each:
               `plants [NAME…]`
  mutants      Makes small changes, one at a time, and names those that no test notices: all to
               the core, `model [--only TEXT] [--memory GIB]`, or a share of those to the log,
               `log [--share K/N] [--minutes M] [--memory GIB]` (one of 50 at random, 60, 4 for
               each process)
  coverage     Runs the tests of the core and of the log, and says which share of their lines
               those run
  instructions Counts the instructions of fixed pieces of work and compares them with their budget;
               `--update` writes it anew
  measure      Measures everything in docs/performance.md, and prints rows of its table:
               `measure [--rounds N] [--folder DIR] [--binary FILE] [NAME…]`
  interleavings
               Tries orders of the threads that append, write and close: `--schedules N` for
               each test, by each of two ways to choose (10000); `[--seed S]`
  power        Cuts the power of a kernel, and takes images of a disk in use, while a process
               appends: `--rounds N` of each (40), with controls; `[--seed S] [--rig R]`
  torture      Kills servers under load, several a second, and has a checker look at what is left:
               `--minutes M --kills K [--seed S] [--servers N]`
  tidy         Checks the house rules: dependency arrows, file layout, error pages
  setup        Installs what the tests need, and names what it cannot install
  help         Prints this text";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match (command.as_str(), rest.as_slice()) {
        ("test", rest) => test::run(rest),
        ("ci", []) => ci::run(),
        ("fuzz", rest) => faults::fuzz(rest),
        ("images", rest) => faults::images(rest),
        ("syscalls", []) => faults::syscalls(),
        ("mutants", rest) => mutants::run(rest),
        ("coverage", []) => coverage::run(),
        ("plants", names) => plants::run(names),
        ("instructions", rest) => instructions::run(rest),
        ("measure", rest) => measure::run(rest),
        ("interleavings", rest) => faults::interleavings(rest),
        ("power", rest) => power::run(rest),
        ("tidy", []) => tidy::run(),
        ("setup", []) => setup::run(),
        ("simulate", rest) => simulate::run(rest),
        ("torture", rest) => torture::run(rest),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            println!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    };
    outcome.unwrap_or_else(|error| {
        println!("error: {error:#}");
        ExitCode::FAILURE
    })
}
