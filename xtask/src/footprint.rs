//! What embedding the engine costs: the packages of the library's default build.
//!
//! Invariants:
//! * The default build has fewer than 100 packages.
//! * It needs no C compiler. `blake3` names `cc` even when its `pure` feature keeps it from calling it.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::process;

const LIBRARY: &str = "nexus-engine";
const PACKAGES_MAX: usize = 99;

/// Package and the feature with which it does not call the C compiler it depends on.
const COMPILER_UNUSED: [(&str, &str); 1] = [("blake3", "pure")];

/// Checks the default build of the library; says how large it is.
pub(crate) fn check() -> Result<String> {
    let tree = process::capture(&mut process::cargo(&[
        "tree",
        "--package",
        LIBRARY,
        "--edges",
        "normal,build",
        "--prefix",
        "depth",
        "--format",
        "\t{p}\t{f}",
    ]))?;
    let lines: Vec<_> = tree.lines().filter_map(parse).collect();
    let compiled = compiler_users(&lines);
    if !compiled.is_empty() {
        bail!("{LIBRARY} needs a C compiler because of {}", compiled.join(", "));
    }
    let packages = count(&lines);
    if packages > PACKAGES_MAX {
        bail!("{LIBRARY} builds {packages} packages, at most {PACKAGES_MAX}");
    }
    Ok(format!("{packages} packages of at most {PACKAGES_MAX}, no C compiler"))
}

/// One line of `cargo tree`.
struct Line<'a> {
    depth: usize,
    name: &'a str,
    version: &'a str,
    features: Vec<&'a str>,
}

fn parse(line: &str) -> Option<Line<'_>> {
    let mut fields = line.split('\t');
    let depth = fields.next()?.parse().ok()?;
    let mut package = fields.next()?.split(' ');
    let features = fields.next().unwrap_or_default().trim_end_matches(" (*)");
    Some(Line {
        depth,
        name: package.next()?,
        version: package.next()?,
        features: features.split(',').collect(),
    })
}

fn count(lines: &[Line<'_>]) -> usize {
    lines.iter().map(|line| (line.name, line.version)).collect::<BTreeSet<_>>().len()
}

/// Packages that compile C: those right above a `cc`, or above a helper that calls it.
fn compiler_users(lines: &[Line<'_>]) -> Vec<String> {
    let uses = lines.iter().enumerate().filter(|(_, line)| matches!(line.name, "cc" | "cmake"));
    let users: BTreeSet<_> = uses
        .filter_map(|(place, line)| lines[..place].iter().rfind(|above| above.depth < line.depth))
        .filter(|user| !leaves_it_unused(user))
        .map(|user| user.name.to_owned())
        .collect();
    users.into_iter().collect()
}

fn leaves_it_unused(user: &Line<'_>) -> bool {
    COMPILER_UNUSED
        .iter()
        .any(|(name, feature)| user.name == *name && user.features.contains(feature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(tree: &str) -> Vec<Line<'_>> {
        tree.lines().filter_map(parse).collect()
    }

    #[test]
    fn a_package_counts_once() {
        let tree = "0\tnexus-engine v0.1.0 (/home/a/engine)\t\n1\tlibc v0.2.1\tstd\n1\tfjall v3.1.13\tlz4\n2\tlibc v0.2.1\tstd (*)\n2\tlibc v0.1.0\t\n";
        assert_eq!(count(&lines(tree)), 4);
    }

    #[test]
    fn a_c_compiler_is_found() {
        let tree =
            "0\tnexus-engine v0.1.0\t\n1\tlz4-sys v1.0.0\t\n2\tlibc v0.2.1\tstd\n2\tcc v1.11.1\t\n";
        assert_eq!(compiler_users(&lines(tree)), ["lz4-sys"]);
    }

    #[test]
    fn blake3_is_pure() {
        let tree = |features| {
            format!("0\tnexus-log v0.1.0\t\n1\tblake3 v1.8.7\t{features}\n2\tcc v1.11.1\t\n")
        };
        assert!(compiler_users(&lines(&tree("pure,std"))).is_empty());
        assert_eq!(compiler_users(&lines(&tree("std"))), ["blake3"]);
        assert!(
            compiler_users(&lines("0\tnexus-log v0.1.0\t\n1\tblake3 v1.8.7\tpure (*)\n"))
                .is_empty()
        );
    }
}
