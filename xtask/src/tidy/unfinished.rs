//! Marks of unfinished code.

use super::tree::Source;

/// Written in pieces, because this file is checked as well.
const MARKS: [&str; 3] =
    [concat!("todo", "!"), concat!("unimplemented", "!"), concat!("FIX", "ME")];

/// Every line of a Rust file that holds such a mark.
pub(crate) fn problems(sources: &[Source]) -> Vec<String> {
    sources.iter().filter(|source| source.is_rust()).flat_map(source_problems).collect()
}

fn source_problems(source: &Source) -> impl Iterator<Item = String> {
    source.text.lines().zip(1..).filter_map(|(line, number)| {
        let mark = MARKS.iter().find(|mark| line.contains(**mark))?;
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
    fn finished_code_passes() {
        assert!(problems(&[file("log/src/a.rs", "fn a() {}\n")]).is_empty());
    }
}
