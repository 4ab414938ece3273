//! Marks of unfinished code, and of unfinished merges.

use super::tree::Source;

/// Written in pieces, because this file is checked as well.
const MARKS: [&str; 3] =
    [concat!("todo", "!"), concat!("unimplemented", "!"), concat!("FIX", "ME")];

/// What a merge leaves at the beginning of a line.
const LEFT_BY_MERGES: [&str; 2] = [concat!("<<<<", "<<< "), concat!(">>>>", ">>> ")];

/// Every line that holds such a mark: of code in a Rust file, of a merge in any file.
pub(crate) fn problems(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(source_problems).collect()
}

fn source_problems(source: &Source) -> impl Iterator<Item = String> {
    source.text.lines().zip(1..).filter_map(|(line, number)| {
        let of_code = || MARKS.iter().find(|mark| source.is_rust() && line.contains(**mark));
        let of_merge = || LEFT_BY_MERGES.iter().find(|mark| line.starts_with(**mark));
        let mark = of_code().or_else(of_merge)?;
        Some(format!("{}:{number}: {mark}", source.path))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::file;
    use super::*;

    #[test]
    fn each_mark_is_found() {
        for mark in MARKS {
            let found = problems(&[file("log/src/a.rs", &format!("fn a() {{\n    {mark}\n}}\n"))]);
            assert_eq!(found, [format!("log/src/a.rs:2: {mark}")]);
        }
    }

    #[test]
    fn what_a_merge_left_is_found_in_every_file() {
        for mark in LEFT_BY_MERGES {
            let found = problems(&[file("docs/a.md", &format!("one\n{mark}main\n"))]);
            assert_eq!(found, [format!("docs/a.md:2: {mark}")]);
        }
    }

    #[test]
    fn finished_work_passes() {
        assert!(problems(&[file("log/src/a.rs", "fn a() {}\n")]).is_empty());
        let told = format!("`{}` is a macro\n=======\n", MARKS[0]);
        assert!(problems(&[file("docs/a.md", &told)]).is_empty());
    }
}
