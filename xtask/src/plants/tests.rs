//! The faults fit the tree, and the tests that are to catch them are there.

use std::fs;
use std::path::{Path, PathBuf};

use super::planted::{self, Fault, parse};
use super::verdict::{self, Verdict};
use crate::process;

fn faults() -> Vec<Fault> {
    let faults = planted::read(&process::workspace()).expect("the faults can be read");
    assert_eq!(faults.len(), rows().len(), "docs/testing.md has another number of faults");
    faults
}

/// The rows of the table in the documentation: one for each fault.
fn rows() -> Vec<String> {
    let page = fs::read_to_string(process::workspace().join("docs/testing.md")).expect("a page");
    let rows: Vec<String> = page
        .lines()
        .skip_while(|line| *line != "<!-- the faults -->")
        .take_while(|line| *line != "<!-- end of the faults -->")
        .filter(|line| line.starts_with("| `"))
        .map(str::to_owned)
        .collect();
    assert!(!rows.is_empty(), "docs/testing.md has no table of faults");
    rows
}

#[test]
fn every_fault_applies_to_the_tree() {
    let refused: Vec<_> = faults()
        .iter()
        .filter_map(|fault| fault.apply(&process::workspace(), true).err())
        .map(|error| format!("{error:#}"))
        .collect();
    assert!(refused.is_empty(), "write them anew:\n{}", refused.join("\n"));
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Where the tests of a suite are written.
fn places(fault: &Fault) -> Vec<PathBuf> {
    let package = fault.package.strip_prefix("nexus-").expect("a package of ours");
    let folder = process::workspace().join(package);
    match (package, fault.suite.as_str()) {
        (_, "lib") => vec![folder.join("src")],
        ("tests", suite) => vec![folder.join(suite), folder.join("src")],
        (_, suite) => {
            vec![folder.join("tests").join(suite), folder.join(format!("tests/{suite}.rs"))]
        }
    }
}

#[test]
fn the_tests_that_are_to_catch_them_are_there() {
    let mut gone = Vec::new();
    for fault in faults() {
        let mut files = Vec::new();
        for place in places(&fault) {
            if place.is_file() {
                files.push(place);
            } else {
                rust_files(&place, &mut files);
            }
        }
        let texts: Vec<_> = files
            .iter()
            .map(|file| fs::read_to_string(file).expect("a source file is text"))
            .collect();
        for test in &fault.tests {
            if !texts.iter().any(|text| text.contains(&format!("fn {test}("))) {
                gone.push(format!(
                    "{}: {} {} has no {test}",
                    fault.name, fault.package, fault.suite
                ));
            }
        }
    }
    assert!(gone.is_empty(), "{}", gone.join("\n"));
}

#[test]
fn the_table_of_the_documentation_has_every_fault_with_its_tests() {
    let faults = faults();
    let rows = rows();
    for (row, fault) in rows.iter().zip(&faults) {
        assert!(row.starts_with(&format!("| `{}` | {} |", fault.name, fault.what)), "{row}");
        assert!(fault.tests.iter().any(|test| row.contains(test.as_str())), "{row}");
    }
}

#[test]
fn a_header_says_everything() {
    let text = "Fault:   an answer\nPromise: a promise\nSuite:   nexus-log crash\nTests:   one two\n\ndiff --git a/x b/x\n";
    let fault = parse("name", text.to_owned()).expect("it is whole");
    assert_eq!((fault.package.as_str(), fault.suite.as_str()), ("nexus-log", "crash"));
    assert_eq!(fault.tests, ["one", "two"]);
    assert_eq!(
        fault.filter(),
        "package(=nexus-log) & binary(=crash) & (test(/(^|::)one$/) | test(/(^|::)two$/))"
    );
    assert!(parse("name", text.replace("Promise: a promise\n", "")).is_err());
    assert!(parse("name", text.replace("Tests:   one two", "Tests:")).is_err());
    assert!(parse("name", text.replace("Suite:", "Sweet:")).is_err());
    assert!(parse("name", text.replace("diff --git", "diff")).is_err());
}

#[test]
fn only_a_test_that_failed_has_caught_something() {
    let words = "        FAIL [   0.012s] (1/2) nexus-log::crash damage::torn\n        PASS [   0.1s] (2/2) nexus-log other\n     Summary [   0.2s] 2 tests run\n     SIGABRT [   0.012s] (1/2) nexus-log::crash damage::torn\n     TIMEOUT [ 300.0s] (1/2) nexus-log late\n";
    let caught = verdict::of(Some(100), words, 1.0);
    let tests = vec!["damage::torn".to_owned(), "late".to_owned()];
    assert_eq!(caught, Verdict::Caught { tests, seconds: 1.0 });
    for code in [Some(0), Some(4), Some(101), None] {
        assert!(matches!(verdict::of(code, words, 1.0), Verdict::NotCaught { .. }), "{code:?}");
    }
    assert!(matches!(verdict::of(Some(100), "", 1.0), Verdict::NotCaught { .. }));
}
