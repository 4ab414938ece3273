//! The text files of the repository.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// Folders that hold no sources; needed only where git does not say so.
const SKIPPED: [&str; 4] = [".git", ".nexus", "node_modules", "target"];

/// A text file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the workspace, with forward slashes.
    pub(crate) path: String,
    /// The whole file.
    pub(crate) text: String,
}

impl Source {
    /// Whether this is a Rust file.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// The text without tests: nothing of a test file, and a Rust file up to its own `mod tests {`.
    pub(crate) fn production(&self) -> &str {
        if self.is_test() {
            return "";
        }
        let end = self.text.find("\n#[cfg(test)]\nmod tests {");
        end.map_or(self.text.as_str(), |end| &self.text[..=end])
    }

    fn is_test(&self) -> bool {
        let mut folders = self.path.split('/').rev();
        let file = folders.next().unwrap_or_default();
        file == "tests.rs"
            || file.ends_with("_tests.rs")
            || folders.any(|folder| matches!(folder, "tests" | "benches" | "fixtures"))
    }
}

/// Every text file that belongs to the repository: known to git or new, and not ignored.
pub(crate) fn sources() -> Result<Vec<Source>> {
    let root = process::workspace();
    Ok(listed(&root)?.into_iter().filter_map(|path| source(&root, path)).collect())
}

/// The paths of all files in `root` that belong to a repository, relative to it.
pub(crate) fn listed(root: &Path) -> Result<Vec<String>> {
    let mut paths = match listed_by_git(root) {
        Some(paths) => paths,
        None => walked(root)?,
    };
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn source(root: &Path, path: String) -> Option<Source> {
    let text = fs::read_to_string(root.join(&path)).ok()?;
    Some(Source { path, text })
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let names = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<_> = names.split_terminator('\0').map(str::to_owned).collect();
    (!paths.is_empty()).then_some(paths)
}

/// For a copy of the sources without its history.
fn walked(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED.iter().any(|name| entry.file_name() == *name) {
                folders.push(entry.path());
            } else if kind.is_file()
                && let Ok(path) = entry.path().strip_prefix(root)
            {
                paths.push(path.to_string_lossy().into_owned());
            }
        }
    }
    Ok(paths)
}

/// A made-up file for the tests of the rules.
#[cfg(test)]
pub(crate) fn file(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_and_the_walk_find_the_same_manifest() {
        let root = process::workspace();
        assert!(walked(&root).expect("the tree can be read").contains(&"Cargo.toml".to_owned()));
        assert!(sources().expect("the tree can be read").iter().any(|s| s.path == "Cargo.toml"));
    }

    #[test]
    fn tests_are_not_production() {
        let source =
            file("log/src/a.rs", "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n");
        assert_eq!(source.production(), "fn a() {}\n\n");
        assert_eq!(file("log/src/a/tests.rs", "fn a() {}").production(), "");
        assert_eq!(file("tests/src/lib.rs", "fn a() {}").production(), "");
    }
}
