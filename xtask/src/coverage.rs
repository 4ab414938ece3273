//! `cargo xtask coverage`: which lines of the pure core and of the log their own tests run.
//!
//! What a process did that was killed is not counted: it does not come to write its counters down.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process;

/// What is looked at, and whose tests are run.
const PACKAGES: [&str; 2] = ["model", "log"];
/// Where everything is built and written, below the workspace.
const FOLDER: &str = "target/coverage";
/// Files of a package with the least covered lines that are named.
const WORST: usize = 8;

/// Covered and counted lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lines {
    covered: u64,
    count: u64,
}

/// What `llvm-cov export --summary-only` says.
#[derive(Deserialize)]
struct Export {
    data: Vec<Data>,
}

#[derive(Deserialize)]
struct Data {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: PathBuf,
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    lines: Counted,
}

#[derive(Deserialize)]
struct Counted {
    count: u64,
    covered: u64,
}

/// What `cargo nextest list` says.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Programs {
    rust_binaries: BTreeMap<String, Program>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Program {
    binary_path: PathBuf,
}

/// Runs the tests and prints the share of covered lines for each package, and the files with the lowest.
pub(crate) fn run() -> Result<ExitCode> {
    let tools = tools()?;
    let folder = process::workspace().join(FOLDER);
    let counters = folder.join("counters");
    if counters.exists() {
        fs::remove_dir_all(&counters)?;
    }
    process::run(&mut nextest(&folder, &["run", "--no-fail-fast"]))?;
    let listed = nextest(&folder, &["list", "--list-type", "binaries-only"])
        .args(["--message-format", "json"])
        .output()
        .context("cannot list the tests")?;
    let programs: Programs = serde_json::from_slice(&listed.stdout).context("the list of tests")?;
    let merged = folder.join("all.profdata");
    let raw = fs::read_dir(&counters)?.map(|entry| entry.map(|entry| entry.path()));
    let raw: Vec<PathBuf> = raw.collect::<std::io::Result<_>>()?;
    process::run(
        Command::new(tools.join("llvm-profdata"))
            .args(["merge", "-sparse", "--failure-mode=all", "-o"])
            .arg(&merged)
            .args(raw),
    )?;
    let mut export = Command::new(tools.join("llvm-cov"));
    export.args(["export", "--summary-only"]).arg(option("--instr-profile=", &merged));
    for program in programs.rust_binaries.values() {
        export.arg(option("--object=", &program.binary_path));
    }
    let export: Export =
        serde_json::from_str(&process::capture(&mut export)?).context("what llvm-cov says")?;
    for package in PACKAGES {
        print(package, &by_file(&export, &process::workspace().join(package).join("src")));
    }
    Ok(ExitCode::SUCCESS)
}

fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

/// Runs nextest over the packages, built so that they count.
fn nextest(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = process::cargo(&["nextest"]);
    command.args(arguments);
    for package in PACKAGES {
        command.args(["-p", &format!("nexus-{package}")]);
    }
    // One file for each program, and a few at a time: there are a thousand processes.
    command.env("LLVM_PROFILE_FILE", folder.join("counters/%4m.profraw"));
    command.env("RUSTFLAGS", "-C instrument-coverage").env("CARGO_TARGET_DIR", folder);
    command
}

/// The folder of `llvm-cov` and `llvm-profdata` of this toolchain.
fn tools() -> Result<PathBuf> {
    let libraries = process::capture(Command::new("rustc").args(["--print", "target-libdir"]))?;
    let tools = Path::new(libraries.trim()).with_file_name("bin");
    if !tools.join("llvm-cov").exists() {
        bail!("llvm-cov is not installed: `rustup component add llvm-tools`");
    }
    Ok(tools)
}

/// The lines of each file in `sources` that is no test.
fn by_file(export: &Export, sources: &Path) -> BTreeMap<PathBuf, Lines> {
    let files = export.data.iter().flat_map(|data| &data.files);
    let files = files.filter_map(|file| {
        let path = file.filename.strip_prefix(sources).ok()?;
        let is_test = path.iter().any(|part| part == "tests" || part == "tests.rs");
        let Counted { count, covered } = file.summary.lines;
        (!is_test).then(|| (path.to_owned(), Lines { covered, count }))
    });
    files.collect()
}

fn print(package: &str, files: &BTreeMap<PathBuf, Lines>) {
    let all = files.values().fold(Lines::default(), |all, file| Lines {
        covered: all.covered + file.covered,
        count: all.count + file.count,
    });
    println!("{package}: {}", all.words());
    let mut worst: Vec<(&PathBuf, &Lines)> = files.iter().collect();
    worst.sort_by_key(|(_, lines)| std::cmp::Reverse(lines.count - lines.covered));
    for (path, lines) in worst.into_iter().take(WORST) {
        println!("  {}: {}", path.display(), lines.words());
    }
}

impl Lines {
    fn words(self) -> String {
        let tenths = (1_000 * self.covered).checked_div(self.count).unwrap_or(1_000);
        let Self { covered, count } = self;
        format!("{covered} of {count} lines ({}.{} %)", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_other_packages_do_not_count() {
        let file = |path: &str| {
            format!(r#"{{"filename":"{path}","summary":{{"lines":{{"count":8,"covered":7}}}}}}"#)
        };
        let files = ["/x/model/src/a.rs", "/x/model/src/a/tests.rs", "/x/log/src/b.rs"].map(file);
        let text = format!(r#"{{"data":[{{"files":[{}]}}]}}"#, files.join(","));
        let export: Export = serde_json::from_str(&text).expect("it can be read");
        let found = by_file(&export, Path::new("/x/model/src"));
        assert_eq!(found.keys().collect::<Vec<_>>(), [Path::new("a.rs")]);
        let lines = found.values().next().expect("there is one");
        assert_eq!(lines.words(), "7 of 8 lines (87.5 %)");
    }
}
