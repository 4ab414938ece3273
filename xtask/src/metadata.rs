//! What cargo knows about the workspace.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// The packages of the workspace, without what they depend on.
pub(crate) fn workspace() -> Result<Value> {
    read(&["metadata", "--format-version", "1", "--no-deps"])
}

/// Every package that some feature of the workspace can build on this machine, with the resolved graph.
pub(crate) fn resolved() -> Result<Value> {
    let host = host()?;
    read(&["metadata", "--format-version", "1", "--all-features", "--filter-platform", &host])
}

/// The elements of an array, none for anything else.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The text of a string, empty for anything else.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn read(arguments: &[&str]) -> Result<Value> {
    let json = process::capture(&mut process::cargo(arguments))?;
    serde_json::from_str(&json).context("cargo metadata is not JSON")
}

fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = process::capture(std::process::Command::new(rustc).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}
