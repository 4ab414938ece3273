//! The copy of the tree in which faults are tried, and what is built from it.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::planted::Fault;
use super::verdict::{self, Verdict};
use crate::tidy::listed;

/// How the test runner is set up: a fault may make a test run for ever.
const CONFIG: &str =
    "[profile.default]\nslow-timeout = { period = \"60s\", terminate-after = 5 }\n";

/// A copy of the tree.
#[derive(Debug)]
pub(super) struct Sandbox {
    source: PathBuf,
    tree: PathBuf,
    target: PathBuf,
    config: PathBuf,
}

impl Sandbox {
    /// Makes the copy, or brings it up to date.
    pub(super) fn prepare(source: &Path) -> Result<Self> {
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| source.join("target"), PathBuf::from);
        let folder = source.join(target).join("plants");
        let here = Self {
            source: source.to_owned(),
            tree: folder.join("tree"),
            target: folder.join("target"),
            config: folder.join("nextest.toml"),
        };
        fs::create_dir_all(&here.tree)?;
        fs::write(&here.config, CONFIG)?;
        here.restore()?;
        Ok(here)
    }

    /// Makes the copy what the tree is. Files that are the same stay as they are, so that little is built anew.
    fn restore(&self) -> Result<()> {
        let is_there = |path: &String| self.source.join(path).is_file();
        let wanted: BTreeSet<String> = listed(&self.source)?.into_iter().filter(is_there).collect();
        for path in &wanted {
            let (from, to) = (self.source.join(path), self.tree.join(path));
            let content = fs::read(&from).with_context(|| format!("cannot read {path}"))?;
            if fs::read(&to).is_ok_and(|there| there == content) {
                continue;
            }
            let folder = to.parent().context("a file is in a folder")?;
            fs::create_dir_all(folder)?;
            fs::copy(&from, &to).with_context(|| format!("cannot copy {path}"))?;
        }
        for path in listed(&self.tree)? {
            if !wanted.contains(&path) {
                fs::remove_file(self.tree.join(path))?;
            }
        }
        Ok(())
    }

    /// Runs the tests that are to catch these faults of one suite, without any. What is wrong, if something is.
    pub(super) fn fails_without(&self, faults: &[&Fault]) -> Result<Option<String>> {
        let Some(first) = faults.first() else { return Ok(None) };
        self.restore()?;
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
        self.restore()?;
        fault.apply(&self.tree, false)?;
        let built = self.nextest().args(fault.target()).arg("--no-run").output()?;
        if !built.status.success() {
            bail!("{} does not build:\n{}", fault.name, last_lines(&built));
        }
        let begun = Instant::now();
        let mut tests = self.nextest();
        tests.args(fault.target()).args(["--no-fail-fast", "-E", &fault.filter()]);
        let output = tests.output()?;
        let seconds = begun.elapsed().as_secs_f64();
        self.restore()?;
        Ok(verdict::of(output.status.code(), &words(&output), seconds))
    }

    fn nextest(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["nextest", "run", "--config-file"]).arg(&self.config);
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        command.env_remove("RUSTFLAGS").env_remove("CARGO_MANIFEST_DIR");
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
