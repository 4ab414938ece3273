//! Licences, banned packages and sources of everything the workspace can build.
//!
//! `cargo deny` checks this where it is installed. Compiling it takes minutes, so that elsewhere the check
//! below reads the same `deny.toml` and answers the same three questions.

mod expression;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::policy::Policy;
use crate::metadata::{self, list, text};
use crate::process;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks the dependencies against `deny.toml`; says by which means.
pub(crate) fn check() -> Result<String> {
    if process::succeeds(&mut process::cargo(&["deny", "--version"])) {
        process::run(&mut process::cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
        return Ok("checked by cargo deny".to_owned());
    }
    let file = process::workspace().join("deny.toml");
    let policy = Policy::parse(&std::fs::read_to_string(file).context("cannot read deny.toml")?);
    let built = metadata::built()?;
    let problems = problems(&policy, &metadata::resolved()?, &built);
    if !problems.is_empty() {
        bail!("deny.toml does not allow:\n  {}", problems.join("\n  "));
    }
    Ok(format!("{} packages, own check (cargo deny is not installed)", built.len()))
}

fn problems(policy: &Policy, metadata: &Value, built: &BTreeSet<(String, String)>) -> Vec<String> {
    let packages: Vec<_> = list(&metadata["packages"])
        .filter(|package| {
            let (name, version) = (text(&package["name"]), text(&package["version"]));
            built.contains(&(name.to_owned(), version.to_owned()))
        })
        .collect();
    let importers = importers(&packages, metadata);
    let none = Vec::new();
    packages
        .iter()
        .flat_map(|package| {
            let importers = importers.get(text(&package["id"])).unwrap_or(&none);
            [
                license_problem(policy, package),
                source_problem(package),
                ban_problem(policy, package, importers),
            ]
        })
        .flatten()
        .collect()
}

fn license_problem(policy: &Policy, package: &Value) -> Option<String> {
    let license = text(&package["license"]);
    let allowed = expression::allowed(license, &policy.licenses);
    (!allowed).then(|| format!("{}: licence `{license}`", title(package)))
}

fn source_problem(package: &Value) -> Option<String> {
    let source = &package["source"];
    let ours = source.is_null() || text(source) == REGISTRY;
    (!ours).then(|| format!("{}: source `{}`", title(package), text(source)))
}

fn ban_problem(policy: &Policy, package: &Value, importers: &[&str]) -> Option<String> {
    let ban = policy.bans.iter().find(|ban| ban.package == text(&package["name"]))?;
    let importer =
        importers.iter().find(|importer| !ban.wrappers.iter().any(|w| w == *importer))?;
    Some(format!("{}: banned, and imported by {importer}", title(package)))
}

/// Package id to the names of those of `packages` that import it.
fn importers<'a>(packages: &[&'a Value], metadata: &'a Value) -> BTreeMap<&'a str, Vec<&'a str>> {
    let names: BTreeMap<_, _> =
        packages.iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let mut importers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let Some(importer) = names.get(text(&node["id"])) else { continue };
        for dependency in list(&node["deps"]) {
            importers.entry(text(&dependency["pkg"])).or_default().push(importer);
        }
    }
    importers
}

fn title(package: &Value) -> String {
    format!("{} {}", text(&package["name"]), text(&package["version"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
[bans]
deny = [
    { crate = "ring", reason = "one provider" },
    { crate = "bincode", wrappers = ["nexus-model"] },
]
[licenses]
allow = ["MIT"]
"#;

    /// One package, imported by `importer`.
    fn check(name: &str, license: &str, source: &Value, importer: &str) -> Vec<String> {
        let metadata = serde_json::json!({
            "packages": [
                { "id": "a", "name": importer, "version": "1.0.0", "license": "MIT", "source": null },
                { "id": "b", "name": name, "version": "1.0.0", "license": license, "source": source },
            ],
            "resolve": { "nodes": [{ "id": "a", "deps": [{ "pkg": "b" }] }] },
        });
        let built = [name, importer].map(|name| (name.to_owned(), "1.0.0".to_owned()));
        problems(&Policy::parse(POLICY), &metadata, &built.into())
    }

    #[test]
    fn what_is_not_built_does_not_count() {
        let ring = serde_json::json!({ "id": "a", "name": "ring", "version": "1.0.0" });
        let metadata = serde_json::json!({ "packages": [ring] });
        assert!(problems(&Policy::parse(POLICY), &metadata, &BTreeSet::new()).is_empty());
    }

    #[test]
    fn an_allowed_package_passes() {
        assert!(check("serde", "MIT", &REGISTRY.into(), "nexus-log").is_empty());
        assert!(check("bincode", "MIT", &REGISTRY.into(), "nexus-model").is_empty());
    }

    #[test]
    fn a_foreign_licence_is_found() {
        let found = check("serde", "GPL-3.0", &REGISTRY.into(), "nexus-log");
        assert_eq!(found, ["serde 1.0.0: licence `GPL-3.0`"]);
        let found = check("serde", "", &REGISTRY.into(), "nexus-log");
        assert_eq!(found, ["serde 1.0.0: licence ``"]);
    }

    #[test]
    fn a_foreign_source_is_found() {
        let found = check("serde", "MIT", &"git+https://example.com/serde".into(), "nexus-log");
        assert_eq!(found, ["serde 1.0.0: source `git+https://example.com/serde`"]);
    }

    #[test]
    fn a_banned_package_is_found() {
        let found = check("ring", "MIT", &REGISTRY.into(), "nexus-log");
        assert_eq!(found, ["ring 1.0.0: banned, and imported by nexus-log"]);
        let found = check("bincode", "MIT", &REGISTRY.into(), "nexus-log");
        assert_eq!(found, ["bincode 1.0.0: banned, and imported by nexus-log"]);
    }
}
