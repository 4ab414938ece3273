//! A small change to the code, as cargo-mutants lists it.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// One change.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Change {
    /// Where and what, for people.
    pub(super) name: String,
    /// The file, from the root of the tree.
    pub(super) file: String,
    pub(super) genre: Genre,
    /// What stands in the place afterwards.
    pub(super) replacement: String,
    /// The place.
    pub(super) span: Place,
}

/// What kind of change.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: Point,
    pub(super) end: Point,
}

/// A place between two characters, counted from 1.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// All changes to a package of a tree.
pub(super) fn all(tree: &Path, package: &str) -> Result<Vec<Change>> {
    let mut list = process::cargo(&["mutants", "--list", "--json", "--no-shuffle", "-p", package]);
    let listed = process::capture(list.current_dir(tree).env_remove("CARGO_MANIFEST_DIR"))?;
    serde_json::from_str(&listed).context("cargo mutants lists something else")
}
