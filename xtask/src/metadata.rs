//! What cargo knows about the workspace.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// What asks for the packages of the workspace.
const WORKSPACE: [&str; 4] = ["metadata", "--format-version", "1", "--no-deps"];

/// The packages of the workspace, without what they depend on.
pub(crate) fn workspace() -> Result<Value> {
    read(&mut process::cargo(&WORKSPACE))
}

/// The folder that cargo builds in, which need not be in the workspace.
pub(crate) fn target() -> Result<PathBuf> {
    target_of(&mut process::cargo(&WORKSPACE))
}

fn target_of(cargo: &mut Command) -> Result<PathBuf> {
    Ok(PathBuf::from(text(&read(cargo)?["target_directory"])))
}

/// Every package that the workspace, with all features, may need on this machine, with the resolved graph.
///
/// It names a few more than [`built`]: an optional package counts as soon as any feature mentions it.
pub(crate) fn resolved() -> Result<Value> {
    let host = host()?;
    let arguments =
        ["metadata", "--format-version", "1", "--all-features", "--filter-platform", &host];
    read(&mut process::cargo(&arguments))
}

/// Name and version of every package that the workspace, with all features, builds on this machine.
pub(crate) fn built() -> Result<BTreeSet<(String, String)>> {
    let arguments =
        ["tree", "--workspace", "--all-features", "--prefix", "none", "--format", "{p}"];
    let tree = process::capture(&mut process::cargo(&arguments))?;
    Ok(tree.lines().filter_map(name_and_version).collect())
}

/// From a line such as `serde v1.0.228 (*)`.
fn name_and_version(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    let name = words.next()?;
    let version = words.next()?.strip_prefix('v')?;
    Some((name.to_owned(), version.to_owned()))
}

/// The elements of an array, none for anything else.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The text of a string, empty for anything else.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn read(cargo: &mut Command) -> Result<Value> {
    let json = process::capture(cargo)?;
    serde_json::from_str(&json).context("cargo metadata is not JSON")
}

fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = process::capture(Command::new(rustc).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_version_are_read_from_a_line() {
        let serde = Some(("serde".to_owned(), "1.0.228".to_owned()));
        assert_eq!(name_and_version("serde v1.0.228"), serde);
        assert_eq!(name_and_version("serde v1.0.228 (proc-macro) (*)"), serde);
        assert_eq!(name_and_version(""), None);
    }

    #[test]
    fn the_target_folder_is_the_one_that_cargo_is_told() {
        let mut cargo = process::cargo(&WORKSPACE);
        let target = target_of(cargo.env("CARGO_TARGET_DIR", "/elsewhere"));
        assert_eq!(target.expect("cargo knows"), PathBuf::from("/elsewhere"));
    }

    #[test]
    fn this_package_is_built() {
        let built = built().expect("cargo prints the tree");
        assert!(built.iter().any(|(name, _)| name == "nexus-xtask"));
    }
}
