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
    /// The changes that do not compile behind a switch, and what the compiler says.
    pub(super) unviable: BTreeMap<usize, String>,
    /// The changes that cannot be behind a switch.
    pub(super) apart: BTreeSet<usize>,
}

/// Puts these changes into the package that is in `folder` of the copy, and builds the tests of some packages with it.
pub(super) fn build(
    copy: &TreeCopy,
    package: &str,
    folder: &str,
    changes: &[Change],
    tests_of: &[&str],
) -> Result<Built> {
    let root = format!("{folder}/src/lib.rs");
    let files = changes.iter().map(|change| &change.file).chain([&root]);
    let mut originals = BTreeMap::new();
    for file in files {
        if !originals.contains_key(file.as_str()) {
            let text = fs::read_to_string(copy.tree().join(file));
            originals.insert(file.clone(), text.with_context(|| format!("cannot read {file}"))?);
        }
    }
    let mut unviable = BTreeMap::new();
    for round in 1..=ROUNDS {
        let woven = put_in(copy, &root, &originals, changes, &unviable)?;
        let errors = errors(copy, package)?;
        if errors.is_empty() {
            let apart = woven.values().flat_map(|woven| woven.apart.iter().copied()).collect();
            return Ok(Built { programs: programs(copy, tests_of)?, unviable, apart });
        }
        let before = unviable.len();
        for Error { file, range, words } in &errors {
            let of = woven.get(file).map_or(&[][..], |woven| woven.blamed(range));
            ensure!(!of.is_empty(), "no change is to blame for this: {words}");
            let first = words.lines().next().unwrap_or_default();
            unviable.extend(of.iter().map(|number| (*number, first.to_owned())));
        }
        let taken_out = unviable.len() - before;
        println!("round {round}: {} errors, {taken_out} changes taken out", errors.len());
    }
    bail!("it does not compile, whatever is taken out")
}

/// Puts all changes but some into the copy.
fn put_in(
    copy: &TreeCopy,
    root: &str,
    originals: &BTreeMap<String, String>,
    changes: &[Change],
    without: &BTreeMap<usize, String>,
) -> Result<BTreeMap<String, Woven>> {
    let numbered = || changes.iter().enumerate();
    let mut woven = BTreeMap::new();
    for (file, text) in originals {
        let is_of_file = |(number, change): &(usize, &Change)| {
            change.file == *file && !without.contains_key(number)
        };
        let of_file: Vec<_> = numbered().filter(is_of_file).collect();
        let new = weave::weave(text, &of_file).with_context(|| file.to_owned())?;
        let switch = if file == root { switch(changes.len()) } else { String::new() };
        fs::write(copy.tree().join(file), format!("{}{switch}", new.text))?;
        woven.insert(file.clone(), new);
    }
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

/// What cargo says of the packages, a line of JSON each, and whether it did what it was to do.
fn told(copy: &TreeCopy, arguments: &[&str]) -> Result<(Vec<Value>, bool)> {
    let mut command = copy.cargo();
    command.args(arguments).arg("--message-format=json");
    // What is woven is nobody's code.
    command.env("RUSTFLAGS", "--cap-lints=allow").env("CARGO_PROFILE_TEST_OPT_LEVEL", "1");
    let output = command.stderr(Stdio::null()).output().context("cannot start cargo")?;
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines = lines.map(|line| serde_json::from_slice(line).context("cargo says something else"));
    Ok((lines.collect::<Result<_>>()?, output.status.success()))
}

/// An error of the compiler.
struct Error {
    file: String,
    /// Where, in bytes.
    range: Range<usize>,
    words: String,
}

/// The errors of the package.
fn errors(copy: &TreeCopy, package: &str) -> Result<Vec<Error>> {
    let (said, is_well) = told(copy, &["check", "--lib", "-p", package])?;
    let messages = said.iter().filter_map(|line| line.get("message"));
    let errors: Vec<Error> =
        messages.filter(|message| message["level"] == "error").filter_map(error).collect();
    ensure!(is_well || !errors.is_empty(), "cargo check fails and does not say where");
    Ok(errors)
}

/// What a message of the compiler says, if it stands somewhere.
fn error(message: &Value) -> Option<Error> {
    let spans = message["spans"].as_array()?;
    let mut span = spans.iter().find(|span| span["is_primary"] == true)?;
    // Where the macro is called, if it is in one.
    while !span["expansion"].is_null() {
        span = &span["expansion"]["span"];
    }
    let byte = |name: &str| span[name].as_u64().and_then(|byte| usize::try_from(byte).ok());
    Some(Error {
        file: span["file_name"].as_str()?.to_owned(),
        range: byte("byte_start")?..byte("byte_end")?,
        words: message["rendered"].as_str().unwrap_or_default().to_owned(),
    })
}

/// Builds the tests of some packages, and says where the programs are.
fn programs(copy: &TreeCopy, packages: &[&str]) -> Result<Vec<Program>> {
    let mut arguments = vec!["test", "--no-run", "--lib", "--tests"];
    for package in packages {
        arguments.extend(["-p", package]);
    }
    let (said, is_well) = told(copy, &arguments)?;
    ensure!(is_well, "the tests do not compile");
    let mut programs = Vec::new();
    for line in said.iter().filter(|line| line["profile"]["test"] == true) {
        let Some(path) = line["executable"].as_str() else { continue };
        let manifest = Path::new(line["manifest_path"].as_str().context("a package has one")?);
        let folder = manifest.parent().context("it is in a folder")?.to_owned();
        programs.push(Program { path: path.into(), folder });
    }
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_stands_at_its_first_place_and_where_a_macro_is_called() {
        let span = |file: &str, start: u32, is_primary: bool, expansion: Value| {
            let end = start + 3;
            json!({ "file_name": file, "byte_start": start, "byte_end": end, "is_primary": is_primary, "expansion": expansion })
        };
        let of = |spans: Value| error(&json!({ "spans": spans, "rendered": "wrong" }));
        let other = span("b.rs", 1, false, Value::Null);
        let plain = of(json!([other, span("a.rs", 7, true, Value::Null)])).expect("a place");
        assert_eq!(
            (plain.file.as_str(), plain.range, plain.words.as_str()),
            ("a.rs", 7..10, "wrong")
        );
        let called = json!({ "span": span("a.rs", 20, false, Value::Null) });
        let in_macro = of(json!([span("std.rs", 5, true, called)])).expect("a place");
        assert_eq!((in_macro.file.as_str(), in_macro.range), ("a.rs", 20..23));
        assert!(of(json!([other])).is_none() && of(json!([])).is_none());
    }

    /// The switch itself is Rust, and stands where the changes look for it.
    #[test]
    fn the_switch_is_called_what_the_changes_ask_for() {
        let file = syn::parse_file(&switch(3)).expect("it is Rust");
        let Some(syn::Item::Fn(function)) = file.items.first() else { panic!("a function") };
        assert_eq!(format!("crate::{}", function.sig.ident), SWITCH);
    }
}
