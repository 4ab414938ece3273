//! The copy of the tree in which faults are tried, and what is built from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::planted::Fault;
use super::verdict::{self, Verdict};
use crate::tree_copy::TreeCopy;

/// How the test runner is set up: a fault may make a test run for ever.
const CONFIG: &str =
    "[profile.default]\nslow-timeout = { period = \"60s\", terminate-after = 5 }\n";

/// A copy of the tree.
#[derive(Debug)]
pub(super) struct Sandbox {
    copy: TreeCopy,
    config: PathBuf,
}

impl Sandbox {
    /// Makes the copy, or brings it up to date.
    pub(super) fn prepare(source: &Path) -> Result<Self> {
        let copy = TreeCopy::prepare(source, "plants")?;
        let config = copy.folder().join("nextest.toml");
        fs::write(&config, CONFIG)?;
        Ok(Self { copy, config })
    }

    /// Runs the tests that are to catch these faults of one suite, without any. What is wrong, if something is.
    pub(super) fn fails_without(&self, faults: &[&Fault]) -> Result<Option<String>> {
        let Some(first) = faults.first() else { return Ok(None) };
        self.copy.restore()?;
        let filters: Vec<_> = faults.iter().map(|fault| format!("({})", fault.filter())).collect();
        let mut tests = self.nextest();
        tests.args(first.target()).args(["--no-fail-fast", "-E"]).arg(filters.join(" | "));
        let output = tests.output().context("cannot start cargo nextest")?;
        if output.status.success() {
            return Ok(None);
        }
        let failed = verdict::failed(&words(&output));
        Ok(Some(if failed.is_empty() { last_lines(&output) } else { failed.join(", ") }))
    }

    /// Puts the fault in, builds the tests that are to catch it, and runs them.
    pub(super) fn try_fault(&self, fault: &Fault) -> Result<Verdict> {
        self.copy.restore()?;
        fault.apply(&self.copy.tree(), false)?;
        let built = self.nextest().args(fault.target()).arg("--no-run").output()?;
        if !built.status.success() {
            bail!("{} does not build:\n{}", fault.name, last_lines(&built));
        }
        let begun = Instant::now();
        let mut tests = self.nextest();
        tests.args(fault.target()).args(["--no-fail-fast", "-E", &fault.filter()]);
        let output = tests.output()?;
        let seconds = begun.elapsed().as_secs_f64();
        self.copy.restore()?;
        Ok(verdict::of(output.status.code(), &words(&output), seconds))
    }

    fn nextest(&self) -> Command {
        let mut command = self.copy.cargo();
        command.args(["nextest", "run", "--config-file"]).arg(&self.config);
        command.env_remove("RUSTFLAGS");
        command
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn last_lines(output: &Output) -> String {
    let words = words(output);
    let lines: Vec<&str> = words.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
