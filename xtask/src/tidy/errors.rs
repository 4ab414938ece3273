//! Error codes: each has a page, and each page a code.
//!
//! A code is `NX` and four digits; its page is `docs/errors/<code>.md`.

use std::collections::BTreeSet;

use super::tree::Source;

/// Codes without a page and pages without a code. Codes that only tests mention need no page.
pub(crate) fn problems(sources: &[Source]) -> Vec<String> {
    let rust = sources.iter().filter(|source| source.is_rust());
    let codes: BTreeSet<_> = rust.flat_map(|source| codes(source.production())).collect();
    let pages: BTreeSet<_> = sources.iter().filter_map(|source| page(&source.path)).collect();
    let without_page =
        codes.difference(&pages).map(|code| format!("{code} has no page in docs/errors"));
    let without_code = pages
        .difference(&codes)
        .map(|code| format!("docs/errors/{code}.md: no source uses {code}"));
    without_page.chain(without_code).collect()
}

fn page(path: &str) -> Option<&str> {
    let name = path.strip_prefix("docs/errors/")?.strip_suffix(".md")?;
    codes(name).next().filter(|code| *code == name)
}

fn codes(text: &str) -> impl Iterator<Item = &str> {
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| {
        word.strip_prefix("NX")
            .is_some_and(|number| number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::file;
    use super::*;

    #[test]
    fn both_sides_agree() {
        let source = file("cli/src/a.rs", "/// [`NX0001`]\nconst CODE: &str = \"NX0001\";");
        assert!(problems(&[source, file("docs/errors/NX0001.md", "")]).is_empty());
        assert!(problems(&[file("docs/errors/README.md", "NX0001")]).is_empty());
    }

    #[test]
    fn a_code_without_page_is_found() {
        let found = problems(&[file("cli/src/a.rs", "\"NX0001\"")]);
        assert_eq!(found, ["NX0001 has no page in docs/errors"]);
    }

    #[test]
    fn a_page_without_code_is_found() {
        let found =
            problems(&[file("docs/errors/NX0001.md", ""), file("tests/a.rs", "\"NX0001\"")]);
        assert_eq!(found, ["docs/errors/NX0001.md: no source uses NX0001"]);
    }

    #[test]
    fn other_words_are_no_codes() {
        assert_eq!(codes("NX00011 NX001 XNX0001 NXabcd MY_NX0001").count(), 0);
    }
}
