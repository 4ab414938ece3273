//! `cargo xtask test`: every test, with everything it needs.
//!
//! The test runner comes last, then the minutes of each suite; the runner's summary ends the output.
//!
//! What tests find in their environment:
//! * `NEXUS_ENGINE_BIN`: the binary, built from this tree.
//! * `NEXUS_DAG_DATA`: a folder with workflows from the wild; unset where there is none.
//! * `NEXUS_MISSING_TOOLS`: programs that are not installed, separated by commas; a test that needs one
//!   of them says so and passes.

mod minutes;
mod runner;

use std::env;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::metadata::{self, list, text};
use crate::{process, setup};
use minutes::Minutes;

/// Where workflows from the wild may lie beside the checkout.
const DAG_DATA: &str = "../shared/data/dags";

/// Where the test runner writes its report, in the target folder.
const REPORT: &str = "nextest/default/junit.xml";

/// Runs every test; `arguments` go to the test runner.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let missing = setup::ensure()?;
    let binary = build_binary()?;
    let metadata = metadata::workspace()?;
    let documented = documented(&metadata);
    if arguments.is_empty() && !documented.is_empty() {
        run_documentation_tests(&documented)?;
    }
    let mut tests = process::cargo(&["nextest", "run"]);
    if !selects_packages(arguments) {
        tests.arg("--workspace");
    }
    tests.args(arguments).env("NEXUS_ENGINE_BIN", binary);
    tests.env("NEXUS_MISSING_TOOLS", missing.join(","));
    if let Some(folder) = dag_data() {
        tests.env("NEXUS_DAG_DATA", folder);
    }
    if arguments.is_empty() {
        return run_all(&mut tests, &metadata::target()?.join(REPORT));
    }
    let status = tests.status().context("cannot start cargo nextest")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// Runs every test, and says how long each suite took; one that takes far longer than its share fails.
fn run_all(tests: &mut Command, report: &Path) -> Result<ExitCode> {
    let colours = if std::io::stderr().is_terminal() { "always" } else { "never" };
    let threads = thread::available_parallelism()?.get();
    tests.args([
        "--profile",
        "default",
        "--no-fail-fast",
        "--color",
        colours,
        "--test-threads",
        &threads.to_string(),
    ]);
    // A run that ends before it begins leaves none, and an earlier one is not its own.
    let _ = fs::remove_file(report);
    let ended = runner::run(tests)?;
    let minutes = report.exists().then(|| Minutes::of_report(report, threads)).transpose()?;
    let too_long = minutes.as_ref().map(Minutes::too_long).unwrap_or_default();
    print!("{}", minutes.map(|minutes| minutes.table()).unwrap_or_default());
    if !too_long.is_empty() {
        println!("far too long: {}", too_long.join("; "));
    }
    print!("{}", ended.summary);
    let passed = ended.status.success() && too_long.is_empty();
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the binary as users get it, and says where it is.
fn build_binary() -> Result<PathBuf> {
    let arguments =
        ["build", "--package", "nexus-cli", "--message-format", "json-render-diagnostics"];
    let messages = process::capture(&mut process::cargo(&arguments))?;
    executable(&messages).context("cargo build names no binary nexus-engine")
}

fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| text(&message["target"]["name"]) == "nexus-engine")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// Packages whose library has tests in its documentation.
fn documented(metadata: &Value) -> Vec<String> {
    list(&metadata["packages"])
        .filter(|package| list(&package["targets"]).any(|target| target["doctest"] == true))
        .map(|package| text(&package["name"]).to_owned())
        .collect()
}

fn run_documentation_tests(packages: &[String]) -> Result<()> {
    let mut tests = process::cargo(&["test", "--quiet", "--doc"]);
    for package in packages {
        tests.args(["--package", package]);
    }
    process::run(&mut tests)
}

fn selects_packages(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

fn dag_data() -> Option<PathBuf> {
    let given = env::var_os("NEXUS_DAG_DATA").filter(|folder| !folder.is_empty());
    if let Some(folder) = given {
        return Some(folder.into());
    }
    process::workspace().join(DAG_DATA).canonicalize().ok().filter(|folder| folder.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_found_among_the_messages() {
        let messages = "\
{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"nexus_engine\"},\"executable\":null}
not json
{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"nexus-engine\"},\"executable\":\"/t/nexus-engine\"}
{\"reason\":\"build-finished\",\"success\":true}
";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/nexus-engine")));
        assert_eq!(executable("{\"reason\":\"build-finished\"}"), None);
    }

    #[test]
    fn documentation_is_tested_where_it_is_enabled() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "a", "targets": [{ "doctest": false }, { "doctest": true }] },
            { "name": "b", "targets": [{ "doctest": false }] },
        ] });
        assert_eq!(documented(&metadata), ["a"]);
    }

    #[test]
    fn a_selection_replaces_the_workspace() {
        assert!(selects_packages(&["-p".to_owned(), "nexus-log".to_owned()]));
        assert!(selects_packages(&["--package=nexus-log".to_owned()]));
        assert!(!selects_packages(&["--no-fail-fast".to_owned()]));
    }
}
