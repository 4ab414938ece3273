//! The part of `deny.toml` that our own check needs.

/// What dependencies may be.
#[derive(Debug, PartialEq)]
pub(crate) struct Policy {
    /// Licences and licences with an exception.
    pub(crate) licenses: Vec<String>,
    /// Packages that nobody may import.
    pub(crate) bans: Vec<Ban>,
}

/// A package that only `wrappers` may import.
#[derive(Debug, PartialEq)]
pub(crate) struct Ban {
    pub(crate) package: String,
    pub(crate) wrappers: Vec<String>,
}

impl Policy {
    /// Reads `[licenses] allow` and `[bans] deny`, which holds one inline table per line.
    pub(crate) fn parse(text: &str) -> Self {
        let mut policy = Self { licenses: Vec::new(), bans: Vec::new() };
        let (mut section, mut key) = ("", "");
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if line.starts_with('[') && line.ends_with(']') {
                (section, key) = (line, "");
            } else if let Some((name, _)) =
                line.split_once(" = [").filter(|_| !line.starts_with('{'))
            {
                key = name;
            }
            match (section, key) {
                ("[licenses]", "allow") => policy.licenses.extend(quoted(line)),
                ("[bans]", "deny") => policy.bans.extend(ban(line)),
                _ => {}
            }
        }
        policy
    }
}

fn ban(line: &str) -> Option<Ban> {
    let package = quoted(line.split_once("crate = ")?.1).next()?;
    let wrappers = line.split_once("wrappers = [").and_then(|(_, rest)| rest.split_once(']'));
    let wrappers = wrappers.map(|(names, _)| quoted(names).collect()).unwrap_or_default();
    Some(Ban { package, wrappers })
}

/// The strings of `text`: every second piece between quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_read() {
        let policy = Policy::parse(
            r#"
# "not this"
[graph]
targets = ["x86_64-unknown-linux-gnu"]
[bans]
multiple-versions = "warn"
deny = [
    { crate = "ring", reason = "one crypto provider" },
    { crate = "bincode", wrappers = ["nexus-model"], reason = "one codec" },
]
[licenses]
allow = [
    "MIT",
    "Apache-2.0 WITH LLVM-exception",
]
confidence-threshold = 0.9
"#,
        );
        assert_eq!(policy.licenses, ["MIT", "Apache-2.0 WITH LLVM-exception"]);
        let bans: Vec<_> =
            policy.bans.iter().map(|b| (b.package.as_str(), b.wrappers.len())).collect();
        assert_eq!(bans, [("ring", 0), ("bincode", 1)]);
    }

    #[test]
    fn our_own_file_has_both_lists() {
        let file = crate::process::workspace().join("deny.toml");
        let policy = Policy::parse(&std::fs::read_to_string(file).expect("deny.toml is there"));
        assert!(policy.licenses.contains(&"MIT".to_owned()));
        assert!(policy.bans.iter().any(|ban| ban.package == "openssl-sys"));
        assert!(policy.bans.contains(&Ban {
            package: "bincode".to_owned(),
            wrappers: vec!["nexus-model".to_owned()]
        }));
    }
}
