//! What pages name is there: pages by their links, files and folders of the map of the code, tests that stand behind promises.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use crate::blocks::{Page, pages, root};
use crate::{ERRORS, plain};

fn page(path: &str) -> Page {
    let found = pages().into_iter().find(|page| page.path == Path::new(path));
    found.unwrap_or_else(|| panic!("there is no {path}"))
}

/// The pages that a page links to.
fn linked(page: &Page) -> BTreeSet<PathBuf> {
    let link = Regex::new(r"\]\(([^)#\s]+\.md)[^)\s]*\)").expect("a good pattern");
    let folder = page.path.parent().unwrap_or_else(|| Path::new(""));
    let prose = page.prose();
    link.captures_iter(&prose).map(|found| plain(&folder.join(&found[1]))).collect()
}

#[test]
fn every_page_is_reached_from_the_index() {
    let all = pages();
    let (mut reached, mut to_follow) = (BTreeSet::new(), vec![PathBuf::from("docs/index.md")]);
    while let Some(path) = to_follow.pop() {
        if let Some(page) = all.iter().find(|page| page.path == path)
            && reached.insert(path)
        {
            to_follow.extend(linked(page));
        }
    }
    let own = all.iter().filter(|page| page.path.starts_with("docs"));
    let own = own.filter(|page| !page.path.starts_with(ERRORS)).map(|page| &page.path);
    let lost: Vec<_> = own.filter(|path| !reached.contains(*path)).collect();
    assert!(lost.is_empty(), "docs/index.md leads to none of {lost:?}");
}

/// Every decision has its row.
#[test]
fn every_decision_is_listed() {
    let listed = linked(&page("docs/decisions/README.md"));
    let all = pages().into_iter().map(|page| page.path);
    let decisions = all.filter(|path| path.starts_with("docs/decisions"));
    let missing: Vec<_> =
        decisions.filter(|path| !path.ends_with("README.md") && !listed.contains(path)).collect();
    assert!(missing.is_empty(), "docs/decisions/README.md lacks {missing:?}");
}

/// Files and folders of the repository, without what is built and what is hidden.
fn tree(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        let within = path.strip_prefix(root()).expect("it lies in the repository");
        found.push(within.to_owned());
        if path.is_dir() {
            tree(&path, found);
        }
    }
}

#[test]
fn the_map_of_the_code_names_what_is_there_and_every_folder() {
    let map = page("ARCHITECTURE.md");
    let mut all = Vec::new();
    tree(&root(), &mut all);
    let span = Regex::new(r"`([\w./-]+(?:\.rs|\.toml|\.md|/))`").expect("a good pattern");
    let prose = map.prose();
    let named: BTreeSet<&str> = span
        .captures_iter(&prose)
        .map(|found| found.get(1).expect("a group").as_str().trim_end_matches('/'))
        .collect();
    assert!(named.len() > 60, "only {} names were found", named.len());
    let gone: Vec<_> =
        named.iter().filter(|name| !all.iter().any(|path| path.ends_with(name))).collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md names what is not there: {gone:?}");
    let folders = all.iter().filter(|path| path.components().count() == 1);
    let folders = folders.filter(|path| root().join(path).is_dir());
    let missing: Vec<_> =
        folders.filter(|path| !named.contains(path.to_string_lossy().as_ref())).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md lacks {missing:?}");
}

#[test]
fn the_tests_that_stand_behind_promises_are_there() {
    let text = page("docs/testing.md").text;
    let promises = text.split("\n## ").next().expect("the first part");
    let word = Regex::new(r"`([a-z]+)`, tests? `([a-z_]+)`(?: and `([a-z_]+)`)?").expect("good");
    let mut named = BTreeSet::new();
    for found in word.captures_iter(promises) {
        for test in [found.get(2), found.get(3)].into_iter().flatten() {
            named.insert((found[1].to_owned(), test.as_str().to_owned()));
        }
    }
    assert!(named.len() > 15, "only {} tests were found", named.len());
    let is_there = |folder: &str, test: &str| {
        let tests =
            if folder == "tests" { root().join(folder) } else { root().join(folder).join("tests") };
        [format!("{test}.rs"), format!("{test}/main.rs")]
            .iter()
            .any(|file| tests.join(file).is_file())
    };
    let gone: Vec<_> = named.iter().filter(|(folder, test)| !is_there(folder, test)).collect();
    assert!(gone.is_empty(), "docs/testing.md names tests that are not there: {gone:?}");
    let kinds = std::fs::read_dir(root().join("tests")).expect("the folder can be read");
    let kinds = kinds.map(|kind| kind.expect("the folder can be read"));
    let kinds = kinds.filter(|kind| kind.path().join("main.rs").is_file());
    let kinds =
        kinds.map(|kind| ("tests".to_owned(), kind.file_name().to_string_lossy().into_owned()));
    let missing: Vec<_> = kinds.filter(|kind| !named.contains(kind)).collect();
    assert!(missing.is_empty(), "docs/testing.md lacks {missing:?}");
}

/// The addresses of the program, without what they all begin with.
fn addresses() -> BTreeSet<String> {
    let mut files = Vec::new();
    tree(&root().join("gateway/src"), &mut files);
    let route = Regex::new(r#"\.route\(\s*"(/[^"]+)""#).expect("a good pattern");
    let mut found = BTreeSet::new();
    for file in files.iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let text = std::fs::read_to_string(root().join(file)).expect("a source file is text");
        found.extend(route.captures_iter(&text).map(|route| route[1].to_owned()));
    }
    found
}

#[test]
fn the_addresses_of_the_reference_are_those_of_the_program() {
    let (addresses, pages) = (addresses(), pages());
    assert!(addresses.len() > 50, "only {} addresses were found", addresses.len());
    let reference: String = pages
        .iter()
        .filter(|page| page.path.starts_with("docs/reference"))
        .map(|page| page.text.as_str())
        .collect();
    let is_written = |address: &&String| {
        ["`", "GET ", "POST "]
            .iter()
            .any(|before| reference.contains(&format!("{before}{address}`")))
    };
    let missing: Vec<_> = addresses.iter().filter(|address| !is_written(address)).collect();
    assert!(missing.is_empty(), "docs/reference lacks {missing:?}");
    let row = Regex::new(r"(?m)^\| `(?:GET|POST) (/[^`]+)`").expect("a good pattern");
    let written = page("docs/reference/control-api.md").text;
    let gone: Vec<_> = row
        .captures_iter(&written)
        .map(|row| row[1].to_owned())
        .filter(|address| !addresses.contains(address))
        .collect();
    assert!(gone.is_empty(), "docs/reference/control-api.md has {gone:?}");
}
