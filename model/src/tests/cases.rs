//! Every construct is refused, timed out, cancelled and duplicated in some test: the table of those tests, and those that are nowhere
//! else.
//!
//! `NEXUS_UPDATE=1 cargo nextest run -p nexus-model` writes the table into `docs/testing.md` anew.

mod control;
mod table;
mod times;
mod whole;

use std::collections::BTreeSet;
use std::path::PathBuf;

use table::{NO_CONSTRUCTS, ROWS, Row};

const COLUMNS: [&str; 4] = ["refused", "timed out", "cancelled", "duplicated"];

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(root().join(path)).ok()
}

/// The text of `file::test`; `None` if there is no such test.
fn text_of(name: &str) -> Option<String> {
    let (file, test) = name.split_once("::")?;
    let source = ["model/src/tests/", "model/src/", ""]
        .iter()
        .find_map(|folder| read(&format!("{folder}{file}.rs")))?;
    let (before, body) = source.split_once(&format!("fn {test}() {{\n"))?;
    let is_test = before.trim_end_matches("async ").lines().last()?.contains("test");
    let body = Some(body).filter(|_| is_test)?;
    let (body, _) = body.split_once("\n}\n")?;
    Some(body.to_owned())
}

fn is_test(cell: &str) -> bool {
    cell.contains("::")
}

/// What a test of a column must hold, if it is one of a run.
fn shows(column: &str, name: &str, body: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| body.contains(word));
    match column {
        "refused" => has(&[
            "rejected: ",
            "refused",
            "NotPaused",
            "not_there",
            "g!",
            "TooManyLabels",
            "unwrap_err",
        ]),
        "timed out" => has(&["fire t", "NX3002", "NX3024", "at 10s", "60s", "@5s", "hour("]),
        "cancelled" => has(&["cancel", "gone", "remove", "release b"]),
        "duplicated" => has(&[
            "rejected: ",
            "refused",
            "neither calls",
            "IsCurrent",
            "\"\")",
            "ready none",
            "heartbeat",
            "interrupt a a",
        ]),
        _ => panic!("{name}: no column {column}"),
    }
}

fn cells() -> impl Iterator<Item = (&'static Row, &'static str, &'static str)> {
    let of = |row: &'static Row| {
        COLUMNS.into_iter().zip(row.cells).map(move |(column, cell)| (row, column, cell))
    };
    ROWS.iter().flat_map(of)
}

#[test]
fn every_cell_names_a_test_that_shows_it_or_says_why_there_is_none() {
    let mut wrong = Vec::new();
    for (row, column, cell) in cells() {
        let place = format!("{}, {column}", row.construct);
        if !is_test(cell) {
            if !cell.ends_with('.') || cell.len() < 30 {
                wrong.push(format!("{place}: `{cell}` is neither a test nor a sentence"));
            }
            continue;
        }
        let Some(body) = text_of(cell) else {
            wrong.push(format!("{place}: there is no test {cell}"));
            continue;
        };
        if !row.words.iter().any(|word| body.contains(word)) {
            wrong.push(format!("{place}: {cell} has none of {:?}", row.words));
        }
        if !shows(column, cell, &body) {
            wrong.push(format!("{place}: nothing is {column} in {cell}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names in `key("…", …)`.
fn keys_of(source: &str) -> impl Iterator<Item = &str> {
    source.split("key(").skip(1).filter_map(|rest| {
        let name = rest.trim_start().strip_prefix('"')?;
        name.split_once('"').map(|(name, _)| name)
    })
}

#[test]
fn every_key_of_the_format_is_in_the_table() {
    let sources = ["", "/control", "/breaker", "/concurrency", "/starts"];
    let sources: Vec<String> = sources
        .iter()
        .map(|file| read(&format!("definitions/src/keys{file}.rs")).expect("the keys are there"))
        .collect();
    let keys: BTreeSet<&str> = sources.iter().flat_map(|source| keys_of(source)).collect();
    assert!(keys.contains("for_each") && keys.contains("while_open") && keys.contains("until"));
    let listed = ROWS.iter().map(|row| row.keys).chain([NO_CONSTRUCTS]);
    let listed: BTreeSet<&str> = listed.flat_map(str::split_whitespace).collect();
    let missing: Vec<_> = keys.difference(&listed).collect();
    assert!(missing.is_empty(), "no construct of the table has these keys: {missing:?}");
    let unknown: Vec<_> = listed.difference(&keys).collect();
    assert!(unknown.is_empty(), "the format has no such keys: {unknown:?}");
}

/// The variants of an enum, each with the enum's name.
fn variants_of(source: &str, name: &str) -> Vec<String> {
    let (_, rest) =
        source.split_once(&format!("\npub enum {name} {{\n")).expect("the enum is there");
    let (body, _) = rest.split_once("\n}\n").expect("it ends");
    let variant = |line: &str| {
        let word = line.strip_prefix("    ").filter(|word| word.starts_with(char::is_uppercase))?;
        let end = word.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(word.len());
        Some(format!("{name}::{}", &word[..end]))
    };
    body.lines().filter_map(variant).collect()
}

#[test]
fn every_kind_of_step_and_every_command_is_in_the_table() {
    let source = |file| read(&format!("model/src/{file}.rs")).expect("the source is there");
    let mut variants = variants_of(&source("definition"), "StepKind");
    variants.extend(variants_of(&source("command"), "Command"));
    assert!(variants.iter().any(|variant| variant == "StepKind::Approve"));
    let listed: BTreeSet<&str> = ROWS.iter().flat_map(|row| row.code.split_whitespace()).collect();
    let variants: BTreeSet<&str> = variants.iter().map(String::as_str).collect();
    let missing: Vec<_> = variants.difference(&listed).collect();
    assert!(missing.is_empty(), "no construct of the table is about these: {missing:?}");
    let unknown: Vec<_> = listed.difference(&variants).collect();
    assert!(unknown.is_empty(), "there is no such code: {unknown:?}");
}

/// The table as Markdown.
fn page() -> String {
    let head =
        "| Construct | Refused | Timed out | Cancelled | Duplicated |\n|---|---|---|---|---|\n";
    let line = |row: &Row| {
        let code = |cell: &str| if is_test(cell) { format!("`{cell}`") } else { cell.to_owned() };
        format!("| {} | {} |", row.construct, row.cells.map(code).join(" | "))
    };
    head.to_owned() + &ROWS.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_documentation_has_this_table() {
    const BEGIN: &str = "<!-- the cases of every construct -->\n";
    const END: &str = "<!-- end of the cases -->";
    let text = read("docs/testing.md").expect("the page is there");
    let (before, rest) = text.split_once(BEGIN).expect("the table begins");
    let (_, after) = rest.split_once(END).expect("the table ends");
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", page());
    if std::env::var_os("NEXUS_UPDATE").is_some() {
        std::fs::write(root().join("docs/testing.md"), &expected).expect("the page can be written");
    } else {
        assert_eq!(text, expected, "NEXUS_UPDATE=1 writes it anew");
    }
}
