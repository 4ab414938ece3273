//! Faults as patches: what each breaks, and who has to catch it.
//!
//! ```text
//! Fault:   what is broken
//! Promise: what no longer holds
//! Suite:   nexus-log crash            a package, and one of its tests or `lib`
//! Tests:   image_of_create            one of them, or more, has to fail
//!
//! the patch, as git writes it
//! ```

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Where they are.
pub(super) const FOLDER: &str = "tests/plants";

/// A deliberate fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fault {
    /// The name of its file, without its ending.
    pub(super) name: String,
    /// What is broken.
    pub(super) what: String,
    /// What no longer holds.
    pub(super) promise: String,
    /// The package whose tests catch it.
    pub(super) package: String,
    /// Which of its tests: the name of a file in `tests`, or `lib`.
    pub(super) suite: String,
    /// The tests that may catch it, without the modules they are in.
    pub(super) tests: Vec<String>,
    /// The whole file: `git apply` passes over what stands before the patch.
    pub(super) patch: String,
}

/// Reads all faults of a tree, by the suite that catches them and by name.
pub(super) fn read(root: &Path) -> Result<Vec<Fault>> {
    let folder = root.join(FOLDER);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {FOLDER}"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        found.push(parse(&name, text).with_context(|| format!("{FOLDER}/{name}.patch"))?);
    }
    let order = |fault: &Fault| (fault.package.clone(), fault.suite.clone(), fault.name.clone());
    found.sort_by_key(order);
    Ok(found)
}

pub(super) fn parse(name: &str, patch: String) -> Result<Fault> {
    let Some((header, _)) = patch.split_once("\ndiff --git ") else {
        bail!("there is no line that begins with `diff --git`");
    };
    let mut fault = Fault { name: name.to_owned(), ..Fault::default() };
    for line in header.lines().filter(|line| !line.trim().is_empty()) {
        let Some((key, value)) = line.split_once(':') else { bail!("`{line}` is no `Key: value`") };
        let value = value.trim().to_owned();
        match key {
            "Fault" => fault.what = value,
            "Promise" => fault.promise = value,
            "Suite" => {
                let Some((package, suite)) = value.split_once(' ') else {
                    bail!("Suite names a package and one of its tests, or `lib`");
                };
                (fault.package, fault.suite) = (package.to_owned(), suite.to_owned());
            }
            "Tests" => fault.tests = value.split_whitespace().map(str::to_owned).collect(),
            other => bail!("{other} is not known: Fault, Promise, Suite and Tests are"),
        }
    }
    let is_whole =
        [&fault.what, &fault.promise, &fault.package].iter().all(|text| !text.is_empty())
            && !fault.tests.is_empty();
    if !is_whole {
        bail!("Fault, Promise, Suite or Tests is missing");
    }
    Ok(Fault { patch, ..fault })
}

impl Fault {
    /// The tests that are to catch it, as the test runner selects them.
    pub(super) fn filter(&self) -> String {
        let binary = match self.suite.as_str() {
            "lib" => "kind(lib)".to_owned(),
            name => format!("binary(={name})"),
        };
        let tests: Vec<_> =
            self.tests.iter().map(|test| format!("test(/(^|::){test}$/)")).collect();
        format!("package(={}) & {binary} & ({})", self.package, tests.join(" | "))
    }

    /// The arguments that build its tests and no others.
    pub(super) fn target(&self) -> Vec<&str> {
        match self.suite.as_str() {
            "lib" => vec!["--package", &self.package, "--lib"],
            name => vec!["--package", &self.package, "--test", name],
        }
    }

    /// Applies its patch to the tree in `folder`, or only says whether it could.
    pub(super) fn apply(&self, folder: &Path, only_check: bool) -> Result<()> {
        let path = folder.join(FOLDER).join(format!("{}.patch", self.name));
        let mut git = Command::new("git");
        git.args(["apply", "--whitespace=nowarn"]).args(only_check.then_some("--check"));
        // Below a repository that is not its own, git would take the paths for those of that one.
        git.arg(&path).current_dir(folder);
        git.env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
        git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
        let output = git.stdin(Stdio::null()).output().context("cannot start git")?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("{} does not apply: {}", self.name, words.trim());
        }
        Ok(())
    }
}
