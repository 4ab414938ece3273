//! The house rules that the compiler does not check.
//!
//! Each rule is a pure function from the tree, or from the declared dependencies, to a list of problems.
//! The tests below apply each rule to this repository, so that a broken rule is a failing test.

mod arrows;
mod errors;
mod layout;
mod paths;
mod tree;
mod unfinished;

use std::process::ExitCode;

use anyhow::Result;

use self::tree::Source;
pub(crate) use self::tree::listed;

/// A rule about the files of the repository, with its name.
type Rule = (&'static str, fn(&[Source]) -> Vec<String>);

const RULES: [Rule; 6] = [
    ("module files", layout::module_files),
    ("module names", layout::module_names),
    ("file length", layout::file_length),
    ("unfinished code", unfinished::problems),
    ("error pages", errors::problems),
    ("machine paths", paths::problems),
];

/// Prints every broken rule; the exit code says whether there is one.
pub(crate) fn run() -> Result<ExitCode> {
    let problems = problems()?;
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() {
        println!("tidy: {} rules hold", RULES.len() + 1);
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// Every broken rule, one line each.
pub(crate) fn problems() -> Result<Vec<String>> {
    let sources = tree::sources()?;
    let arrows = arrows::problems(&arrows::declared()?);
    let mut all: Vec<_> =
        arrows.into_iter().map(|problem| format!("dependency arrows: {problem}")).collect();
    for (name, rule) in RULES {
        all.extend(rule(&sources).into_iter().map(|problem| format!("{name}: {problem}")));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn holds(rule: fn(&[Source]) -> Vec<String>) {
        let sources = tree::sources().expect("the tree can be read");
        assert!(sources.iter().any(|source| source.path == "xtask/src/tidy.rs"), "wrong tree");
        let problems = rule(&sources);
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }

    #[test]
    fn packages_import_only_what_the_table_allows() {
        let problems =
            arrows::problems(&arrows::declared().expect("cargo describes the workspace"));
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }

    #[test]
    fn modules_are_named_files() {
        holds(layout::module_files);
    }

    #[test]
    fn modules_are_named_after_what_they_hold() {
        holds(layout::module_names);
    }

    #[test]
    fn files_stay_short() {
        holds(layout::file_length);
    }

    #[test]
    fn code_is_finished() {
        holds(unfinished::problems);
    }

    #[test]
    fn error_codes_and_pages_agree() {
        holds(errors::problems);
    }

    #[test]
    fn nothing_names_a_machine_path() {
        holds(paths::problems);
    }
}
