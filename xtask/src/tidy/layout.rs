//! Layout of Rust files: how they are called and how long they get.

use super::tree::Source;

/// Lines of a Rust file, its tests not counted.
const LINES_MAX: usize = 600;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 2] = ["util", "utils"];

/// `lease.rs` beside `lease/`, never `lease/mod.rs`.
pub(crate) fn module_files(sources: &[Source]) -> Vec<String> {
    let files = sources.iter().filter(|source| source.path.ends_with("/mod.rs"));
    files.map(|source| format!("{}: name the file after its module", source.path)).collect()
}

/// A module is named after what it holds.
pub(crate) fn module_names(sources: &[Source]) -> Vec<String> {
    let files = sources.iter().filter(|source| source.is_rust());
    files
        .filter(|source| in_empty_module(&source.path) || declares_empty_module(&source.text))
        .map(|source| format!("{}: name the module after what it holds", source.path))
        .collect()
}

/// A file tells one story.
pub(crate) fn file_length(sources: &[Source]) -> Vec<String> {
    let files = sources.iter().filter(|source| source.is_rust());
    files
        .map(|source| (source, source.production().lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(source, lines)| format!("{}: {lines} lines, at most {LINES_MAX}", source.path))
        .collect()
}

fn in_empty_module(path: &str) -> bool {
    path.trim_end_matches(".rs").split('/').any(|name| EMPTY_NAMES.contains(&name))
}

fn declares_empty_module(text: &str) -> bool {
    let modules = text
        .lines()
        .filter_map(|line| line.split_once("mod "))
        .filter(|(before, _)| matches!(before.trim(), "" | "pub" | "pub(crate)" | "pub(super)"));
    modules
        .map(|(_, after)| after.trim_end_matches([' ', ';', '{', '}']))
        .any(|name| EMPTY_NAMES.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::super::tree::file;
    use super::*;

    #[test]
    fn a_mod_file_is_found() {
        assert_eq!(module_files(&[file("log/src/frame/mod.rs", "")]).len(), 1);
        assert!(module_files(&[file("log/src/frame.rs", "")]).is_empty());
    }

    #[test]
    fn an_empty_name_is_found() {
        assert_eq!(module_names(&[file("log/src/utils.rs", "")]).len(), 1);
        assert_eq!(module_names(&[file("log/src/util/time.rs", "")]).len(), 1);
        assert_eq!(module_names(&[file("log/src/lib.rs", "pub(crate) mod utils {\n")]).len(), 1);
        assert!(module_names(&[file("log/src/lib.rs", "mod utilization;\n")]).is_empty());
        assert!(module_names(&[file("web/src/lib/utils.ts", "")]).is_empty());
    }

    #[test]
    fn a_long_file_is_found() {
        let long = "//\n".repeat(LINES_MAX + 1);
        assert_eq!(
            file_length(&[file("log/src/a.rs", &long)]),
            ["log/src/a.rs: 601 lines, at most 600"]
        );
        assert!(file_length(&[file("log/src/a.rs", &"//\n".repeat(LINES_MAX))]).is_empty());
        assert!(file_length(&[file("log/src/a/tests.rs", &long)]).is_empty());
        assert!(file_length(&[file("docs/a.md", &long)]).is_empty());
    }
}
