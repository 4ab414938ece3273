//! `cargo xtask coverage`: which lines of the pure core and of the log their own tests run. Tests themselves do not count.
//!
//! What a process did that was killed is not counted: it does not come to write its counters down.

use std::collections::{BTreeMap, BTreeSet};
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
    export.args(["export", "--format=lcov"]).arg(option("--instr-profile=", &merged));
    for program in programs.rust_binaries.values() {
        export.arg(option("--object=", &program.binary_path));
    }
    let export = process::capture(&mut export)?;
    for package in PACKAGES {
        let sources = process::workspace().join(package).join("src");
        let read = |path: &Path| fs::read_to_string(sources.join(path)).context("a source is gone");
        print(package, &by_file(&export, &sources, read)?);
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

/// The lines of each file in `sources` that is no test, without those of the tests in it. `export`: what llvm-cov says, in the
/// format of lcov: `SF:` begins a file, `DA:` is a line and how often it was run.
fn by_file(
    export: &str,
    sources: &Path,
    read: impl Fn(&Path) -> Result<String>,
) -> Result<BTreeMap<PathBuf, Lines>> {
    let mut files: BTreeMap<PathBuf, Lines> = BTreeMap::new();
    let mut current: Option<(PathBuf, BTreeSet<usize>)> = None;
    for line in export.lines() {
        if let Some(file) = line.strip_prefix("SF:") {
            let path = Path::new(file).strip_prefix(sources).ok().filter(|path| !is_test(path));
            current = match path {
                Some(path) => Some((path.to_owned(), of_tests(&read(path)?))),
                None => None,
            };
        }
        let (Some((path, of_tests)), Some(line)) = (&current, line.strip_prefix("DA:")) else {
            continue;
        };
        let mut numbers = line.split(',');
        let number = numbers.next().and_then(|number| number.parse().ok());
        let number: usize = number.with_context(|| format!("no line of lcov: DA:{line}"))?;
        if !of_tests.contains(&number) {
            let lines = files.entry(path.clone()).or_default();
            lines.count += 1;
            lines.covered += u64::from(numbers.next() != Some("0"));
        }
    }
    Ok(files)
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// The lines, from 1, of the items of a source that only tests have. It is laid out by `cargo fmt`: an item ends where it begins,
/// with a `;` or below with a bracket that stands as far to the right.
fn of_tests(source: &str) -> BTreeSet<usize> {
    let (mut found, mut end) = (BTreeSet::new(), None);
    for (number, line) in (1..).zip(source.lines()) {
        if end.is_none() && line.trim_start() == "#[cfg(test)]" {
            let margin = &line[..line.len() - line.trim_start().len()];
            end = Some((format!("{margin}}}"), format!("{margin} ")));
        }
        if let Some((bracket, inside)) = &end {
            found.insert(number);
            let is_over = line == bracket || (line.ends_with(';') && !line.starts_with(inside));
            if is_over {
                end = None;
            }
        }
    }
    found
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
        let sources = [
            ("a.rs", "fn a() {\n    b();\n}\n\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n"),
            ("a/tests.rs", "fn d() {}\n"),
        ];
        let export = "\
SF:/x/model/src/a.rs\nFN:1,a\nDA:1,3\nDA:2,0\nDA:3,3\nDA:7,1\nLF:4\nLH:3\nend_of_record
SF:/x/model/src/a/tests.rs\nDA:1,9\nend_of_record
SF:/x/log/src/b.rs\nDA:1,9\nend_of_record\n";
        let read = |path: &Path| {
            let found = sources.iter().find(|(name, _)| Path::new(name) == path);
            Ok(found.context("there is no such file")?.1.to_owned())
        };
        let found = by_file(export, Path::new("/x/model/src"), read).expect("it can be read");
        assert_eq!(found.keys().collect::<Vec<_>>(), [Path::new("a.rs")]);
        let lines = found.values().next().expect("there is one");
        assert_eq!(lines.words(), "2 of 3 lines (66.6 %)");
    }

    #[test]
    fn what_only_tests_have_ends_where_it_does() {
        let source = "\
use a;
#[cfg(test)]
use b;
impl A {
    #[cfg(test)]
    fn size(&self) -> usize {
        let a = 1;
        a
    }
    fn other() {}
}
#[cfg(test)]
mod tests;
fn last() {}
";
        let found: Vec<usize> = of_tests(source).into_iter().collect();
        assert_eq!(found, [2, 3, 5, 6, 7, 8, 9, 12, 13]);
    }
}
