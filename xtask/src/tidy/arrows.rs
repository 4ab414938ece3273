//! Dependency arrows: which package of the workspace may import which.
//!
//! Invariants:
//! * A package imports only packages above it in [`TABLE`], and of those only the named ones.
//! * Every package of the workspace has a row, or is one of [`FREE`], which may import anything and which nobody imports.

use anyhow::Result;
use serde_json::Value;

use crate::metadata::{self, list, text};

/// Package, and what it may import.
const TABLE: [(&str, &[&str]); 8] = [
    ("nexus-model", &[]),
    ("nexus-definitions", &["nexus-model"]),
    ("nexus-log", &[]),
    ("nexus-projections", &["nexus-model", "nexus-log"]),
    ("nexus-engine", &["nexus-model", "nexus-definitions", "nexus-log", "nexus-projections"]),
    (
        "nexus-gateway",
        &["nexus-model", "nexus-definitions", "nexus-log", "nexus-projections", "nexus-engine"],
    ),
    (
        "nexus-connectors",
        &["nexus-model", "nexus-definitions", "nexus-log", "nexus-projections", "nexus-engine"],
    ),
    (
        "nexus-cli",
        &[
            "nexus-model",
            "nexus-definitions",
            "nexus-log",
            "nexus-projections",
            "nexus-engine",
            "nexus-gateway",
            "nexus-connectors",
        ],
    ),
];

/// Packages outside the product: they may import anything, and nobody imports them.
const FREE: [&str; 4] = ["nexus-tests", "nexus-benches", "nexus-examples", "nexus-xtask"];

/// Imports that a program embedding the engine must be able to leave out.
const OPTIONAL: [(&str, &str); 1] = [("nexus-engine", "nexus-definitions")];

/// A package of the workspace and what it imports from the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    name: String,
    imports: Vec<Import>,
}

#[derive(Debug)]
struct Import {
    name: String,
    optional: bool,
}

/// What the manifests declare; tests may depend on anything, so development dependencies do not count.
pub(crate) fn declared() -> Result<Vec<Package>> {
    Ok(packages(&metadata::workspace()?))
}

/// Arrows that point where they must not.
pub(crate) fn problems(packages: &[Package]) -> Vec<String> {
    packages.iter().flat_map(package_problems).collect()
}

fn package_problems(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    if FREE.contains(&name) {
        return Vec::new();
    }
    let Some((_, allowed)) = TABLE.iter().find(|(row, _)| *row == name) else {
        return vec![format!("{name} has no row in the table of xtask/src/tidy/arrows.rs")];
    };
    package.imports.iter().filter_map(|import| import_problem(name, allowed, import)).collect()
}

fn import_problem(package: &str, allowed: &[&str], import: &Import) -> Option<String> {
    let target = import.name.as_str();
    if !allowed.contains(&target) {
        return Some(format!("{package} must not import {target}"));
    }
    let must_be_optional = OPTIONAL.contains(&(package, target));
    (must_be_optional && !import.optional)
        .then(|| format!("{package} must import {target} behind a feature"))
}

fn packages(metadata: &Value) -> Vec<Package> {
    let names: Vec<_> = list(&metadata["packages"]).map(|package| text(&package["name"])).collect();
    list(&metadata["packages"])
        .map(|package| Package {
            name: text(&package["name"]).to_owned(),
            imports: list(&package["dependencies"])
                .filter(|dependency| text(&dependency["kind"]) != "dev")
                .filter(|dependency| names.contains(&text(&dependency["name"])))
                .map(|dependency| Import {
                    name: text(&dependency["name"]).to_owned(),
                    optional: dependency["optional"].as_bool().unwrap_or_default(),
                })
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One package `name` that imports `target`, as cargo describes it.
    fn check(name: &str, target: &str, kind: &Value, optional: bool) -> Vec<String> {
        let metadata = serde_json::json!({ "packages": [
            { "name": name, "dependencies": [
                { "name": target, "kind": kind, "optional": optional },
                { "name": "serde", "kind": null, "optional": false },
            ] },
            { "name": target, "dependencies": [] },
        ] });
        problems(&packages(&metadata))
    }

    #[test]
    fn an_arrow_upwards_is_allowed() {
        assert!(check("nexus-projections", "nexus-log", &Value::Null, false).is_empty());
        assert!(check("nexus-tests", "nexus-cli", &Value::Null, false).is_empty());
    }

    #[test]
    fn an_arrow_downwards_is_found() {
        let problems = check("nexus-log", "nexus-engine", &Value::Null, false);
        assert_eq!(problems, ["nexus-log must not import nexus-engine"]);
        let problems = check("nexus-model", "nexus-log", &"build".into(), false);
        assert_eq!(problems, ["nexus-model must not import nexus-log"]);
    }

    #[test]
    fn nobody_imports_the_tests() {
        let problems = check("nexus-cli", "nexus-tests", &Value::Null, false);
        assert_eq!(problems, ["nexus-cli must not import nexus-tests"]);
    }

    #[test]
    fn a_test_may_import_anything() {
        assert!(check("nexus-log", "nexus-engine", &"dev".into(), false).is_empty());
    }

    #[test]
    fn the_library_can_be_built_without_definitions() {
        let import = |optional| check("nexus-engine", "nexus-definitions", &Value::Null, optional);
        assert!(import(true).is_empty());
        assert_eq!(import(false), ["nexus-engine must import nexus-definitions behind a feature"]);
    }

    #[test]
    fn a_new_package_needs_a_row() {
        let problems = check("nexus-new", "nexus-model", &Value::Null, false);
        assert_eq!(problems, ["nexus-new has no row in the table of xtask/src/tidy/arrows.rs"]);
    }

    #[test]
    fn the_table_only_points_upwards() {
        for (row, (package, allowed)) in TABLE.iter().enumerate() {
            for target in *allowed {
                let above = TABLE[..row].iter().any(|(name, _)| name == target);
                assert!(above, "{target} is not above {package}");
            }
        }
    }
}
