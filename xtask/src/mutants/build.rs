//! A copy of the tree in which every change to a package stands behind its switch, and the program with its tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::change::Change;
use super::weave::{self, SWITCH, Woven};
use crate::process;
use crate::tree_copy::TreeCopy;

/// How often what does not compile is taken out, before it is given up.
const ROUNDS: usize = 40;
/// Says which change is switched on.
pub(super) const CHOSEN: &str = "NEXUS_MUTANT";
/// The file to which the numbers of the switches are written that are asked.
pub(super) const REACHED: &str = "NEXUS_MUTANTS_REACHED";

/// A program with tests.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    /// The folder in which it runs.
    pub(super) folder: PathBuf,
}

/// What was built.
#[derive(Debug)]
pub(super) struct Built {
    /// The tests of the packages.
    pub(super) programs: Vec<Program>,
    /// The changes that do not compile.
    pub(super) unviable: BTreeSet<usize>,
    /// The changes that cannot be behind a switch.
    pub(super) apart: BTreeSet<usize>,
}

/// Puts these changes into the package that is in `folder` of the workspace, and builds the tests of some packages with it.
pub(super) fn build(
    package: &str,
    folder: &str,
    changes: &[Change],
    tests_of: &[&str],
) -> Result<Built> {
    let copy = TreeCopy::prepare(&process::workspace(), "mutants")?;
    let mut unviable = BTreeSet::new();
    for round in 1..=ROUNDS {
        let woven = put_in(&copy.tree(), folder, changes, &unviable)?;
        let errors = errors(&copy, package)?;
        if errors.is_empty() {
            let apart = woven.values().flat_map(|woven| woven.apart.iter().copied()).collect();
            return Ok(Built { programs: programs(&copy, tests_of)?, unviable, apart });
        }
        let mut blamed = BTreeSet::new();
        for (file, range, words) in &errors {
            let of = woven.get(file).map_or(&[][..], |woven| woven.blamed(range));
            ensure!(!of.is_empty(), "no change is to blame for this: {words}");
            blamed.extend(of.iter().copied());
        }
        println!("round {round}: {} errors, {} changes taken out", errors.len(), blamed.len());
        unviable.extend(blamed);
    }
    bail!("it does not compile, whatever is taken out")
}

/// Puts all changes but some into the copy.
fn put_in(
    tree: &Path,
    folder: &str,
    changes: &[Change],
    without: &BTreeSet<usize>,
) -> Result<BTreeMap<String, Woven>> {
    let mut of_files: BTreeMap<&str, Vec<(usize, &Change)>> = BTreeMap::new();
    for (number, change) in changes.iter().enumerate() {
        // A file from which all were taken out is written too.
        let of_file = of_files.entry(&change.file).or_default();
        if !without.contains(&number) {
            of_file.push((number, change));
        }
    }
    let mut woven = BTreeMap::new();
    for (file, of_file) in of_files {
        let text = fs::read_to_string(process::workspace().join(file))
            .with_context(|| format!("cannot read {file}"))?;
        let new = weave::weave(&text, &of_file).with_context(|| file.to_owned())?;
        fs::write(tree.join(file), &new.text)?;
        woven.insert(file.to_owned(), new);
    }
    let root = Path::new(folder).join("src/lib.rs");
    let text = match woven.get(&root.display().to_string()) {
        Some(woven) => woven.text.clone(),
        None => fs::read_to_string(process::workspace().join(&root))?,
    };
    fs::write(tree.join(root), text + &switch(changes.len()))?;
    Ok(woven)
}

/// The switch: on for the change that is chosen. Those that are asked are written down, if somebody wants to know.
fn switch(changes: usize) -> String {
    let name = SWITCH.trim_start_matches("crate::");
    format!(
        r#"
pub(crate) fn {name}(number: u32) -> bool {{
    use std::io::Write;
    use std::sync::LazyLock;
    use std::sync::atomic::{{AtomicBool, Ordering}};
    static CHOSEN: LazyLock<Option<u32>> =
        LazyLock::new(|| std::env::var("{CHOSEN}").ok()?.parse().ok());
    static REACHED: LazyLock<Option<std::fs::File>> = LazyLock::new(|| {{
        let path = std::env::var_os("{REACHED}")?;
        Some(std::fs::File::options().create(true).append(true).open(path).unwrap())
    }});
    static ASKED: [AtomicBool; {changes}] = [const {{ AtomicBool::new(false) }}; {changes}];
    if let Some(file) = &*REACHED && !ASKED[number as usize].swap(true, Ordering::Relaxed) {{
        (&*file).write_all(&number.to_le_bytes()).unwrap();
    }}
    *CHOSEN == Some(number)
}}
"#
    )
}

/// What cargo says of the package, a line of JSON each.
fn told(copy: &TreeCopy, arguments: &[&str]) -> Result<Vec<Value>> {
    let mut command = copy.cargo();
    command.args(arguments).arg("--message-format=json");
    // What is woven is nobody's code.
    command.env("RUSTFLAGS", "--cap-lints=allow").env("CARGO_PROFILE_TEST_OPT_LEVEL", "1");
    let output = command.stderr(Stdio::null()).output().context("cannot start cargo")?;
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).context("cargo says something else")).collect()
}

/// The errors of the package: file, bytes, and what is said.
fn errors(copy: &TreeCopy, package: &str) -> Result<Vec<(String, Range<usize>, String)>> {
    let said = told(copy, &["check", "--lib", "-p", package])?;
    let mut errors = Vec::new();
    for message in said.iter().filter_map(|line| line.get("message")) {
        if message["level"] != "error" {
            continue;
        }
        let words = message["rendered"].as_str().unwrap_or_default().to_owned();
        let spans = message["spans"].as_array().context("an error stands somewhere")?;
        let Some(span) = spans.iter().find(|span| span["is_primary"] == true) else {
            continue;
        };
        errors.push((place(outermost(span))?, words));
    }
    Ok(errors.into_iter().map(|((file, range), words)| (file, range, words)).collect())
}

/// Where a macro was called, if the span is in one.
fn outermost(span: &Value) -> &Value {
    let mut span = span;
    while !span["expansion"].is_null() {
        span = &span["expansion"]["span"];
    }
    span
}

fn place(span: &Value) -> Result<(String, Range<usize>)> {
    let byte = |name: &str| span[name].as_u64().and_then(|byte| usize::try_from(byte).ok());
    let file = span["file_name"].as_str().context("an error is in a file")?;
    let range = byte("byte_start").zip(byte("byte_end")).context("an error has a place")?;
    Ok((file.to_owned(), range.0..range.1))
}

/// Builds the tests of some packages, and says where the programs are.
fn programs(copy: &TreeCopy, packages: &[&str]) -> Result<Vec<Program>> {
    let mut arguments = vec!["test", "--no-run", "--lib", "--tests"];
    for package in packages {
        arguments.extend(["-p", package]);
    }
    let mut programs = Vec::new();
    for line in told(copy, &arguments)? {
        let Some(path) = line["executable"].as_str() else { continue };
        let manifest = Path::new(line["manifest_path"].as_str().context("a package has one")?);
        let folder = manifest.parent().context("it is in a folder")?.to_owned();
        programs.push(Program { path: path.into(), folder });
    }
    ensure!(!programs.is_empty(), "the tests do not compile");
    Ok(programs)
}
